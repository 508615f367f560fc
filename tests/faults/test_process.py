"""The service as a process: told to stop, told to listen where it should not, and what it writes to its log."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import httpx2
import pytest

from bindscope.client import ApiError, BindscopeClient
from real_service import Process

SECRET = "secret-key-0123456789"


def until_inside(service: Process) -> None:
    """Returns once a request is worked on beside the one that asks."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        text = httpx2.get(f"{service.url}/metrics", headers={"Authorization": f"Bearer {SECRET}"}).text
        if "bindscope_requests_in_progress 2.0" in text:
            return
        time.sleep(0.02)
    raise AssertionError("the request did not arrive")


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A service with keys, traced to nowhere, that was asked a few things and told to stop in the middle of one."""
    data = tmp_path_factory.mktemp("process") / "data"
    with Process(data, store="off", api_keys=f"anna:{SECRET}") as service:
        with BindscopeClient(service.url, SECRET) as client:
            client.embed("synthetic:bag", texts=["text-that-nobody-logs"])
        httpx2.get(f"{service.url}/v1/models?token=query-that-nobody-logs", headers={"Authorization": "Bearer wrong"})
        late = {}

        def ask() -> None:
            with BindscopeClient(service.url, SECRET) as client:
                late["answer"] = client.verdict_batch("bundled:tiny-bind", "shapes2d", count=100)

        thread = threading.Thread(target=ask)
        thread.start()
        until_inside(service)
        service.process.send_signal(signal.SIGTERM)
        code = service.process.wait(60)
        thread.join(10)
        yield service, code, late


def test_a_request_under_way_is_answered_before_the_service_stops(watched) -> None:
    _, code, late = watched
    assert code in (0, -signal.SIGTERM)
    assert late["answer"].scenes == 100


def test_each_line_of_the_log_is_json_with_the_id_of_its_request(watched) -> None:
    lines = [json.loads(line) for line in watched[0].lines]
    requests = [line for line in lines if line["event"] == "request"]
    assert {"/v1/embeddings", "/v1/verdicts/batch"} <= {line["route"] for line in requests}
    for line in requests:
        assert {"request", "method", "status", "ms", "level", "timestamp"} <= line.keys()
    assert {line["key"] for line in requests if line["status"] == 200} == {"anna"}


def test_no_line_of_the_log_holds_a_key_a_query_or_what_was_sent(watched) -> None:
    text = "\n".join(watched[0].lines)
    for secret in (SECRET, "nobody-logs", "Bearer", "token"):
        assert secret not in text


def test_a_request_that_outlasts_the_wait_is_told_that_the_service_stops(tmp_path) -> None:
    told: list[ApiError] = []
    with Process(tmp_path / "data", store="off", drain_s="1") as service:

        def ask() -> None:
            with BindscopeClient(service.url) as client:
                try:
                    client.verdict_batch("bundled:tiny-bind", "shapes2d", count=2000)
                except ApiError as error:
                    told.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        until_inside(service)
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(60)
        thread.join(10)
    assert [error.status for error in told] == [503]
    assert "BINDSCOPE_DRAIN_S" in str(told[0])


def started(data_dir, *command, **variables) -> "subprocess.CompletedProcess[str]":
    """A command that ends by itself."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("BINDSCOPE_")}
    env = {**plain, "BINDSCOPE_DATA_DIR": str(data_dir), **variables}
    return subprocess.run([sys.executable, "-m", *command], env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        (("bindscope", "serve", "--host", "0.0.0.0", "--port", "0"), "BINDSCOPE_API_KEYS"),
        (("bindscope", "serve", "--host", "::", "--port", "0"), "BINDSCOPE_ALLOW_OPEN_SERVICE"),
        (("bindscope", "dashboard", "--host", "0.0.0.0", "--port", "0"), "BINDSCOPE_ALLOW_OPEN_DASHBOARD"),
        (("bindscope_dashboard", "--host", "0.0.0.0", "--port", "0"), "BINDSCOPE_ALLOW_OPEN_DASHBOARD"),
        (("bindscope", "up", "--host", "0.0.0.0"), "BINDSCOPE_API_KEYS"),
    ],
)
def test_nothing_listens_beyond_this_machine_without_a_word(tmp_path, command, variable) -> None:
    done = started(tmp_path, *command)
    assert done.returncode == 1
    assert variable in done.stderr
    assert "Traceback" not in done.stderr


def test_a_weak_key_stops_the_start_and_is_not_shown(tmp_path) -> None:
    done = started(tmp_path, "bindscope", "serve", BINDSCOPE_API_KEYS="anna:hunter2")
    assert done.returncode == 1
    assert "BINDSCOPE_API_KEYS" in done.stderr
    assert "hunter2" not in done.stderr
