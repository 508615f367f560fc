"""Linear probes: is the information there at all (METHODS section 4)?

One bias-free linear head for each concept and one over objects; the target is uniform over the values present. The
loss with L2 is convex and is solved to its minimum; the strength of L2 is chosen by cross-validation inside the
training scenes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.linear import Array, Axes, SoftTargets, fit_softmax, principal_axes, soft_targets
from bindscope.analysis.metrics import Interval, wilson
from bindscope.analysis.pairings import pairings
from bindscope.analysis.strengths import cross_validated
from bindscope.analysis.verdict import Recognition, chance, presence, recognise, recognition_intervals
from bindscope.domain.labels import SceneLabels
from bindscope.domain.specs import ProbeSpec
from bindscope.errors import InvalidInput

#: The object head's name among the strengths; concepts have their own.
OBJECT = "object"

#: Scenes x features x classes above which the solve runs in float32.
_DOUBLE_LIMIT = 1 << 27
#: Nats between the fit and its minimum, about, and the steps it may take to get there.
_TOLERANCE = 1e-6
_ITERATIONS = 500
_LARGE_ITERATIONS = 150
#: Larger numbers overflow when they are squared and summed.
_LARGEST = 1e100
_PREDICTION_NUMBERS = 1 << 23


@dataclass(frozen=True, eq=False)
class ProbeScores:
    """Scores of each concept's values [scene, value], in the order of the concepts, and of ``objects`` [scene, object].

    Only differences within a head and a scene mean something.
    """

    concepts: list[NDArray[np.float64]]
    objects: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LinearProbes:
    """Fitted heads: scores are ``weights`` [class, dim] times (embedding - ``mean`` [dim]).

    ``mean`` is that of the training scenes, so adding a constant vector to all embeddings changes nothing. Classes are
    the values ``seen`` in training, concept after concept and objects last; ``sizes`` are the full numbers of values.
    A value without a training scene is scored one below the lowest seen value of the scene: a scene that holds it is
    not recognised, and it never stands in the way of the others. ``strengths`` of L2 go by concept name and "object".
    """

    mean: NDArray[np.float64]
    weights: NDArray[np.float64]
    seen: tuple[NDArray[np.int64], ...]
    sizes: tuple[int, ...]
    strengths: Mapping[str, float]
    converged: bool

    def predict(self, embeddings: ArrayLike) -> ProbeScores:
        """Scores of embeddings [scene, dim]; float64. Raises InvalidInput for another number of dimensions."""
        rows = np.asarray(embeddings)
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            raise InvalidInput(f"These probes read embeddings [scene, {len(self.mean)}], got {list(rows.shape)}.")
        scores = (rows.astype(np.float64) - self.mean) @ self.weights.T
        heads, first = [], 0
        for seen, size in zip(self.seen, self.sizes, strict=True):
            heads.append(_widened(scores[:, first : first + len(seen)], seen, size))
            first += len(seen)
        return ProbeScores(heads[:-1], heads[-1])


def _widened(scores: NDArray[np.float64], seen: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """Scores of all values of a head from those seen in training."""
    if len(seen) == size:
        return scores
    wide = np.repeat(scores.min(1, keepdims=True) - 1.0, size, axis=1)
    wide[:, seen] = scores
    return wide


@dataclass(frozen=True)
class ValueRecognition:
    """Recognition of a concept among the scenes that hold one of its values."""

    train: Interval
    test: Interval


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """Recognition on training and held-out scenes, and what chance would reach on the held-out ones.

    ``chance`` gives what random scores reach, except ``object_on_valid_swaps``: what a bag of concepts reaches that
    knows every value and guesses the owners. ``per_value`` lists, for each concept, its values in order.
    """

    train: dict[str, Interval]
    test: dict[str, Interval]
    chance: dict[str, Interval]
    per_value: dict[str, tuple[ValueRecognition, ...]]
    train_scenes: int
    test_scenes: int
    strengths: Mapping[str, float]
    probes: LinearProbes


def split_scenes(labels: SceneLabels, *, train_ratio: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the training and of the held-out scenes, each in ascending order.

    The scenes are put in the order of their labels before they are shuffled, so the split is a matter of what the
    scenes hold and not of the order in which they come (copies of one scene aside). Raises InvalidInput where a part
    would have fewer than two scenes.
    """
    count = len(labels)
    cut = int(train_ratio * count)
    if cut < 2 or count - cut < 2:
        raise InvalidInput(
            f"There must be at least two training and two held-out scenes: {count} scenes at a training share of "
            f"{train_ratio:g} give {cut} and {count - cut}. Add scenes or change the share."
        )
    order = _shuffled(labels, seed)
    return np.sort(order[:cut]), np.sort(order[cut:])


