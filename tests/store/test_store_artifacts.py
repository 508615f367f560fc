import threading

import pytest

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.store.artifacts import Artifacts


@pytest.fixture(params=["folder", "bucket"])
def artifacts(request, tmp_path):
    if request.param == "folder":
        return Artifacts(str(tmp_path / "artifacts"))
    return Artifacts(f"memory://{tmp_path.name}")


def test_a_file_comes_back_as_it_was_written(artifacts):
    folder = artifacts.folder("runs", "a1")
    folder.write("config.json", b"{}")
    folder.write("config.json", b'{"a": 1}')
    assert folder.read("config.json") == b'{"a": 1}'
    assert folder.names() == ["config.json"]
    assert artifacts.listed(("runs",)) == ["a1"]


def test_a_missing_file_is_an_unknown_name_that_lists_the_others(artifacts):
    folder = artifacts.folder("runs", "a1")
    assert folder.names() == []
    folder.write("config.json", b"{}")
    with pytest.raises(UnknownName) as caught:
        folder.read("weights.safetensors")
    assert caught.value.known == ("config.json",)


def test_deleting_takes_all_files_and_is_fine_where_there_are_none(artifacts):
    folder = artifacts.folder("runs", "a1")
    folder.delete()
    folder.write("config.json", b"{}")
    folder.delete()
    assert folder.names() == []


@pytest.mark.parametrize("name", ["..", "a/b", "", "/etc", ".hidden", "a\0b", "é"])
def test_a_name_that_could_leave_the_folder_is_refused(artifacts, name):
    with pytest.raises(InvalidInput):
        artifacts.folder("runs", name)
    with pytest.raises(InvalidInput):
        artifacts.folder("runs").write(name, b"")


def test_a_reader_sees_an_old_file_or_a_new_one_and_never_half(tmp_path):
    folder = Artifacts(str(tmp_path)).folder("runs")
    sizes = [200_000, 400_000]
    folder.write("weights", b"x" * sizes[0])
    done = threading.Event()

    def write():
        for number in range(40):
            folder.write("weights", b"x" * sizes[number % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(len(folder.read("weights")))
    writer.join()
    assert seen <= set(sizes)
    assert folder.names() == ["weights"]


def test_a_part_left_by_a_crash_is_not_a_file(tmp_path):
    folder = Artifacts(str(tmp_path)).folder("runs")
    folder.write("config.json", b"{}")
    (tmp_path / "runs" / "weights.0.part").write_bytes(b"half")
    assert folder.names() == ["config.json"]
