import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from bindscope.client import ApiError, BindscopeClient
from bindscope.core.wire import Binding, Interval, Provenance, StrictChance
from bindscope.features.jobs.schemas import JobModel
from bindscope.features.surveys.schemas import VerdictBatch
from bindscope.features.verdicts.schemas import (
    CaptionScore,
    ConceptScore,
    ConceptScores,
    Contest,
    ObjectScore,
    ObjectScores,
    Robustness,
    Verdict,
)
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.wire import PlacedObject, SceneModel

_STARTED_IN = 90.0
_ENDED_IN = 150.0
_PATIENCE_MS = 120_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], environment: dict[str, str], health: str) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        until = time.monotonic() + _STARTED_IN
        while not _answers(health):
            if process.poll() is not None:
                pytest.fail(
                    f"{command} ended with {process.returncode}: {process.stdout.read() if process.stdout else ''}"
                )
            if time.monotonic() > until:
                pytest.fail(f"{health} did not answer")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        if process.stdout:
            process.stdout.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running_service(folder: Path, **environment: str) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    plain = {"BINDSCOPE_DATA_DIR": str(folder), "BINDSCOPE_PRELOAD": "", "BINDSCOPE_THREADS": "1"}
    command = [sys.executable, "-m", "bindscope", "serve", "--port", str(port)]
    with running(command, plain | environment, f"{url}/livez"):
        yield url


@pytest.fixture(scope="session")
def service_url(tmp_path_factory) -> Iterator[str]:
    with running_service(tmp_path_factory.mktemp("data")) as url:
        yield url


@pytest.fixture(scope="session")
def mini(service_url) -> None:
    # Twelve objects each: the analyses of all their scenes are small.
    text = "name: mini\nconcepts:\n  color: [red, blue, green, yellow]\n  shape: [square, circle, star]\n"
    with BindscopeClient(service_url) as client:
        client.add_space(text)
        client.add_space(text.replace("mini", "other"))


@pytest.fixture(scope="session")
def ended(service_url) -> Callable[[JobModel], JobModel]:
    # A store that is too busy to answer for a moment is asked again.
    def wait(job: JobModel) -> JobModel:
        until = time.monotonic() + _ENDED_IN
        with BindscopeClient(service_url) as client:
            while time.monotonic() < until:
                try:
                    return client.wait(job, timeout_s=_ENDED_IN)
                except ApiError as error:
                    if error.status != 503:
                        raise
                    time.sleep(0.5)
        pytest.fail(f"Job {job.id} did not end")

    return wait


@pytest.fixture
def storeless_url(tmp_path) -> Iterator[str]:
    with running_service(tmp_path, BINDSCOPE_REDIS_URL="redis://127.0.0.1:9/0") as url:
        yield url


@pytest.fixture(scope="session")
def dashboard_url(mini, service_url) -> Iterator[str]:
    with running_dashboard(service_url) as url:
        yield url


@pytest.fixture(scope="session")
def dashboard_at() -> Callable[[str], AbstractContextManager[str]]:
    """A dashboard of a test's own, for the service at an address."""
    return running_dashboard


@contextmanager
def running_dashboard(service: str) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bindscope_dashboard", "--port", str(port)]
    with running(command, {"BINDSCOPE_API_URL": service}, f"{url}/_stcore/health"):
        yield url


