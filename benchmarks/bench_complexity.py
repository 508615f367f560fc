"""Complexity sweeps against the published procedure on the ``product`` world (576 scenes, 512 dimensions): time,
recognition of unseen objects, and the binding score of predictions. Prints JSON lines.

The published procedure is read from ``../shared/reference`` beside the repository; without it there is no comparison.
It is fitted in full (4,000 epochs) at two coverages. Of the whole grid of nine its time is that of one epoch in twenty,
times twenty: all of it would take the better part of an hour. Ours is fitted in full everywhere, the global product
twice, for the two published product families.
"""

import time
from types import ModuleType

import numpy as np

from benchmarks.published import published, say
from bindscope.analysis.complexity import fit_cells
from bindscope.analysis.complexity.results import ComplexityResult
from bindscope.analysis.probes import fit_probes
from bindscope.analysis.splits import split_scenes
from bindscope.core.specs import ComplexityCell
from bindscope.scenes.labels import SceneLabels

GRID = tuple(round(0.1 * step, 1) for step in range(1, 10))
WHOLE = (0.3, 0.5)
KINDS = ("mlp", "product", "product+sum")
OURS = {"mlp": "mlp:1024", "product": "global_product", "product+sum": "global_product"}
EPOCHS, SHARE = 4000, 20


def main() -> None:
    """Both sides, one thread, one run."""
    modules = published("reference", "worlds")
    if modules is None:
        return
    import torch

    torch.set_num_threads(1)
    reference, worlds = modules
    z, scenes = worlds.make_world("product")
    labels = SceneLabels(scenes, (8, 3), ("color", "shape"))
    mine = {(kind, c): _ours(z, labels, kind, c) for kind in KINDS for c in GRID}
    probes, _ = reference.fit_probes(z, scenes, (8, 3))
    whole = {(kind, c): _timed(reference, z, scenes, probes, kind, c, epochs=EPOCHS) for kind in KINDS for c in WHOLE}
    part = {
        (kind, c): _timed(reference, z, scenes, probes, kind, c, epochs=EPOCHS // SHARE) for kind in KINDS for c in GRID
    }
    same = sum(mine[cell][1] for cell in whole)
    say("complexity, coverages 0.3 and 0.5: times faster", sum(t for _, t in whole.values()) / same, "x", "20")
    grid = SHARE * sum(t for _, t in part.values()) / sum(t for _, t in mine.values())
    say("complexity, whole grid: times faster, published time from 1 epoch in 20", grid, "x", "20")
    say("complexity, whole grid of 27 fits: our time", sum(t for _, t in mine.values()), "s")
    for kind in KINDS:
        own = [mine[kind, c][0].test["object"].value or 0.0 for c in WHOLE]
        theirs = [whole[kind, c][0]["test"]["object"] for c in WHOLE]
        say(f"{kind}: unseen objects recognised, published", float(np.mean(theirs)), "")
        say(f"{kind}: unseen objects recognised, ours", float(np.mean(own)), "", "at least the published")
        say(
            f"{kind}: R2 on unseen objects, published",
            float(np.mean([whole[kind, c][0]["test_r2"] for c in WHOLE])),
            "",
        )
        say(f"{kind}: R2 on unseen objects, ours", float(np.mean([mine[kind, c][0].test_r2 or 0 for c in WHOLE])), "")
        scores = [score.value for c in WHOLE if (score := mine[kind, c][0].binding.forced_choice) is not None]
        say(f"{kind}: binding score of the predictions, ours (chance 0.5)", float(np.mean(scores)), "")
    _seeds(z, labels)


def _ours(z: np.ndarray, labels: SceneLabels, kind: str, coverage: float) -> tuple[ComplexityResult, float]:
    train, _ = split_scenes(labels, train_ratio=0.4, seed=0)
    probes = fit_probes(z[train], labels.take(train))
    began = time.perf_counter()
    result = next(fit_cells(z, labels, [ComplexityCell(OURS[kind], coverage)], probes=probes, calibrated=False))
    return result, time.perf_counter() - began


def _timed(
    reference: ModuleType, z: np.ndarray, scenes: np.ndarray, probes: object, kind: str, coverage: float, *, epochs: int
) -> tuple[dict[str, object], float]:
    began = time.perf_counter()
    found = reference.fit_complexity(z, scenes, (8, 3), probes, kind=kind, coverage=coverage, epochs=epochs)
    return found, time.perf_counter() - began


def _seeds(z: np.ndarray, labels: SceneLabels) -> None:
    """The aims of the families over five seeds."""
    train, _ = split_scenes(labels, train_ratio=0.4, seed=0)
    probes = fit_probes(z[train], labels.take(train))
    for kind, aim in (("global_product", "at least 0.75"), ("additive", "below 0.5")):
        cells = [ComplexityCell(kind, 0.6, seed) for seed in range(5)]
        scores = [result.test_r2 or 0.0 for result in fit_cells(z, labels, cells, probes=probes, calibrated=False)]
        say(f"product world, coverage 0.6, {kind}: R2 on unseen objects, five seeds", float(np.mean(scores)), "", aim)


if __name__ == "__main__":
    main()