def _shuffled(labels: SceneLabels, seed: int) -> NDArray[np.int64]:
    by_label = np.lexsort(labels.object_ids.T[::-1])
    shuffled: NDArray[np.int64] = by_label[np.random.default_rng(seed).permutation(len(labels))]
    return shuffled


def fit_probes(
    embeddings: ArrayLike, labels: SceneLabels, *, strength: float | None = None, seed: int = 0
) -> LinearProbes:
    """Fits all heads on all given scenes: embeddings [scene, dim].

    ``strength`` of L2 (None: chosen for each head by cross-validation, ``seed`` shuffles the folds) multiplies half
    the squared weights, for embeddings centred and scaled to a mean squared norm of one. Above some 10^8
    multiplications a step the solve runs in float32. Raises InvalidInput for fewer than two scenes, numbers that are
    not finite, rows that do not match the labels and a strength that is not positive.
    """
    rows = _checked(embeddings, labels)
    if len(rows) < 2:
        raise InvalidInput(f"Probes need at least two scenes to learn from, got {len(rows)}.")
    if strength is not None and not (np.isfinite(strength) and strength > 0):
        raise InvalidInput(f"The strength of L2 must be above zero, got {strength}.")
    sizes = (*labels.values, labels.object_count)
    held = [*np.moveaxis(labels.scenes, 2, 0), labels.object_ids]
    seen = tuple(np.unique(ids) for ids in held)
    targets = soft_targets(
        [np.searchsorted(known, ids) for known, ids in zip(seen, held, strict=True)], [len(known) for known in seen]
    )
    axes = principal_axes(rows)
    features: Array = axes.apply(rows)
    if features.size * int(targets.starts[-1]) > _DOUBLE_LIMIT:
        features = features.astype(np.float32)
    if strength is None:
        chosen, start = cross_validated(features, targets, _shuffled(labels, seed))
    else:
        chosen = np.full(len(sizes), strength)
        start = np.zeros((int(targets.starts[-1]), 1, features.shape[1]))
    weights, converged = _solved(features, targets, chosen, start=start, axes=axes)
    strengths = dict(zip((*labels.names, OBJECT), chosen.tolist(), strict=True))
    return LinearProbes(axes.mean, weights, seen, sizes, strengths, converged)


def _checked(embeddings: ArrayLike, labels: SceneLabels) -> Array:
    rows = np.asarray(embeddings)
    if rows.ndim != 2 or rows.shape[1] < 1 or len(rows) != len(labels):
        raise InvalidInput(
            f"Embeddings must be [scene, dim] with one row for each of the {len(labels)} labelled scenes, "
            f"got {list(rows.shape)}."
        )
    if not float(np.abs(rows).max(initial=0.0)) < _LARGEST:
        raise InvalidInput(f"Embeddings hold NaN, infinite numbers or some above {_LARGEST:g}: leave those scenes out.")
    return rows


def _solved(
    features: Array, targets: SoftTargets, strengths: NDArray[np.float64], *, start: Array, axes: Axes
) -> tuple[NDArray[np.float64], bool]:
    """Weights [class, dim] at the minimum over all scenes."""
    fit = fit_softmax(
        features,
        targets,
        scene_weights=np.full((1, len(features)), 1.0 / len(features)),
        strengths=strengths[:, None],
        start=start,
        tolerance=_TOLERANCE,
        max_iterations=_ITERATIONS if features.dtype == np.float64 else _LARGE_ITERATIONS,
    )
    return axes.weights_on_embeddings(fit.weights[:, 0].astype(np.float64)), fit.converged


