"""The service in this process: same answers, streams as they come, nothing left behind."""

import socket
import stat
import tempfile
import threading
from pathlib import Path

import httpx2
import pytest

import bindscope
from bindscope.client import ApiError
from bindscope.core.errors import InvalidInput

BODY = {"model": "synthetic:bag", "space": "clevr2d", "modality": "text"}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with bindscope.local(data_dir=tmp_path_factory.mktemp("local")) as client:
        yield client


def test_questions_are_answered_without_a_server_of_ones_own(client) -> None:
    assert {"synthetic:bag", "bundled:tiny-bind"} <= {model.id for model in client.models()}
    batch = client.verdict_batch("synthetic:order-blind", "clevr2d", count=40, only_valid_swaps=True)
    assert batch.undecided.value == 1.0


def test_progress_comes_while_the_work_goes_on(client) -> None:
    steps = []
    client.verdict_batch("synthetic:product", "clevr2d", count=300, on_progress=steps.append)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert len(steps) > 2


def test_errors_are_the_sentences_of_the_service(client) -> None:
    with pytest.raises(ApiError, match="Unknown model"):
        client.verdict_batch("no:such")


def test_a_caller_that_leaves_a_stream_leaves_no_work_behind(client) -> None:
    class Enough(Exception):
        pass

    def stop(step):
        raise Enough

    with pytest.raises(Enough):
        client.verdict_batch("synthetic:product", "shapes2d", count=5000, on_progress=stop)
    assert client.verdict_batch("synthetic:bag", "clevr2d", count=5).scenes == 5


def test_closing_ends_its_threads_and_a_second_close_does_nothing(tmp_path) -> None:
    before = {thread.name for thread in threading.enumerate()}
    client = bindscope.local(data_dir=tmp_path)
    assert client.spaces()
    client.close()
    client.close()
    assert {thread.name for thread in threading.enumerate()} <= before
    with pytest.raises((InvalidInput, RuntimeError, httpx2.HTTPError)):
        client.spaces()


def test_a_service_that_cannot_start_says_why_and_leaves_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(InvalidInput, match="could not start: Protocol not known: nowhere"):
        bindscope.local(data_dir=tmp_path / "data", artifacts="nowhere://bucket", store="off")
    assert list(tmp_path.iterdir()) == []


def test_its_socket_is_in_a_folder_of_this_user_and_goes_with_it(tmp_path, monkeypatch) -> None:
    # Paths of sockets are short: the folder of the test is too long for one.
    with tempfile.TemporaryDirectory() as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        with bindscope.local(data_dir=tmp_path, store="off"):
            (folder,) = Path(short).iterdir()
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert [path.name for path in folder.iterdir()] == ["http.sock"]
        assert not folder.exists()


def test_where_there_are_no_unix_sockets_it_is_a_loopback_port_that_wants_a_key(tmp_path, monkeypatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with bindscope.local(data_dir=tmp_path, store="off") as client:
        assert client.ready().ready
        assert httpx2.get(f"{client.url}/v1/models").status_code == 401


def test_answers_are_tables_with_provenance_and_figures(client) -> None:
    batch = client.verdict_batch("synthetic:additive", "clevr2d", count=30)
    table = client.frame(batch)
    assert table.set_index("name").loc["concepts", "value"] == batch.recognition["concepts"].value
    assert table.attrs["provenance"]["model"] == "synthetic:additive"
    figure = client.figure(batch)
    assert figure.data[0].x
    scene = {"space": "clevr2d", "objects": [{"values": {"color": "red", "shape": "square"}}]}
    answers = [
        client.verdict("synthetic:additive", scene),
        client.probe(BODY),
        client.decompose(BODY),
        client.remove(BODY),
        client.intervene(BODY),
        client.retrieve("synthetic:bag", "clevr2d", queries=20),
        client.compare(["synthetic:bag", "synthetic:additive"], "clevr2d", count=20),
        client.project(BODY, method="pca"),
    ]
    for answer in answers:
        assert len(client.frame(answer)), type(answer)
        assert client.figure(answer).data, type(answer)
    assert len(client.frame(client.models())) > 4
    assert len(client.frame(client.model_checks("synthetic:bag"))) == 8


def test_the_numbers_of_a_table_are_those_of_the_answer(client) -> None:
    found = client.probe(BODY)
    rows = {(row["part"], row["name"]): row["value"] for row in client.records(found)}
    assert rows["test", "object"] == found.test["object"].value
