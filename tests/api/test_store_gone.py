import os
import signal
import time
import uuid

import pytest
from starlette.testclient import TestClient

from bindscope.api.app import create_app
from bindscope.core.config import Settings
from bindscope.store.valkey import EmbeddedStore


@pytest.fixture
def server(tmp_path):
    with EmbeddedStore(tmp_path / "server") as running:
        yield running


@pytest.fixture
def external(server, tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", redis_url=server.url, preload=())
    with TestClient(create_app(settings), base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


def embed(client, text):
    start = time.monotonic()
    answer = client.post("/v1/embeddings", json={"model": "synthetic:bag", "texts": [text]})
    assert answer.status_code == 200, answer.text
    assert time.monotonic() - start < 1
    return answer.json()


def wait_for(state, client):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if client.get("/readyz").json()["store"]["state"] == state:
            return
        time.sleep(0.05)
    raise AssertionError(f"the store did not become {state}")


def test_with_the_store_gone_the_service_answers_says_so_and_picks_it_up_again(server, external) -> None:
    before = embed(external, "a red square")
    os.kill(server.pid, signal.SIGKILL)
    fresh = embed(external, f"a blue circle {uuid.uuid4()}")
    assert fresh["cached"] == 0
    ready = external.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["degraded"]
    assert ready.json()["store"]["message"]
    assert external.get("/v1/system").json()["store"]["state"] == "degraded"
    assert embed(external, "a red square")["embeddings"] == before["embeddings"]
    server.ensure()
    wait_for("ok", external)
    assert not external.get("/readyz").json()["degraded"]


def test_vectors_survive_a_restart_of_the_service(server, tmp_path) -> None:
    text = "a red square that is remembered"
    for expected in (0, 1):
        settings = Settings(_env_file=None, data_dir=tmp_path / "data", redis_url=server.url, preload=())
        with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
            assert embed(client, text)["cached"] == expected


def test_a_service_without_any_store_works_and_says_that_it_is_off(tmp_path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, store="off", preload=())
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        embed(client, "a red square")
        assert client.get("/readyz").json()["store"]["state"] == "off"


def test_an_unreachable_store_at_start_does_not_stop_the_service(tmp_path) -> None:
    url = "redis://user:secret-word@127.0.0.1:9/0"
    settings = Settings(_env_file=None, data_dir=tmp_path, redis_url=url, preload=())
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        embed(client, "a red square")
        ready = client.get("/readyz")
        assert ready.json()["degraded"]
        assert "secret-word" not in ready.text
