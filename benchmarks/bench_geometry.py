"""Decomposition and interventions against the published procedures, and how decomposition grows. Prints JSON lines.

The published procedures run in full (10,000 steps); they are read from ``../shared/reference`` beside the repository
and left out, with a reason, where they are not there. Growth is measured in a process of its own for each size.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks.published import published, say
from bindscope.analysis.additive import fit_additive
from bindscope.analysis.decomposition import decompose
from bindscope.analysis.interventions import intervene
from bindscope.analysis.probes import fit_probes
from bindscope.core.specs import DecompositionSpec, InterventionSpec
from bindscope.scenes.labels import SceneLabels

ROUNDS = 5
SIZES = (10_000, 40_000, 160_000)
DIM, WORDS = 512, (20, 20)


def main() -> None:
    """Additive fit, interventions, growth."""
    modules = published("reference", "worlds")
    if modules is not None:
        import torch

        torch.set_num_threads(1)
        reference, worlds = modules
        z, scenes = worlds.make_world("additive")
        labels = SceneLabels(scenes, (8, 3), ("color", "shape"))
        _additive(reference, z, labels)
        _interventions(reference, z, labels)
    for size in SIZES:
        _print_growth(size)


def _best(call: Callable[[], object]) -> float:
    """Other work on the machine only ever slows a round down."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _additive(reference: ModuleType, z: np.ndarray, labels: SceneLabels) -> None:
    """The published split (99 % of the scenes) and R2 (around the mean of the scored scenes) for both."""
    import torch

    start = time.perf_counter()
    _, published = reference.fit_additive(z, labels.scenes, labels.values, positional=True)
    theirs = time.perf_counter() - start
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(0)).numpy()
    train, test = np.split(order, [int(0.99 * len(z))])

    def ours() -> np.ndarray:
        model = fit_additive(z[train], labels.take(train), estimator="lstsq_pos")
        return model.reconstruct(labels)

    seconds, fitted = _best(ours), ours()
    name = "additive fit, 576 scenes x 512"
    say(f"{name}, published procedure", theirs, "s")
    say(f"{name}, bindscope", seconds, "s")
    say(f"{name}, times faster", theirs / seconds, "x", ">= 300x")
    for part, rows in (("train", train), ("test", test)):
        spread = ((z[rows] - z[rows].mean(0, dtype=float)) ** 2).sum()
        r2 = float(1 - ((z[rows] - fitted[rows]) ** 2).sum() / spread)
        say(f"{name}, {part} R2 published", published[f"{part}_r2"], "")
        say(f"{name}, {part} R2 bindscope", r2, "", "at least equal")


def _interventions(reference: ModuleType, z: np.ndarray, labels: SceneLabels) -> None:
    found = reference.interventions(z, labels.scenes, labels.values, positional=True)
    theirs = _best(lambda: reference.interventions(z, labels.scenes, labels.values, positional=True))
    # As many edits as the published procedure makes: it skips scenes whose objects have the same shape.
    spec, every = InterventionSpec("avg_pos", limit=found["edits"]), InterventionSpec("avg_pos")
    result, whole = intervene(z, labels, spec), intervene(z, labels, every)
    seconds = _best(lambda: intervene(z, labels, spec))
    probes = fit_probes(z, labels, strength=1e-3)
    probed = _best(lambda: intervene(z, labels, spec, probe_fit=lambda _, __: probes))
    name = f"interventions, {found['edits']} edits"
    say(f"{name}, published procedure", theirs, "s")
    say(f"{name}, bindscope, once with and once without the edit's own scenes", seconds, "s")
    say(f"{name}, bindscope, times faster", theirs / seconds, "x", ">= 1x")
    say(f"{name}, bindscope with probes (fitted before) on the edits, times faster", theirs / probed, "x", ">= 1x")
    say(f"interventions, all {whole.edits} edits, bindscope", _best(lambda: intervene(z, labels, every)), "s")
    say("interventions, retrieval, published procedure", found["retrieval_top1"], "")
    say("interventions, retrieval as published, bindscope", result.retrieval_published.value or 0.0, "")
    say("interventions, retrieval without the edit's own scenes, bindscope", result.retrieval.value or 0.0, "")


def _print_growth(size: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_geometry", str(size)], stdout=subprocess.PIPE, text=True, check=True
    )
    grown = json.loads(done.stdout)
    top = size == SIZES[-1]
    name = f"decompose lstsq_pos, {size:,} scenes x {DIM}, 400 objects"
    say(name, grown["seconds"], "s", "< 60 s" if top else "")
    say(f"{name}, peak memory of the process", grown["gigabytes"], "GB", "< 4 GB" if top else "")


def grow(size: int) -> dict[str, float]:
    """Seconds and peak memory of one decomposition of a world of ``size`` scenes, R2 and retrieval."""
    rng = np.random.default_rng(0)
    count = WORDS[0] * WORDS[1]
    pairs = np.sort(rng.choice(count * count, size, replace=False))
    first, second = pairs // count, pairs % count
    objects = np.indices(WORDS).reshape(2, -1).T
    labels = SceneLabels(np.stack([objects[first], objects[second]], axis=1), WORDS, ("attribute", "noun"))
    vectors = rng.standard_normal((2, count, DIM), dtype=np.float32)
    z = vectors[0, first]
    z += vectors[1, second]
    for row in range(0, size, 8192):
        z[row : row + 8192] += 0.3 * rng.standard_normal(z[row : row + 8192].shape, dtype=np.float32)
    start = time.perf_counter()
    result = decompose(z, labels, DecompositionSpec("lstsq_pos"))
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "gigabytes": _peak_gigabytes(), "r2": result.r2.test or 0.0}


def _peak_gigabytes() -> float:
    """Of this process alone: ``ru_maxrss`` would begin with what the parent held when it started this one."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1e6


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(grow(int(sys.argv[1]))))
    else:
        main()