def probe(embeddings: ArrayLike, labels: SceneLabels, spec: ProbeSpec) -> ProbeResult:
    """Fits on the training scenes of embeddings [scene, dim] and reports both parts.

    Same input, same bits. Raises InvalidInput as ``split_scenes`` and ``fit_probes`` do.
    """
    rows = _checked(embeddings, labels)
    train, test = split_scenes(labels, train_ratio=spec.train_ratio, seed=spec.seed)
    probes = fit_probes(rows[train], labels.take(train), seed=spec.seed)
    seen, unseen = labels.take(train), labels.take(test)
    on_train, on_test = recognise_with(probes, rows[train], seen), recognise_with(probes, rows[test], unseen)
    return ProbeResult(
        train=recognition_intervals(on_train, labels.names, has_swap=seen.has_valid_swap),
        test=recognition_intervals(on_test, labels.names, has_swap=unseen.has_valid_swap),
        chance=chance_intervals(unseen),
        per_value=_by_value(on_train, seen, held_out=on_test, held_out_labels=unseen),
        train_scenes=len(train),
        test_scenes=len(test),
        strengths=probes.strengths,
        probes=probes,
    )


class Scores(Protocol):
    """Scores of each concept's values [scene, value] and of objects [scene, object]."""

    @property
    def concepts(self) -> Sequence[NDArray[np.float64]]: ...

    @property
    def objects(self) -> NDArray[np.float64]: ...


class Probes(Protocol):
    """Fitted probes of any kind."""

    def predict(self, embeddings: NDArray[np.floating], /) -> Scores: ...


#: Fits probes on embeddings [scene, dim] and their labels.
ProbeFit = Callable[[NDArray[np.floating], SceneLabels], Probes]


def recognise_with(probes: Probes, embeddings: ArrayLike, labels: SceneLabels) -> Recognition:
    """Recognition of each scene under fitted probes, block by block so that many objects fit into memory."""
    rows = np.asarray(embeddings)
    step = max(1, _PREDICTION_NUMBERS // (labels.object_count + sum(labels.values)))
    parts: list[Recognition] = []
    for first in range(0, max(1, len(rows)), step):
        scores = probes.predict(rows[first : first + step])
        scenes, ids = labels.scenes[first : first + step], labels.object_ids[first : first + step]
        parts.append(recognise(scores.concepts, scores.objects, scenes=scenes, object_ids=ids))
    return Recognition.joined(parts, concepts=len(labels.names))


def recognition_with(probes: Probes, embeddings: ArrayLike, labels: SceneLabels) -> dict[str, Interval]:
    """The same as intervals: each concept, all concepts at once, objects, objects where a valid swap exists."""
    return recognition_intervals(
        recognise_with(probes, embeddings, labels), labels.names, has_swap=labels.has_valid_swap
    )


def chance_intervals(labels: SceneLabels) -> dict[str, Interval]:
    """Chance on these scenes as exact intervals (low = value = high); see ``ProbeResult``."""
    count = len(labels)
    levels = chance(labels.values, labels.names, scenes=labels.scenes)
    out = {name: Interval(level, level, level, count) for name, level in levels.items()}
    swappable = labels.scenes[labels.has_valid_swap]
    guess = float((1.0 / pairings(swappable)).mean()) if len(swappable) else None
    out["object_on_valid_swaps"] = Interval(guess, guess, guess, len(swappable))
    return out


def _by_value(
    learned: Recognition, labels: SceneLabels, *, held_out: Recognition, held_out_labels: SceneLabels
) -> dict[str, tuple[ValueRecognition, ...]]:
    def shares(result: Recognition, scenes: NDArray[np.int64], concept: int) -> Sequence[Interval]:
        holds = presence(scenes[:, :, concept], labels.values[concept])
        hits = holds & result.by_concept[:, concept, None]
        return [wilson(int(h), int(n)) for h, n in zip(hits.sum(0), holds.sum(0), strict=True)]

    return {
        name: tuple(
            ValueRecognition(train, test)
            for train, test in zip(
                shares(learned, labels.scenes, k), shares(held_out, held_out_labels.scenes, k), strict=True
            )
        )
        for k, name in enumerate(labels.names)
    }
