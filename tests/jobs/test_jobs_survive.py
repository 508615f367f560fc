import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from bindscope.client import ApiError, BindscopeClient, ServiceUnreachable
from small_runs import SMALL

pytestmark = pytest.mark.slow

TINY = {**SMALL, "evaluate_every": 100, "checkpoint_every": 20}


def free_port():
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return line.getsockname()[1]


class Service:
    """A service in a process of its own."""

    def __init__(self, data_dir):
        self.url = f"http://127.0.0.1:{free_port()}"
        environment = {
            **os.environ,
            "BINDSCOPE_DATA_DIR": str(data_dir),
            "BINDSCOPE_PRELOAD": "",
            "BINDSCOPE_WORKERS": "1",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "bindscope", "serve", "--port", self.url.rpartition(":")[2]]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client = BindscopeClient(self.url)
        self._wait()

    def _wait(self):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                self.client.jobs()
                return
            except (ServiceUnreachable, ApiError):
                time.sleep(0.1)
        raise AssertionError("The service did not start.")

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(30)
        self.client.close()


@pytest.fixture
def start(tmp_path):
    services = []

    def started(name="data"):
        services.append(Service(tmp_path / name))
        return services[-1]

    yield started
    for service in services:
        if service.process.poll() is None:
            service.end(signal.SIGTERM)


def children_of(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def gone(pids, *, within=15.0):
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not any(os.path.exists(f"/proc/{pid}/exe") for pid in pids):
            return True
        time.sleep(0.1)
    return False


def reached(client, job_id, step):
    until = time.monotonic() + 100
    while time.monotonic() < until:
        job = client.job(job_id)
        assert job.state in ("queued", "running"), job
        if job.live and job.live[0].step >= step:
            return
        time.sleep(0.05)
    raise AssertionError(f"{job_id} did not get to step {step}: {job}")


@pytest.mark.timeout(400)
def test_a_job_survives_kill_9_of_its_service_and_ends_with_the_same_result(start):
    config = {**TINY, "steps": 1200}
    straight = start("straight")
    job = straight.client.train(config)
    expected = straight.client.wait(job, timeout_s=170).result
    straight.end(signal.SIGTERM)

    first = start()
    job = first.client.train(config)
    reached(first.client, job.id, 100)
    workers = children_of(first.process.pid)
    first.end(signal.SIGKILL)
    assert gone(workers)  # nothing goes on without its service

    second = start()
    found = second.client.job(job.id)
    assert found.state == "interrupted"
    assert found.resumable
    assert "resume" in found.error
    second.client.resume_job(job.id)
    ended = second.client.wait(job.id, timeout_s=170)
    assert ended.state == "done", ended
    same = ("run", "history", "seen", "unseen", "best_step", "steps", "parameters")
    assert json.dumps([ended.result[name] for name in same]) == json.dumps([expected[name] for name in same])


def test_a_service_that_is_told_to_stop_leaves_its_jobs_interrupted_and_no_process(start):
    first = start()
    job = first.client.train({**TINY, "steps": 100_000})
    reached(first.client, job.id, 20)
    workers = children_of(first.process.pid)
    first.end(signal.SIGTERM)
    assert gone([pid for pid in workers if os.path.exists(f"/proc/{pid}/exe")] or workers)
    second = start()
    assert second.client.job(job.id).state == "interrupted"
