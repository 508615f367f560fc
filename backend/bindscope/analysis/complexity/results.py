"""Fits families to scenes of some objects and scores them on scenes of unseen objects only (METHODS section 7)."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.complexity.ensembles import fit_gradient_boosting, fit_random_forest
from bindscope.analysis.complexity.perceptrons import mlp_of
from bindscope.analysis.complexity.problem import Array, Family, Fitted, Problem, Tick, codes_of
from bindscope.analysis.complexity.products import fit_global_product, fit_per_object_product
from bindscope.analysis.complexity.splits import Rows, object_folds, object_split
from bindscope.analysis.complexity.sums import fit_sum
from bindscope.analysis.incidence import blocks, checked_embeddings, mean_of
from bindscope.analysis.metrics import Interval
from bindscope.analysis.probes import Probes
from bindscope.analysis.readings import chance_intervals, recognise_with
from bindscope.analysis.verdict import Recognition, recognition_intervals
from bindscope.domain.complexity import ComplexityCell
from bindscope.domain.labels import SceneLabels

#: Cells of closed form that go together.
_CHEAP = 16


@dataclass(frozen=True, eq=False)
class ComplexityResult:
    """What one cell reached.

    ``train_r2`` and ``test_r2`` are around the training mean, None where nothing varies. ``train`` and ``test`` give
    recognition by the probes of the fitted embeddings, ``ceiling`` that of the true embeddings of all scenes that the
    probes did not learn from, whatever the coverage, and ``chance`` that of random scores on the test scenes.
    ``r2_ceiling`` is what R2 could be at most: 1 - noise / spread, where scenes come several times, so that noise can
    be told from binding; else None. ``chosen`` holds what cross-validation picked.
    """

    cell: ComplexityCell
    train_scenes: int
    test_scenes: int
    train_r2: float | None
    test_r2: float | None
    train: dict[str, Interval]
    test: dict[str, Interval]
    ceiling: dict[str, Interval]
    chance: dict[str, Interval]
    r2_ceiling: float | None
    chosen: dict[str, float]
    seconds: float


def grouped(cells: Sequence[ComplexityCell]) -> list[tuple[ComplexityCell, ...]]:
    """Cells that one task may fit together, in order: closed forms are too short for a task each.

    Fits never look at the other cells of their group, so the grouping changes no result.
    """
    cheap = [cell for cell in cells if cell.kind == "additive"]
    groups = [tuple(cheap[first : first + _CHEAP]) for first in range(0, len(cheap), _CHEAP)]
    return groups + [(cell,) for cell in cells if cell.kind != "additive"]


def fit_cells(
    embeddings: ArrayLike,
    labels: SceneLabels,
    cells: Sequence[ComplexityCell],
    *,
    probes: Probes,
    learned_from: ArrayLike = (),
    tick: Tick = lambda: None,
) -> Iterator[ComplexityResult]:
    """Fits the cells one after the other to embeddings [scene, dim]; yields each result when it is there.

    ``probes`` are fitted once on the source (METHODS section 4), on the scenes numbered ``learned_from``, of whose
    noise they know something: these do not count for the ceiling. ``tick`` is called at least every half second or so
    of work; what it raises goes through. Same input and seeds, same bits, in whatever order the scenes and cells come.
    Raises InvalidInput for embeddings that do not fit the labels or are not finite, and where a split has no training
    or no test scene.
    """
    rows = checked_embeddings(embeddings, labels)
    fresh = np.ones(len(labels), dtype=bool)
    fresh[np.asarray(learned_from, dtype=np.int64)] = False
    order = np.lexsort(labels.object_ids.T[::-1])
    rows, labels = rows[order], labels.take(order)
    ceiling = _ceiling(rows, labels, np.flatnonzero(fresh[order]), probes=probes, tick=tick)
    for cell in cells:
        tick()
        yield replace(_fit_cell(rows, labels, cell, probes=probes, tick=tick), ceiling=ceiling)


#: Families by kind; MLPs carry their width.
FAMILIES: dict[str, Family] = {
    "additive": fit_sum,
    "per_object_product": fit_per_object_product,
    "global_product": fit_global_product,
    "random_forest": fit_random_forest,
    "gradient_boosting": fit_gradient_boosting,
}


def _family(cell: ComplexityCell) -> Family:
    return FAMILIES[cell.kind] if cell.width is None else mlp_of(cell.width)


def _fit_cell(
    rows: NDArray[np.floating], labels: SceneLabels, cell: ComplexityCell, *, probes: Probes, tick: Tick
) -> ComplexityResult:
    start = time.perf_counter()
    split = object_split(labels, coverage=cell.coverage, seed=cell.seed)
    seen = labels.take(split.train)
    learned = rows[split.train].astype(np.float64)
    mean = mean_of(learned)
    learned -= mean
    scale = _scale(learned, mean)
    # The last digits are rounding of the mean: they must not decide ties between trees.
    learned = np.round(learned / scale, 9)
    problem = Problem(
        codes_of(seen), learned, labels.values, labels.slots, object_folds(seen, seed=cell.seed), cell.seed
    )
    fitted = _family(cell)(problem, tick)
    score = _Scorer(rows, labels, probes, tick, mean, scale, fitted)
    train_r2, train = score(split.train)
    test_r2, test = score(split.test)
    unseen = labels.take(split.test)
    return ComplexityResult(
        cell=cell,
        train_scenes=len(split.train),
        test_scenes=len(split.test),
        train_r2=train_r2,
        test_r2=test_r2,
        train=train,
        test=test,
        ceiling={},
        chance=chance_intervals(unseen),
        r2_ceiling=_r2_ceiling(rows[split.test], unseen, mean),
        chosen=dict(fitted.chosen),
        seconds=time.perf_counter() - start,
    )


def _ceiling(
    rows: NDArray[np.floating], labels: SceneLabels, numbers: Rows, *, probes: Probes, tick: Tick
) -> dict[str, Interval]:
    """Recognition of the true embeddings of some scenes, block by block."""
    parts = []
    for block in blocks(len(numbers)):
        tick()
        part = numbers[block]
        parts.append(recognise_with(probes, rows[part], labels.take(part)))
    return _intervals(parts, labels.take(numbers))


def _intervals(parts: Sequence[Recognition], labels: SceneLabels) -> dict[str, Interval]:
    """Recognition of scenes that were judged in blocks; ``labels`` are those of all of them."""
    whole = Recognition.joined(parts, concepts=len(labels.names))
    return recognition_intervals(whole, labels.names, has_swap=labels.has_valid_swap)


def _scale(centred: Array, mean: Array) -> float:
    """Root mean square of a number, one where nothing varies but by rounding."""
    spread = float(np.sqrt(np.vdot(centred, centred) / centred.size))
    return spread if spread > 1e-14 * float(np.abs(mean).max(initial=0.0)) else 1.0


@dataclass(frozen=True, eq=False)
class _Scorer:
    """R2 and recognition of fitted embeddings, block by block."""

    rows: NDArray[np.floating]
    labels: SceneLabels
    probes: Probes
    tick: Tick
    mean: Array
    scale: float
    fitted: Fitted

    def __call__(self, numbers: Rows) -> tuple[float | None, dict[str, Interval]]:
        error = spread = 0.0
        parts: list[Recognition] = []
        for block in blocks(len(numbers)):
            self.tick()
            part = numbers[block]
            labels = self.labels.take(part)
            guess = self.scale * self.fitted.predict(codes_of(labels))
            truth = self.rows[part] - self.mean
            error += float(((truth - guess) ** 2).sum())
            spread += float((truth**2).sum())
            parts.append(recognise_with(self.probes, self.mean + guess, labels))
        labels = self.labels.take(numbers)
        floor = len(numbers) * float((1e-13 * self.mean) @ (1e-13 * self.mean))
        r2 = 1.0 - error / spread if spread > floor else None
        return r2, _intervals(parts, labels)


def _r2_ceiling(rows: NDArray[np.floating], labels: SceneLabels, mean: Array) -> float | None:
    """From scenes with equal labels: their variance around their own mean is noise. None without such scenes."""
    _, group, counts = np.unique(labels.object_ids, axis=0, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    repeated = counts[group] > 1
    freedom = int((counts[counts > 1] - 1).sum())
    if not freedom:
        return None
    spread = float(((rows - mean) ** 2).sum())
    order = np.argsort(group[repeated], kind="stable")
    within = rows[repeated][order].astype(np.float64)
    first = np.flatnonzero(np.diff(group[repeated][order], prepend=-1))
    sizes = counts[counts > 1]
    means = np.add.reduceat(within, first, axis=0) / sizes[:, None]
    noise = float(((within - np.repeat(means, sizes, axis=0)) ** 2).sum()) / freedom
    return 1.0 - min(1.0, noise * len(rows) / spread) if spread > 0 else None
