"""Repair of a text tower by one linear map (METHODS section 9).

A [dim, dim] is learned on the text side so that an image is nearer to its scene's captions than to those of its swaps:
from the identity, or from the regression of images on their captions (closed form), by cross-entropy over the batch's
captions and the scene's own swaps as hard negatives, held near the start. Training
sees scenes of some objects, and as negatives only swaps of the same objects; how many steps, how strongly A is held and
how much of it is used (t) is chosen on scenes with some held-out training objects; all figures are of scenes made only
of unseen objects.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.complexity.splits import ObjectSplit, object_split
from bindscope.analysis.repair.figures import Array, Figures, RepairData, Rows, baselines, figures
from bindscope.analysis.repair.learning import Lesson, Recipe, TextMap, directions
from bindscope.domain.repairs import RepairSpec
from bindscope.errors import InvalidInput

#: Parts of A that are looked at.
PATH = tuple(round(0.1 * step, 1) for step in range(11))
#: Loss of ordinary retrieval that the chosen part of A may cost on validation scenes.
MOST_LOST = 0.03
STRENGTHS = (0.01, 0.1, 1.0)
#: Strengths of the regression that a map may start from, in units of the captions' own spread.
RIDGES = (1.0, 0.1, 0.01)
#: Training objects that are kept for validation.
_HELD_OUT = 0.25
#: Looks without anything better, one after the other, before a strength is given up.
_PATIENCE = 5
#: A map has to be better on validation by twice the standard error of a coin: the best of many is often luck.
_SURE = 4.0


@dataclass(frozen=True)
class PathPoint:
    """``distance`` is ||A_t - I|| / sqrt(dim), Frobenius."""

    t: float
    figures: Figures
    distance: float


@dataclass(frozen=True, eq=False)
class Repair:
    """``map`` is A: a repaired text is text @ A_t.T with A_t = (1 - t) I + t A at the chosen ``t``."""

    map: TextMap
    t: float
    path: list[PathPoint]
    baselines: Mapping[str, Figures]
    train_scenes: int
    test_scenes: int
    train_objects: int
    chosen: dict[str, float]

    @property
    def before(self) -> PathPoint:
        """As the model is."""
        return self.path[0]

    @property
    def after(self) -> PathPoint:
        """At the chosen t."""
        return next(point for point in self.path if point.t == self.t)


def repair(data: RepairData, spec: RepairSpec, *, tick: Callable[[], None] = lambda: None) -> Repair:
    """Learns the map and measures it. Raises InvalidInput where no scene is left to train on, or to test."""
    split = object_split(data.labels, coverage=spec.coverage, seed=spec.seed)
    seen = np.zeros(data.labels.object_count, dtype=bool)
    seen[split.train_objects] = True
    allowed = _among(data, seen)
    train = split.train[allowed[split.train].any(1)]
    test = split.test[(data.swaps[split.test] >= 0).any(1)]
    _check(train, test, spec)
    basis = directions(data, split.train)
    recipe, t = _chosen(data, split, seen, basis, spec, tick)
    mapping = Lesson(data, split.train, train, allowed, basis, spec.seed, tick).followed(recipe)
    path = []
    for part in PATH:
        tick()
        path.append(_point(data, mapping, part, split.test))
    chosen = {"strength": recipe.strength, "steps": float(recipe.steps)}
    chosen |= {} if recipe.ridge is None else {"ridge": recipe.ridge}
    return Repair(
        mapping,
        t,
        path,
        baselines(data, split.train, split.test),
        len(train),
        len(split.test),
        len(split.train_objects),
        chosen,
    )


def _check(train: Rows, test: Rows, spec: RepairSpec) -> None:
    if len(train) < 2:
        raise InvalidInput(
            f"At coverage {spec.coverage:g} too few scenes of seen objects have a swap of seen objects: choose a "
            "larger one, or a space with more objects."
        )
    if not len(test):
        raise InvalidInput(
            f"At coverage {spec.coverage:g} no scene of unseen objects has a valid swap: choose a smaller one, or a "
            "space with more objects."
        )


def _among(data: RepairData, objects: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which swaps [scene, swap caption] hold only the ``objects`` [object]."""
    return np.asarray((data.swaps >= 0) & objects[data.swap_objects].all(-1))


def _chosen(
    data: RepairData,
    split: ObjectSplit,
    seen: NDArray[np.bool_],
    basis: Array,
    spec: RepairSpec,
    tick: Callable[[], None],
) -> tuple[Recipe, float]:
    """The recipe and the t that are best on scenes with any of a quarter of the training objects.

    Maps are learned without these. Where none is better beyond chance, t is 0: the model stays as it is.
    """
    rng = np.random.default_rng([spec.seed, 41])
    held = rng.permutation(split.train_objects)[: max(1, round(_HELD_OUT * len(split.train_objects)))]
    kept = seen.copy()
    kept[held] = False
    inside = kept[data.labels.object_ids[split.train]].all(1)
    validation, pairs, allowed = split.train[~inside], split.train[inside], _among(data, kept)
    lesson = Lesson(data, pairs, pairs[allowed[pairs].any(1)], allowed, basis, spec.seed, tick)

    def score(mapping: TextMap) -> float:
        return _score(figures(data, data.images, mapping.apply(data.texts, 1.0), validation))

    starts = {ridge: lesson.start(ridge) for ridge in ((None, *RIDGES) if len(pairs) else (None,))}
    values = {ridge: score(start) for ridge, start in starts.items()}
    first = max(starts, key=lambda ridge: values[ridge])
    best, found, mapping = values[first], Recipe(first, STRENGTHS[-1], 0), starts[first]
    for ridge, strength in product(dict.fromkeys((None, first)), STRENGTHS if len(lesson.fights) >= 2 else ()):
        misses = 0
        for step, trial in lesson.maps(starts[ridge], strength):
            value = score(trial)
            misses = 0 if value > best else misses + 1
            if value > best:
                best, found, mapping = value, Recipe(ridge, strength, step), trial
            if misses == _PATIENCE:
                break
    trials = figures(data, data.images, data.texts, validation).swap_accuracy.n
    sure = best - values[None] >= (_SURE * 0.25 / max(trials, 1)) ** 0.5
    return found, _part(data, mapping, validation) if sure else 0.0


def _score(found: Figures) -> float:
    return (found.swap_accuracy.value or 0.0) + (found.recall_at_1.value or 0.0)


def _part(data: RepairData, mapping: TextMap, validation: Rows) -> float:
    """The t with most swaps told apart, among those that cost ordinary retrieval little."""
    found = [figures(data, data.images, mapping.apply(data.texts, t), validation) for t in PATH]
    least = (found[0].recall_at_1.value or 0.0) - MOST_LOST
    able = [n for n, own in enumerate(found) if (own.recall_at_1.value or 0.0) >= least]
    return PATH[max(able, key=lambda n: (found[n].swap_accuracy.value or 0.0, -n))]


def _point(data: RepairData, mapping: TextMap, t: float, scenes: Rows) -> PathPoint:
    return PathPoint(t, figures(data, data.images, mapping.apply(data.texts, t), scenes), t * mapping.distance)
