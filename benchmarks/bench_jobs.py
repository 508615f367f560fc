"""What long work costs: time and memory of a cell, on one worker and on two. Prints JSON lines.

Each number of workers has a data folder of its own, so that nothing is reused; the scenes are embedded before the
clock starts. Memory is the largest that a worker process was seen at.
"""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import psutil

from benchmarks.published import say
from bindscope import features
from bindscope.core.config import Settings
from bindscope.scenes.controlled import PRESETS
from bindscope.services.container import Services, assembled

SWEEP = {
    "source": {"model": "synthetic:product", "space": "clevr2d", "modality": "image"},
    "kinds": ["additive", "per_object_product", "global_product", "mlp:256"],
    "coverages": [0.4, 0.6, 0.8],
    "seeds": [0, 1],
}
TRAININGS = {
    "spaces": ["grid-2x8", "grid-2x16"],
    "coverages": [0.6, 0.9],
    "seeds": [0],
    "config": asdict(replace(PRESETS["laptop"], steps=800)),
}


def main() -> None:
    """A complexity sweep and four short trainings, on one worker and on two."""
    seconds: dict[tuple[str, int], float] = {}
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(_env_file=None, data_dir=Path(folder), preload=(), workers=workers)
            with assembled(settings) as parts:
                features.start(parts)
                _warm(parts)
                for name, kind, request in (("fits", "complexity", SWEEP), ("trainings", "phase_diagram", TRAININGS)):
                    taken, memory, cells = _measured(parts, kind, request)
                    seconds[name, workers] = taken
                    on = f"{cells} {name} on {workers} worker{'s' if workers > 1 else ''}"
                    say(f"{on}: time a cell", taken / cells, "s")
                    say(f"{on}: memory of a worker", memory / 2**20, "MiB")
    for name in ("fits", "trainings"):
        say(f"{name}: two workers against one", seconds[name, 1] / seconds[name, 2], "x")


def _measured(parts: Services, kind: str, request: dict[str, object]) -> tuple[float, int, int]:
    began = time.perf_counter()
    with _peak() as peak:
        job = parts.jobs.submit(kind, request)
        while not job.record.ended:
            time.sleep(0.05)
            job = parts.jobs.detail(job.record.id)
    assert job.record.state == "done", job
    return time.perf_counter() - began, peak["rss"], job.record.total


def _warm(parts: Services) -> None:
    """Embeds the scenes, starts the workers and lets every one of them import what it needs."""
    tiny = {**asdict(replace(PRESETS["laptop"], steps=1)), "test_scenes": 16, "evaluation_scenes": 16}
    first = {"spaces": ["grid-2x3"], "coverages": [0.6, 0.7], "seeds": [0, 1], "config": tiny}
    for kind, request in (("phase_diagram", first), ("complexity", {**SWEEP, "kinds": ["mlp:8"], "coverages": [0.5]})):
        _measured(parts, kind, request)


@contextmanager
def _peak() -> Iterator[dict[str, int]]:
    """The largest memory of a child process while the block runs."""
    seen = {"rss": 0}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            for child in psutil.Process().children(recursive=True):
                try:
                    if "valkey" not in child.name():
                        seen["rss"] = max(seen["rss"], child.memory_info().rss)
                except psutil.Error:
                    continue

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    main()
