"""Artifacts on a disk that is full, and in a process that is killed while it writes."""

import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

import turned_world
from bindscope.client import ApiError, BindscopeClient
from bindscope.store.artifacts import Artifacts
from bindscope.store.valkey import EmbeddedStore
from real_service import Process

WRITER = """
import hashlib, sys
from bindscope.store.artifacts import Artifacts
folder, n = Artifacts(sys.argv[1]).folder("run"), 0
print("ready", flush=True)
while True:
    n += 1
    body = bytes([n % 251]) * (1 + n * 977_551 % 3_000_000)
    folder.write(f"file-{n % 3}", hashlib.sha256(body).digest() + body)
"""


def test_a_process_that_is_killed_while_it_writes_leaves_no_half_file(tmp_path) -> None:
    seen = 0
    for turn in range(8):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(random.Random(turn).uniform(0.01, 0.25))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        folder = Artifacts(str(tmp_path)).folder("run")
        for name in folder.names():
            data = folder.read(name)
            assert hashlib.sha256(data[32:]).digest() == data[:32]
            seen += 1
    assert seen


def limit_files(service: Process, most: str) -> None:
    """Files of the service may not grow beyond ``most`` bytes: to its code a full disk."""
    subprocess.run(["prlimit", "--pid", str(service.process.pid), f"--fsize={most}:unlimited"], check=True)


def files_below(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux only")
def test_a_full_disk_is_a_sentence_and_the_service_goes_on(tmp_path) -> None:
    data = tmp_path / "data"
    with (
        EmbeddedStore(tmp_path / "store") as store,
        Process(data, redis_url=store.url) as service,
        BindscopeClient(service.url) as client,
    ):
        client.add_space(json.dumps(turned_world.space("turned")))
        upload = turned_world.upload(client.space_texts("turned"))
        found = client.add_dataset(upload, space="turned", filename="both.npz")
        repair = {"model": f"precomputed:{found.id}", "dataset": found.id}
        limit_files(service, "4096")
        with pytest.raises(ApiError, match="disk is full") as refused:
            client.repair(**repair)
        assert refused.value.status == 507
        assert client.embed("synthetic:bag", texts=["a red square"]).shape[0] == 1
        assert not [path for path in (data / "artifacts" / "repairs").rglob("*") if path.is_file()]
        assert client.repairs() == []
        limit_files(service, "unlimited")
        assert client.repair(**repair).id
        assert len(client.repairs()) == 1


def picture_archive() -> bytes:
    """Three labelled pictures that bring a concept space of their own."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        head = "filename,object1_color,object1_shape\n"
        archive.writestr("labels.csv", f"{head}0.png,red,square\n1.png,blue,ring\n2.png,red,ring\n")
        for number in range(3):
            pixels = np.random.default_rng(number).integers(0, 256, (48, 48, 3), np.uint8)
            picture = io.BytesIO()
            Image.fromarray(pixels).save(picture, format="PNG")
            archive.writestr(f"{number}.png", picture.getvalue())
    return file.getvalue()


def vectors() -> bytes:
    """A hundred labelled vectors without a concept space: some 13 kB."""
    rng = np.random.default_rng(0)
    file = io.BytesIO()
    np.savez(
        file,
        embeddings=rng.standard_normal((100, 32)).astype(np.float32),
        scenes=rng.integers(0, 3, (100, 2, 2)),
        values=np.array([3, 3]),
    )
    return file.getvalue()


#: What is added, and the largest file that still fits. The large one does not fit where the framework keeps it before
#: the service reads a byte; the pictures do not fit after their concept space was written.
ADDED = {
    "vectors": (4096, lambda client: client.add_dataset(vectors(), filename="vectors.npz")),
    "pictures": (4096, lambda client: client.add_dataset(picture_archive(), filename="pictures.zip")),
    "large": (4096, lambda client: client.add_dataset(b"x" * 2_000_000, filename="large.npz")),
    "space": (16, lambda client: client.add_space(json.dumps(turned_world.space("second")))),
}


@pytest.fixture(scope="module")
def filling(tmp_path_factory):
    data = tmp_path_factory.mktemp("filling") / "data"
    with Process(data, store="off") as service, BindscopeClient(service.url) as client:
        yield service, client, data


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux only")
@pytest.mark.parametrize("name", ADDED)
def test_what_does_not_fit_on_the_disk_is_refused_as_such_and_leaves_nothing(filling, name) -> None:
    service, client, data = filling
    most, add = ADDED[name]
    limit_files(service, str(most))
    with pytest.raises(ApiError, match="disk is full") as refused:
        add(client)
    limit_files(service, "unlimited")
    assert refused.value.status == 507
    assert client.datasets() == []
    assert all(space.builtin for space in client.spaces())
    assert files_below(data) == []
