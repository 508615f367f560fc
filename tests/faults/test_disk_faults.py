"""Artifacts on a disk that is full, and in a process that is killed while it writes."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

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
        subprocess.run(["prlimit", "--pid", str(service.process.pid), "--fsize=4096:unlimited"], check=True)
        with pytest.raises(ApiError, match="disk is full") as refused:
            client.repair(**repair)
        assert refused.value.status == 507
        assert client.embed("synthetic:bag", texts=["a red square"]).shape[0] == 1
        assert not [path for path in (data / "artifacts" / "repairs").rglob("*") if path.is_file()]
        assert client.repairs() == []
        subprocess.run(["prlimit", "--pid", str(service.process.pid), "--fsize=unlimited"], check=True)
        assert client.repair(**repair).id
        assert len(client.repairs()) == 1
