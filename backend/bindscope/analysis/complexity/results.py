"""Fits families to scenes of some objects and scores them on scenes of unseen objects only.

The headline is the binding score of the predictions: probes that were fitted on true embeddings choose between a scene
of unseen objects and its swap, of unseen objects too. R2 stands beside it and says how much variance is predicted.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.binding import BagScores, Binding, Pairs, StrictChance, binding_of, strict_chance
from bindscope.analysis.complexity.ensembles import fit_gradient_boosting, fit_random_forest
from bindscope.analysis.complexity.perceptrons import mlp_of
from bindscope.analysis.complexity.problem import Array, Family, Fitted, Problem, Tick, codes_of
from bindscope.analysis.complexity.products import fit_global_product, fit_per_object_product
from bindscope.analysis.complexity.recovery import NOISE, PRODUCTS, Recovery, recovery_of
from bindscope.analysis.complexity.splits import Rows, object_folds, object_split
from bindscope.analysis.complexity.sums import fit_sum
from bindscope.analysis.incidence import blocks, checked_embeddings, mean_of
from bindscope.analysis.metrics import Interval
from bindscope.analysis.probes import Probes, Scores
from bindscope.analysis.readings import Reading, chance_intervals, read, recognition_over_bags
from bindscope.core.specs import ComplexityCell
from bindscope.scenes.labels import SceneLabels

#: Cells of closed form that go together.
_CHEAP = 16


@dataclass(frozen=True, eq=False)
class ComplexityResult:
    """What one cell reached.

    ``binding`` is the paired forced choice of the predictions for scenes of unseen objects, against swaps of unseen
    objects, from the ``scores`` of their bags; its n counts the unseen objects where they are fewer than the bags.
    ``ceiling_binding`` is that of the true embeddings of all scenes that the probes did not learn from, whatever the
    coverage. ``train_r2`` and ``test_r2`` are around the training mean, None where nothing varies. ``train``, ``test``
    and ``ceiling`` give strict recognition by the same probes, ``chance`` what random scores reach on the test scenes
    and ``object_chance`` all levels of strict object recognition where a swap exists. ``r2_ceiling`` is what R2 could
    be at most: 1 - noise / spread, where scenes come several times, so that noise can be told from binding; else None.
    ``recovery`` calibrates product families. ``chosen`` holds what cross-validation picked, ``unseen`` the ids of the
    unseen objects in the paired scenes.
    """

    cell: ComplexityCell
    train_scenes: int
    test_scenes: int
    unseen_objects: int
    binding: Binding
    ceiling_binding: Binding | None
    train_r2: float | None
    test_r2: float | None
    train: dict[str, Interval]
    test: dict[str, Interval]
    ceiling: dict[str, Interval]
    chance: dict[str, Interval]
    object_chance: StrictChance
    r2_ceiling: float | None
    recovery: Recovery | None
    chosen: dict[str, float]
    seconds: float
    scores: BagScores
    unseen: Rows


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
    at_edge: bool = False,
    calibrated: bool = True,
    tick: Tick = lambda: None,
) -> Iterator[ComplexityResult]:
    """Fits the cells one after the other to embeddings [scene, dim]; yields each result when it is there.

    ``probes`` are fitted once on the source, on the scenes numbered ``learned_from``, of whose noise they know
    something: these do not count for the ceiling. ``at_edge``: their strength lies at an end of its grid.
    ``calibrated``: product families are fitted to a known product too (``recovery``), which doubles their time.
    ``tick`` is called at least every half second or so of work; what it raises goes through. Same input and seeds, same
    bits, in whatever order the scenes and cells come. Raises InvalidInput for embeddings that do not fit the labels or
    are not finite, and where a split has no training or no test scene.
    """
    rows = checked_embeddings(embeddings, labels)
    fresh = np.ones(len(labels), dtype=bool)
    fresh[np.asarray(learned_from, dtype=np.int64)] = False
    order = np.lexsort(labels.object_ids.T[::-1])
    source = _Source(rows[order], labels.take(order), Pairs.of(labels.take(order)), _Ticking(probes, tick), at_edge)
    numbers = np.flatnonzero(fresh[order])
    truth = source.read(source.rows[numbers], numbers) if len(numbers) else None
    ceiling = recognition_over_bags(
        [] if truth is None else [(numbers, truth.recognition)], source.labels, source.pairs
    )
    bound = None if truth is None else binding_of([truth.scores], at_edge=at_edge)
    for cell in cells:
        tick()
        found = _fit_cell(source, cell, tick, calibrated=calibrated)
        yield replace(found, ceiling=ceiling, ceiling_binding=bound)


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


@dataclass(frozen=True, eq=False)
class _Ticking:
    """Probes that say that they are at work."""

    probes: Probes
    tick: Tick

    def predict(self, embeddings: NDArray[np.floating], /) -> Scores:
        self.tick()
        return self.probes.predict(embeddings)


@dataclass(frozen=True, eq=False)
class _Source:
    """What every cell shares."""

    rows: NDArray[np.floating]
    labels: SceneLabels
    pairs: Pairs
    probes: _Ticking
    at_edge: bool

    def read(self, vectors: NDArray[np.floating], numbers: Rows) -> Reading:
        """The probes' reading of vectors [scene, dim] that stand for the scenes ``numbers``."""
        return read(self.probes, vectors, self.labels.take(numbers), pairs=self.pairs, rows=numbers)


