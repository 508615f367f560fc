"""Builds the images, starts them as docker-compose.yml says, uses them, and prints sizes and times.

    make images

A store, a service, a dashboard, a scheduler and a worker are started on free ports, with secrets and volumes of their
own, and are gone afterwards; the images stay. Each must be as closed as the compose file says, answer, and be healthy:
a verdict over the API and one in Chromium, a job on the worker, and a restart that finds what was cached.

Takes `docker compose` where its engine answers, else `podman-compose`. COMPOSE names the command and its options, and
COMPOSE_FILE the files (docker-compose.yml:mine.yml): what a machine needs of its own, such as mounts for builds or
other base images, belongs there. Needs the `dev` extra and Chromium on the path.
"""

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import yaml
from write_env import ROOT, filled

from bindscope.client import ApiError, BindscopeClient

PROJECT = "bindscope-images"
BUILT = ("service", "worker", "dashboard")
STARTED = ("redis", "service", "dashboard", "scheduler", "worker")
WITH_HEALTH_CHECK = ("redis", "service", "dashboard")
INSIDE_ONLY = ("redis", "scheduler", "worker")
START_TIMEOUT_S = 180.0

MODEL = "bundled:tiny-bag"
SCENE = {
    "space": "shapes2d",
    "objects": [
        {"values": {"color": "blue", "shape": "square"}, "x": 0.3, "y": 0.62, "size": 0.3},
        {"values": {"color": "yellow", "shape": "circle"}, "x": 0.7, "y": 0.36, "size": 0.34},
    ],
}
PAGE = f"/?scene=shapes2d~~blue~square~0.3~0.62~0.3~~yellow~circle~0.7~0.36~0.34&model={MODEL}"
TEXTS = [f"a {color} {shape}" for color in ("red", "green", "blue") for shape in ("square", "circle")]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        print("| image | build | size |\n|---|---|---|")
        for name in BUILT:
            seconds = stack.build(name)
            print(f"| `{stack.image(name)}` | {seconds:.0f} s | {stack.size(name) / 1e9:.2f} GB |", flush=True)
        with stack.started() as times:
            for name, seconds in times.items():
                print(f"{name} answered {seconds:.1f} s after `up`", flush=True)
            for name in STARTED:
                check_closed(stack, name)
            for name in WITH_HEALTH_CHECK:
                until(partial(stack.is_healthy, name), f"{name} is healthy")
            print("every container is closed as written, and healthy", flush=True)
            check_page(stack.dashboard_url, check_answers(stack))
            check_restart(stack)


class Stack:
    """The services of the compose file, on free ports and with secrets and volumes of their own."""

    def __init__(self, folder: Path) -> None:
        self._compose = [*compose_command(), "--project-name", PROJECT]
        self._engine = "podman" if "podman" in self._compose[0] else "docker"
        self._services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
        (folder / "models").mkdir()
        ports = {"SERVICE_PORT": free_port(), "DASHBOARD_PORT": free_port()}
        changed = {
            "COMPOSE_PROFILES": "cpu,cluster",
            "BINDSCOPE_SCHEDULER": "tcp://scheduler:8786",
            "MODELS": folder / "models",
            **ports,
        }
        lines = filled((ROOT / ".env.example").read_text(encoding="utf-8")).splitlines()
        settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        settings |= {name: str(value) for name, value in changed.items()}
        self.key = settings["API_KEY"]
        self.service_url = f"http://127.0.0.1:{ports['SERVICE_PORT']}"
        self.dashboard_url = f"http://127.0.0.1:{ports['DASHBOARD_PORT']}"
        # The environment goes before a .env that lies there.
        self._env = {**os.environ, **settings}

    def compose(self, *words: str) -> None:
        done = subprocess.run([*self._compose, *words], cwd=ROOT, env=self._env, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(words)} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")

    def engine(self, *words: str, check: bool = True) -> str:
        return subprocess.run([self._engine, *words], check=check, capture_output=True, text=True).stdout.strip()

    def build(self, name: str) -> float:
        began = time.monotonic()
        self.compose("build", name)
        return time.monotonic() - began

    def image(self, name: str) -> str:
        return str(self._services[name]["image"])

    def size(self, name: str) -> int:
        return int(self.engine("image", "inspect", "--format", "{{.Size}}", self.image(name)))

    @contextlib.contextmanager
    def started(self) -> Iterator[dict[str, float]]:
        """Seconds from the start of `up` until each of the pages answers."""
        waits = {"dashboard": f"{self.dashboard_url}/_stcore/health", "service": f"{self.service_url}/readyz"}
        times: dict[str, float] = {}

        def all_answer() -> bool:
            for name, url in waits.items():
                if name not in times and answers(url, self.key):
                    times[name] = time.monotonic() - began
            return len(times) == len(waits)

        try:
            began = time.monotonic()
            self.compose("up", "--detach", "--no-build")
            until(all_answer, "service and dashboard answer")
            yield times
        finally:
            self.compose("down", "--volumes")

    def container(self, name: str) -> str:
        labels = {"com.docker.compose.project": PROJECT, "com.docker.compose.service": name}
        filters = [word for label, value in labels.items() for word in ("--filter", f"label={label}={value}")]
        return self.engine("ps", "--quiet", *filters)

    def is_healthy(self, name: str) -> bool:
        """As the health check of the image or of the compose file says. Podman runs one only where it is told to."""
        container = self.container(name)
        if self._engine == "podman":
            return subprocess.run(["podman", "healthcheck", "run", container], capture_output=True).returncode == 0
        return self.engine("inspect", "--format", "{{.State.Health.Status}}", container) == "healthy"