@pytest.fixture(scope="module")
def page(browser, dashboard_url):
    """A tab that the tests of a module share."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(_PATIENCE_MS)
    tab = context.new_page()
    yield tab
    context.close()


@pytest.fixture
def space():
    return BUILTIN_SPACES["shapes2d"]


@pytest.fixture
def scene() -> SceneModel:
    return scene_of(("red", "square", 0.28, 0.5, 0.3), ("blue", "circle", 0.72, 0.5, 0.3))


def scene_of(*objects: tuple[str, str, float, float, float]) -> SceneModel:
    placed = [PlacedObject(values={"color": c, "shape": s}, x=x, y=y, size=z) for c, s, x, y, z in objects]
    return SceneModel(space="shapes2d", objects=placed)


def interval(value: float | None, n: int = 100) -> Interval:
    if value is None:
        return Interval(value=None, low=None, high=None, n=0)
    return Interval(value=value, low=max(0.0, value - 0.1), high=min(1.0, value + 0.1), n=n)


@pytest.fixture
def provenance() -> Provenance:
    return Provenance(model="synthetic:bag", fingerprint="f" * 64, preprocessing="none", dtype="float32", device="cpu")


@pytest.fixture
def verdict(provenance) -> Verdict:
    captions = [
        CaptionScore(text="a red square and a blue circle", kind="true", score=0.301),
        CaptionScore(text="a blue circle and a red square", kind="true", score=0.295),
        CaptionScore(text="a blue square and a red circle", kind="swap", score=0.304),
    ]
    concepts = [
        ConceptScore(concept="color", value="red", present=True, score=0.31),
        ConceptScore(concept="color", value="blue", present=True, score=0.22),
        ConceptScore(concept="color", value="green", present=False, score=0.25),
        ConceptScore(concept="shape", value="square", present=True, score=0.4),
        ConceptScore(concept="shape", value="circle", present=True, score=0.41),
        ConceptScore(concept="shape", value="star", present=False, score=0.1),
    ]
    objects = [
        ObjectScore(values={"color": c, "shape": s}, present=(c, s) in {("red", "square"), ("blue", "circle")}, score=v)
        for c, s, v in (
            ("red", "circle", 0.5),
            ("red", "square", 0.45),
            ("blue", "circle", 0.2),
            ("green", "star", 0.3),
        )
    ]
    return Verdict(
        diagnosis="bag_of_concepts",
        answer="It sees red, blue, square, circle, but not which is which.",
        anchor="image",
        anchor_text=None,
        contest=Contest(outcome="swaps", margin=-0.003, noise_floor=1e-6, captions=captions),
        robustness=Robustness(same=18, copies=20, kind="places", stable=True),
        twin_margin=0.002,
        concepts=ConceptScores(recognised=False, by_concept={"color": False, "shape": True}, scores=concepts),
        objects=ObjectScores(recognised=False, scores=objects),
        cached=0,
        milliseconds=12.0,
        provenance=provenance,
    )


def cell_of(value: str, other: str, share: float | None, *, shown: bool, example: SceneModel) -> dict[str, object]:
    shares = {"swapped": interval(share, 10), "shrunk": interval(share, 10), "shown": shown}
    return {"concept": "color", "value": value, "other": other, **shares, "undecided": 1, "mean_margin": 0.01,
            "example": example}  # fmt: skip


@pytest.fixture
def batch(provenance, scene) -> VerdictBatch:
    return VerdictBatch(
        scenes=100,
        twins=81,
        anchor="image",
        noise_floor=1e-6,
        binding=Binding(forced_choice=interval(0.54, 84), undecided=interval(0.02, 84), says="too few"),
        swap_accuracy=interval(0.54),
        swap_accuracy_chance=0.5,
        undecided=interval(0.02),
        no_valid_swap=19,
        recognition={
            "color": interval(0.9),
            "shape": interval(0.8),
            "concepts": interval(0.75),
            "object": interval(0.2),
        },
        chance={"color": 0.02, "shape": 0.02, "concepts": 0.0005, "object": 0.0002},
        object_chance=StrictChance(unconditional=0.0002, given_bag=0.17, ceiling_bag=0.5),
        robust=interval(0.75, 12),
        atlas=[
            cell_of("blue", "red", 0.3, shown=False, example=scene),
            cell_of("blue", "green", 0.7, shown=True, example=scene),
            cell_of("square", "circle", None, shown=False, example=scene) | {"concept": "shape"},
        ],
        atlas_needed=1350,
        failures=[scene],
        seconds=0.9,
        provenance=provenance,
    )