def _fit_cell(source: _Source, cell: ComplexityCell, tick: Tick, *, calibrated: bool) -> ComplexityResult:
    start = time.perf_counter()
    split = object_split(source.labels, coverage=cell.coverage, seed=cell.seed)
    seen, unseen = source.labels.take(split.train), source.labels.take(split.test)
    learned = source.rows[split.train].astype(np.float64)
    mean = mean_of(learned)
    learned -= mean
    scale = _scale(learned, mean)
    # The last digits are rounding of the mean: they must not decide ties between trees.
    learned = np.round(learned / scale, 9)
    problem = Problem(codes_of(seen), learned, seen.values, seen.slots, object_folds(seen, seed=cell.seed), cell.seed)
    family = _family(cell)
    score = _Scorer(source, tick, mean, scale, family(problem, tick))
    train_r2, learnt = score(split.train)
    test_r2, held_out = score(split.test)
    r2_ceiling = _r2_ceiling(source.rows[split.test], unseen, mean)
    recovery = None
    if calibrated and cell.kind in PRODUCTS and train_r2 is not None:
        noise = NOISE if r2_ceiling is None else 1 - r2_ceiling
        recovery = recovery_of(problem, codes_of(unseen), cell.kind, family=family, noise=noise, tick=tick)
    paired = np.unique(unseen.object_ids[held_out.trials.row])
    units = len(np.unique(source.labels.object_ids)) - len(split.train_objects)
    return ComplexityResult(
        cell=cell,
        train_scenes=len(split.train),
        test_scenes=len(split.test),
        unseen_objects=units,
        binding=binding_of([held_out.scores], units=len(paired), at_edge=source.at_edge),
        ceiling_binding=None,
        train_r2=train_r2,
        test_r2=test_r2,
        train=recognition_over_bags(
            [(split.train, learnt.recognition)], source.labels, source.pairs, units=len(split.train_objects)
        ),
        test=recognition_over_bags([(split.test, held_out.recognition)], source.labels, source.pairs, units=units),
        ceiling={},
        chance=chance_intervals(unseen),
        object_chance=strict_chance(unseen.take(unseen.has_valid_swap)),
        r2_ceiling=r2_ceiling,
        recovery=recovery,
        chosen=dict(score.fitted.chosen),
        seconds=time.perf_counter() - start,
        scores=held_out.scores,
        unseen=paired,
    )


def _scale(centred: Array, mean: Array) -> float:
    """Root mean square of a number, one where nothing varies but by rounding."""
    spread = float(np.sqrt(np.vdot(centred, centred) / centred.size))
    return spread if spread > 1e-14 * float(np.abs(mean).max(initial=0.0)) else 1.0


@dataclass(frozen=True, eq=False)
class _Scorer:
    """R2 and a reading of fitted embeddings."""

    source: _Source
    tick: Tick
    mean: Array
    scale: float
    fitted: Fitted

    def __call__(self, numbers: Rows) -> tuple[float | None, Reading]:
        error = spread = 0.0
        guesses = np.empty((len(numbers), len(self.mean)))
        for block in blocks(len(numbers)):
            self.tick()
            part = numbers[block]
            guess = self.scale * self.fitted.predict(codes_of(self.source.labels.take(part)))
            truth = self.source.rows[part] - self.mean
            error += float(((truth - guess) ** 2).sum())
            spread += float((truth**2).sum())
            guesses[block] = self.mean + guess
        floor = len(numbers) * float((1e-13 * self.mean) @ (1e-13 * self.mean))
        r2 = 1.0 - error / spread if spread > floor else None
        return r2, self.source.read(guesses, numbers)


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