def compose_command() -> list[str]:
    """Raises SystemExit where there is none."""
    if os.environ.get("COMPOSE"):
        return shlex.split(os.environ["COMPOSE"])
    has_docker = shutil.which("docker") is not None
    if has_docker and subprocess.run(["docker", "compose", "ls"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("podman-compose") is not None:
        return ["podman-compose"]
    sys.exit("Neither docker compose nor podman-compose answers here.")


def check_closed(stack: Stack, name: str) -> None:
    """No root, no capability, nothing to be written but /tmp and volumes; inside only: no way out."""
    script = "grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/1/status; cat /proc/net/route; touch /opt/x 2>&1 || true"
    said = stack.engine("exec", stack.container(name), "sh", "-c", script)
    user = said.partition("Uid:")[2].split()[0]
    assert user != "0", said
    assert "CapEff:\t0000000000000000" in said, said
    assert "NoNewPrivs:\t1" in said, said
    assert "Read-only file system" in said, said
    ways_out = [line for line in said.splitlines() if line.split()[1:2] == ["00000000"]]
    assert bool(ways_out) == (name not in INSIDE_ONLY), said


def check_answers(stack: Stack) -> str:
    """The key is asked for; a job runs on the worker, the only one there is; the verdict is given back."""
    with BindscopeClient(stack.service_url) as client:
        try:
            client.models()
            sys.exit("A caller without a key was answered.")
        except ApiError as error:
            if error.status != 401:
                raise
    with BindscopeClient(stack.service_url, stack.key) as client:
        verdict = client.verdict(MODEL, SCENE)
        print(f"verdict over the API: {verdict.answer}", flush=True)
        began = time.monotonic()
        source = {"model": MODEL, "space": "shapes2d", "modality": "text"}
        job = client.complexity(source, kinds=["additive"], coverages=[0.5], seeds=[0])
        job = client.wait(job, timeout_s=START_TIMEOUT_S)
        assert job.state == "done", job
        print(f"a job on the worker took {time.monotonic() - began:.1f} s", flush=True)
    return verdict.answer


def check_page(url: str, verdict: str) -> None:
    """Chromium shows the same verdict, through the dashboard, which has a key of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(url + PAGE)
        page.get_by_text(verdict).first.wait_for(timeout=60_000)
        picture = Path(tempfile.gettempdir()) / "bindscope-images.png"
        page.screenshot(path=picture)
        browser.close()
    print(f"a verdict in Chromium: {picture}", flush=True)


def check_restart(stack: Stack) -> None:
    """Vectors that were computed before are found in the store after a restart of the service."""
    with BindscopeClient(stack.service_url, stack.key) as client:
        client.embed(MODEL, texts=TEXTS)
        began = time.monotonic()
        stack.compose("restart", "service")
        until(lambda: answers(f"{stack.service_url}/readyz", stack.key), "the service answers after its restart")
        print(f"the service answered {time.monotonic() - began:.1f} s after `restart`", flush=True)
        before = client.system().cache
        client.embed(MODEL, texts=TEXTS)
        after = client.system().cache
        assert (after.hits - before.hits, after.misses - before.misses) == (len(TEXTS), 0), (before, after)
    print(f"the cache survived: {len(TEXTS)} of {len(TEXTS)} vectors were found", flush=True)


def answers(url: str, key: str) -> bool:
    question = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(question, timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"Not so within {START_TIMEOUT_S:.0f} s: {what}.")
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
