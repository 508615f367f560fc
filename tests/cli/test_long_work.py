import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from command_line import typed

TINY = ["width=16", "layers=1", "heads=2", "feedforward=32", "dim=16", "batch=32", "test_scenes=64"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def environment(data_dir):
    return {**os.environ, "BINDSCOPE_DATA_DIR": str(data_dir), "BINDSCOPE_WORKERS": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def own_process(environment):
    """A command with a service of its own, on the workers' data directory."""

    def run(*arguments):
        command = [sys.executable, "-m", "bindscope", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return run


def trained(command, *options):
    sets = [part for text in TINY for part in ("--set", text)]
    return command(
        *("train", "controlled", "--preset", "published", "--space", "grid-2x4", "--coverage", "0.6", "--json"),
        *sets,
        *options,
    )


@pytest.mark.slow
def test_a_training_on_the_command_line_gives_a_model_for_the_other_commands(own_process):
    done = trained(own_process, "--steps", "20")
    assert done.returncode == 0, done.stderr
    model = json.loads(done.stdout)["result"]["model"]
    both = own_process(
        "complexity", "-m", model, "-m", "synthetic:bag", "--kinds", "additive", "--coverages", "0.6,0.8"
    )
    assert both.returncode == 0, both.stderr
    assert both.stdout.count("additive") == 2
    assert "grid-2x4" in both.stdout
    listed = own_process("jobs", "--json")
    assert {job["kind"] for job in json.loads(listed.stdout)["jobs"]} == {"training", "complexity"}


def test_a_cell_that_fails_is_an_exit_1_that_names_it(bindscope):
    failed = bindscope(
        "complexity", "-m", "synthetic:bag", "--kinds", "additive", "--coverages", "0.6,1.0", "--seeds", "1"
    )
    assert failed.returncode == 1
    assert "coverage 1.0" in failed.stderr
    assert "additive" in failed.stdout  # what could be computed is shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("complexity",), "--model"),
        (("complexity", "-m", "synthetic:bag", "--coverages", "a,b"), "0.2,0.4"),
        (("complexity", "-m", "synthetic:bag", "--kinds", "quantum"), "global_product"),
        (("train", "controlled", "--preset", "nothing"), "published"),
        (("train", "controlled", "--preset", "published", "--set", "width"), "NAME=VALUE"),
        (("phase", "--preset", "nothing"), "published"),
        (("jobs", "show", "training-0"), "training-0"),
        (("worker",), "BINDSCOPE_SCHEDULER"),
    ],
)
def test_wrong_arguments_are_one_sentence(bindscope, arguments, words):
    wrong = bindscope(*arguments)
    assert wrong.returncode == 1, wrong.stdout
    assert words in wrong.stderr


@pytest.mark.parametrize("arguments", [("phase", "--detach"), ("complexity", "-m", "synthetic:bag", "--detach")])
def test_without_a_service_there_is_nothing_to_detach_from(arguments):
    wrong = typed(*arguments, url="")
    assert wrong.returncode == 1, wrong.stdout
    assert "--url" in wrong.stderr


def free_port():
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return line.getsockname()[1]


@contextmanager
def process(command, environment):
    started = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@pytest.mark.slow
def test_a_cluster_of_workers_does_the_work_and_a_killed_one_is_replaced_by_the_others(environment):
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = [
        sys.executable,
        "-m",
        "dask",
        "scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-dashboard",
    ]
    join = [sys.executable, "-m", "bindscope", "worker", address]
    with (
        process(scheduler, environment),
        process([*join, "--name", "one"], environment) as one,
        process([*join, "--name", "two"], environment) as two,
    ):
        assert "one joined" in one.stdout.readline()
        assert "two joined" in two.stdout.readline()
        environment = {**environment, "BINDSCOPE_SCHEDULER": address}
        command = [sys.executable, "-m", "bindscope", "train", "controlled", "--preset", "published", "--json"]
        command += ["--space", "grid-2x4", "--coverage", "0.6", "--steps", "1500", "--seed", "3"]
        command += [part for text in (*TINY, "checkpoint_every=50") for part in ("--set", text)]
        with process(command, environment) as training:
            victim = busy_of(address)
            (one if victim == "one" else two).send_signal(signal.SIGKILL)
            output, _ = training.communicate(timeout=120)
        assert training.returncode == 0, output
        assert json.loads(output)["result"]["steps"] == 1500
        survivor = two if victim == "one" else one
        survivor.send_signal(signal.SIGTERM)
        assert "left" in survivor.communicate(timeout=30)[0]
        assert survivor.returncode == 0


def busy_of(address):
    """The name of the worker that computes a cell, once one does."""
    from distributed import Client

    with Client(address, timeout=30, set_as_default=False) as client:
        until = time.monotonic() + 90
        while time.monotonic() < until:
            names = {key: worker["id"] for key, worker in client.scheduler_info(n_workers=-1)["workers"].items()}
            busy = [names[worker] for worker, keys in client.processing().items() if keys and worker in names]
            if busy:
                time.sleep(2)
                return busy[0]
            time.sleep(0.1)
    raise AssertionError("No worker was given anything to do.")
