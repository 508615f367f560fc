"""Linear probes: one head for each concept and one over objects, fitted on some scenes and applied to others.

``ridge`` (the default) regresses the presence of each value in closed form; ``published`` is the softmax loss of the
paper, kept for reproduction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.binding import Pairs
from bindscope.analysis.published_probes import fit_published
from bindscope.analysis.ridge import LEAST_BAGS, Head, fit_ridge
from bindscope.analysis.ridge_axes import axes_of
from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.core.specs import PROBE_ESTIMATORS, ProbeEstimator
from bindscope.scenes.labels import SceneLabels

#: The object head's name among the strengths; concepts have their own.
OBJECT = "object"

#: Larger numbers overflow when they are squared and summed.
_LARGEST = 1e100


@dataclass(frozen=True, eq=False)
class ProbeScores:
    """Scores of each concept's values [scene, value], in the order of the concepts, and of ``objects`` [scene, object].

    Only differences within a head and a scene mean something.
    """

    concepts: list[NDArray[np.float64]]
    objects: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LinearProbes:
    """Fitted heads: scores are ``weights`` [class, dim] times (embedding - ``mean`` [dim]) plus ``offset`` [class].

    ``mean`` is that of the training scenes, so adding a constant vector to all embeddings changes nothing. Classes are
    concept after concept, objects last; ``sizes`` are their numbers. ``strengths`` of L2 go by concept name and
    "object": 0 for the published probe, None where nothing could be fitted (fewer than three bags, equal vectors) and
    the head is constant. ``edges`` names the heads whose strength lies at a still rising end of the grid.
    """

    mean: NDArray[np.float64]
    weights: NDArray[np.float64]
    offset: NDArray[np.float64]
    sizes: tuple[int, ...]
    strengths: Mapping[str, float | None]
    edges: frozenset[str] = frozenset()

    @property
    def unfitted(self) -> frozenset[str]:
        """Heads that are constant because nothing could be fitted: no figure can be made of them."""
        return frozenset(name for name, strength in self.strengths.items() if strength is None)

    def predict(self, embeddings: ArrayLike) -> ProbeScores:
        """Scores of embeddings [scene, dim]; float64. Raises InvalidInput for another number of dimensions."""
        rows = np.asarray(embeddings)
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            raise InvalidInput(f"These probes read embeddings [scene, {len(self.mean)}], got {list(rows.shape)}.")
        scores = (rows.astype(np.float64) - self.mean) @ self.weights.T + self.offset
        heads = np.split(scores, np.cumsum(self.sizes)[:-1], axis=1)
        return ProbeScores(heads[:-1], heads[-1])


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
ProbeFit = Callable[[NDArray[np.floating], SceneLabels], LinearProbes]


def fit_probes(
    embeddings: ArrayLike,
    labels: SceneLabels,
    *,
    estimator: ProbeEstimator = "ridge",
    strength: float | None = None,
    seed: int = 0,
) -> LinearProbes:
    """Fits all heads on all given scenes: embeddings [scene, dim].

    ``strength`` of L2 (None: chosen for each head inside these scenes by leave-one-bag-out) is for ``ridge`` alone:
    ``published`` has none, and ``seed`` draws its first weights. Raises InvalidInput for fewer than two scenes, numbers
    that are not finite, rows that do not match the labels and a strength that is not positive; UnknownName for the
    estimator.
    """
    rows = checked(embeddings, labels)
    if len(rows) < 2:
        raise InvalidInput(f"Probes need at least two scenes to learn from, got {len(rows)}.")
    if strength is not None and not (np.isfinite(strength) and strength > 0):
        raise InvalidInput(f"The strength of L2 must be above zero, got {strength}.")
    if estimator not in _FITS:
        raise UnknownName("estimator", estimator, PROBE_ESTIMATORS)
    return _FITS[estimator](rows, labels, strength, seed)


def checked(embeddings: ArrayLike, labels: SceneLabels) -> NDArray[np.floating]:
    """Embeddings [scene, dim] that fit the labels. Raises InvalidInput."""
    rows = np.asarray(embeddings)
    if rows.ndim != 2 or rows.shape[1] < 1 or len(rows) != len(labels):
        raise InvalidInput(
            f"Embeddings must be [scene, dim] with one row for each of the {len(labels)} labelled scenes, "
            f"got {list(rows.shape)}."
        )
    if not float(np.abs(rows).max(initial=0.0)) < _LARGEST:
        raise InvalidInput(f"Embeddings hold NaN, infinite numbers or some above {_LARGEST:g}: leave those scenes out.")
    return rows


def _sizes(labels: SceneLabels) -> tuple[int, ...]:
    return (*labels.values, labels.object_count)


def _ridge(rows: NDArray[np.floating], labels: SceneLabels, strength: float | None, seed: int) -> LinearProbes:
    pairs, names = Pairs.of(labels), (*labels.names, OBJECT)
    heads = [Head(labels.scenes[:, :, k], size) for k, size in enumerate(labels.values)]
    heads.append(Head(labels.object_ids, labels.object_count, pairs.trials(paired=False)))
    fit = fit_ridge(rows, heads, pairs.bag, strength=strength)
    return LinearProbes(
        fit.mean,
        np.concatenate([head.weights for head in fit.heads]),
        np.concatenate([head.offset for head in fit.heads]),
        _sizes(labels),
        {name: head.strength for name, head in zip(names, fit.heads, strict=True)},
        frozenset(name for name, head in zip(names, fit.heads, strict=True) if head.edge),
    )


def _published(rows: NDArray[np.floating], labels: SceneLabels, strength: float | None, seed: int) -> LinearProbes:
    if len(np.unique(Pairs.of(labels).bag)) < LEAST_BAGS or axes_of(rows) is None:
        size = sum(_sizes(labels))
        unfitted = dict.fromkeys((*labels.names, OBJECT))
        return LinearProbes(
            np.zeros(rows.shape[1]), np.zeros((size, rows.shape[1])), np.zeros(size), _sizes(labels), unfitted
        )
    weights = np.concatenate(
        fit_published(rows, [*np.moveaxis(labels.scenes, 2, 0), labels.object_ids], _sizes(labels), seed=seed)
    )
    none = dict.fromkeys((*labels.names, OBJECT), 0.0)
    return LinearProbes(np.zeros(rows.shape[1]), weights, np.zeros(len(weights)), _sizes(labels), none)


#: What each estimator does.
_FITS: Mapping[str, Callable[[NDArray[np.floating], SceneLabels, float | None, int], LinearProbes]] = {
    "ridge": _ridge,
    "published": _published,
}
