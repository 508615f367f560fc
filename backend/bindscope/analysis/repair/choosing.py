"""Repair of a text tower by one linear map.

A [dim, dim] is learned on the text side so that an image is nearer to its scene's captions than to those of its swaps:
from the identity, or from the regression of images on their captions (closed form), by cross-entropy over the batch's
captions and the scene's own swaps as hard negatives, held near the start. It learns from scenes and swaps of training
objects alone. Two blocks of values are held out: on one half of the bags of the first the map and its part t are
chosen, on the other half they are confirmed, and the second tests what was confirmed. Without the confirmation the
model stays as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import BagScores, Pairs, bag_interval, difference_interval
from bindscope.analysis.comparison import sign_flip
from bindscope.analysis.metrics import Interval
from bindscope.analysis.repair.blocks import Blocks
from bindscope.analysis.repair.data import RepairData, Rows
from bindscope.analysis.repair.figures import Bench, Change, Figures, baselines
from bindscope.analysis.repair.learning import Lesson, Recipe, TextMap, directions
from bindscope.core.errors import InvalidInput
from bindscope.core.specs import LEAST_BLOCK_BAGS, MOST_LOST, REPAIR_LEVEL, RepairSpec

#: Parts of A that are looked at.
PATH = tuple(round(0.1 * step, 1) for step in range(11))
STRENGTHS = (0.01, 0.1, 1.0)
#: Strengths of the regression that a map may start from, in units of the captions' own spread.
RIDGES = (1.0, 0.1, 0.01)
#: Looks without anything better, one after the other, before a strength is given up.
_PATIENCE = 5
#: Binding score and recall@1 together, where nothing is left to win.
_PERFECT = 2.0


@dataclass(frozen=True)
class PathPoint:
    """``distance`` is ||A_t - I|| / sqrt(dim), Frobenius."""

    t: float
    figures: Figures
    distance: float


@dataclass(frozen=True)
class Confirmation:
    """The part ``t`` that was best on the ``choosing`` bags, its gain there and on the ``confirming`` ones, which had
    no say in it, and the one-sided p of a sign-flip test of the latter. ``kept``: the gain of the choosing bags lies
    above 0 with its whole interval, and p is small enough."""

    t: float
    choosing: Interval
    confirming: Interval
    p: float
    kept: bool


@dataclass(frozen=True)
class Stratum:
    """The map at the tried part, on scenes with so many ``familiar`` objects and swaps with as many."""

    familiar: int
    scenes: int
    before: Interval
    after: Interval
    gain: Interval


@dataclass(frozen=True, eq=False)
class Repair:
    """``map`` is A: a repaired text is text @ A_t.T with A_t = (1 - t) I + t A. ``t`` is 0 where nothing was confirmed:
    ``map`` and ``path`` are then of what was tried. ``gain``: after minus before, bag by bag of the test."""

    map: TextMap
    t: float
    confirmation: Confirmation
    path: list[PathPoint]
    gain: Interval
    strata: list[Stratum]
    baselines: Mapping[str, Figures]
    blocks: Blocks
    train_scenes: int
    test_scenes: int
    train_objects: int
    test_objects: int
    chosen: dict[str, float]

    @property
    def before(self) -> PathPoint:
        """As the model is."""
        return self.path[0]

    @property
    def after(self) -> PathPoint:
        """At the chosen t."""
        return next(point for point in self.path if point.t == self.t)


@dataclass(frozen=True, eq=False)
class _Parts:
    """Objects [object] of the blocks and of neither; the scenes made of nothing else."""

    seen: NDArray[np.bool_]
    test: NDArray[np.bool_]
    train_rows: Rows
    choosing: Bench
    confirming: Bench
    testing: Bench


def repair(data: RepairData, blocks: Blocks, spec: RepairSpec, *, tick: Callable[[], None] = lambda: None) -> Repair:
    """Learns the map, confirms it and measures it. Raises InvalidInput where too few scenes are left for any of it."""
    pairs = Pairs.of(data.labels)
    parts = _parted(data, pairs, blocks, spec)
    allowed = (data.swaps[:, :, 0] >= 0) & parts.seen[data.swap_objects].all(-1)
    fights = parts.train_rows[allowed[parts.train_rows].any(1)]
    if len(fights) < 2:
        raise InvalidInput(
            f"At coverage {spec.coverage:g} too few scenes of training objects have a swap of training objects: choose "
            "a larger limit, a larger coverage, or upload more scenes."
        )
    basis = directions(data, parts.train_rows)
    lesson = Lesson(data, parts.train_rows, fights, allowed, basis, spec.seed, tick)
    recipe, mapping = _learned(lesson, parts.choosing)
    confirmation = _confirmed(mapping, parts, spec.seed)
    t = confirmation.t if confirmation.kept else 0.0
    path, scores = [], {}
    for part in PATH:
        tick()
        found, scores[part] = parts.testing.figures(_change(mapping, part))
        path.append(PathPoint(part, found, part * mapping.distance))
    chosen = {"strength": recipe.strength, "steps": float(recipe.steps)}
    return Repair(
        map=mapping,
        t=t,
        confirmation=confirmation,
        path=path,
        gain=_gain(scores[0.0], scores[t], parts.testing.units),
        strata=_strata(data, pairs, parts, _change(mapping, confirmation.t)),
        baselines=baselines(parts.testing, parts.train_rows),
        blocks=blocks,
        train_scenes=len(parts.train_rows),
        test_scenes=len(parts.testing.scenes),
        train_objects=int(parts.seen.sum()),
        test_objects=int(parts.test.sum()),
        chosen=chosen | ({} if recipe.ridge is None else {"ridge": recipe.ridge}),
    )


def _parted(data: RepairData, pairs: Pairs, blocks: Blocks, spec: RepairSpec) -> _Parts:
    validation, test = (own.objects(data.labels.objects) for own in (blocks.validation, blocks.test))
    ids = data.labels.object_ids
    inside = np.flatnonzero(validation[ids].all(1))
    trials = pairs.trials(inside)
    testing = Bench.of(data, pairs, np.flatnonzero(test[ids].all(1)), units=int(test.sum()))
    bags = np.random.default_rng([spec.seed, 47]).permutation(np.unique(trials.bag))
    tested = len(np.unique(testing.trials.bag))
    if min(len(bags), tested) < LEAST_BLOCK_BAGS:
        raise InvalidInput(
            f"Too few scenes of held-out objects: {len(bags)} sets of values for validation and {tested} for the test "
            f"occur together with a swap of theirs, and each takes {LEAST_BLOCK_BAGS}. Raise the limit, lower the "
            "coverage, or upload more scenes and their swaps."
        )
    confirming = np.isin(pairs.bag[inside], bags[: len(bags) // 2])
    seen = ~validation & ~test
    return _Parts(
        seen,
        test,
        np.flatnonzero(seen[ids].all(1)),
        Bench.of(data, pairs, inside[~confirming]),
        Bench.of(data, pairs, inside[confirming]),
        testing,
    )


def _learned(lesson: Lesson, choosing: Bench) -> tuple[Recipe, TextMap]:
    """The recipe that is best on the choosing scenes, and the map that it leads to."""

    def score(mapping: TextMap) -> float:
        change = _change(mapping, 1.0)
        return (choosing.scores(change).mean or 0.0) + float(choosing.recall(change).mean())

    starts = {ridge: lesson.start(ridge) for ridge in (None, *RIDGES)}
    values = {ridge: score(start) for ridge, start in starts.items()}
    first = max(starts, key=lambda ridge: values[ridge])
    best, found, mapping = values[first], Recipe(first, STRENGTHS[-1], 0), starts[first]
    for ridge, strength in product(dict.fromkeys((None, first)), STRENGTHS):
        misses = 0
        if best >= _PERFECT:
            break
        for step, trial in lesson.maps(starts[ridge], strength):
            value = score(trial)
            misses = 0 if value > best else misses + 1
            if value > best:
                best, found, mapping = value, Recipe(ridge, strength, step), trial
            if misses == _PATIENCE:
                break
    return found, mapping


def _confirmed(mapping: TextMap, parts: _Parts, seed: int) -> Confirmation:
    """The part with the highest score on the choosing bags among those that cost ordinary retrieval little, and
    whether it is better than the model as it is on the confirming bags too."""
    t = _part(mapping, parts.choosing)
    change = _change(mapping, t)
    before, after = ([bench.scores(own) for bench in (parts.choosing, parts.confirming)] for own in (None, change))
    gains = [_gain(one, two, None) for one, two in zip(before, after, strict=True)]
    both_sides = sign_flip(after[1].scores - before[1].scores, seed=seed)
    p = both_sides / 2 if (gains[1].value or 0.0) > 0 else 1 - both_sides / 2
    kept = t > 0 and (gains[0].low or 0.0) > 0 and p < REPAIR_LEVEL
    return Confirmation(t, gains[0], gains[1], p, kept)


def _part(mapping: TextMap, choosing: Bench) -> float:
    recall = [float(choosing.recall(_change(mapping, t)).mean()) for t in PATH]
    able = [n for n, own in enumerate(recall) if own >= recall[0] - MOST_LOST]
    score = {n: choosing.scores(_change(mapping, PATH[n])).mean or 0.0 for n in able}
    return PATH[max(able, key=lambda n: (score[n], -n))]


def _change(mapping: TextMap, t: float) -> Change:
    return lambda texts: mapping.apply(texts, t)


def _gain(before: BagScores, after: BagScores, units: int | None) -> Interval:
    """After minus before, bag by bag; exactly nothing where nothing was changed."""
    if before is after:
        n = len(before) if units is None else min(len(before), units)
        return Interval(0.0, 0.0, 0.0, n)
    return difference_interval(after.scores, before.scores, units=units)


def _strata(data: RepairData, pairs: Pairs, parts: _Parts, change: Change) -> list[Stratum]:
    """Scenes of test and training objects by how many of them the map has learned from: a memorised table gains where
    both are familiar, and nowhere else."""
    ids = data.labels.object_ids
    known = parts.seen[ids].sum(1)
    among = (parts.seen | parts.test)[ids].all(1)
    out = []
    for familiar in (0, 1, 2):
        units = parts.testing.units if familiar < 2 else None
        bench = Bench.of(data, pairs, np.flatnonzero(among & (known == familiar)), units=units)
        before, after = bench.scores(), bench.scores(change)
        one, two = (bag_interval(own.scores, units=units) for own in (before, after))
        out.append(Stratum(familiar, len(bench.scenes), one, two, _gain(before, after, units)))
    return out
