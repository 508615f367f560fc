"""The published kind of probe: bias-free softmax heads on the uniform distribution over what is present, with L2.

The loss is convex and solved to its minimum, at every strength that is tried. The paper's script takes a fixed number
of steps towards it, which leaves unread much of what is linearly there. Kept for reproduction: ``ridge`` reads as much
in a fraction of the time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.softmax import Array, Axes, SoftTargets, fit_softmax, principal_axes, soft_targets
from bindscope.analysis.softmax_strengths import cross_validated

#: Scenes x features x classes above which the solve runs in float32.
_DOUBLE_LIMIT = 1 << 27
#: Nats between the fit and its minimum, about, and the steps it may take to get there.
_TOLERANCE = 1e-6
_ITERATIONS = 500
_LARGE_ITERATIONS = 150


@dataclass(frozen=True, eq=False)
class SoftmaxHeads:
    """``weights`` [class, dim] of each head on embeddings minus ``mean``; ``seen`` [class] of each; the ``strengths``
    (None: all vectors are equal, nothing could be fitted); ``edges``: heads, by number, at the end of a path that was
    still rising."""

    mean: NDArray[np.float64]
    weights: tuple[NDArray[np.float64], ...]
    seen: tuple[NDArray[np.bool_], ...]
    strengths: tuple[float | None, ...]
    edges: tuple[int, ...] = ()


def fit_softmax_heads(
    rows: Array,
    ids: list[NDArray[np.int64]],
    sizes: tuple[int, ...],
    *,
    strength: float | None,
    order: NDArray[np.int64],
) -> SoftmaxHeads:
    """Fits one head for each array of class numbers ``ids`` [scene, slot] to embeddings ``rows`` [scene, dim].

    ``strength`` of L2 multiplies half the squared weights, for embeddings scaled to a mean squared norm of one; None:
    chosen for each head by cross-validation over ``order`` [scene]. Equal vectors fit nothing: weights of 0. Above some
    10^8 multiplications a step the solve runs in float32.
    """
    seen = [np.unique(own) for own in ids]
    targets = soft_targets(
        [np.searchsorted(known, own) for known, own in zip(seen, ids, strict=True)], [len(known) for known in seen]
    )
    axes = principal_axes(rows)
    features: Array = axes.apply(rows)
    if features.size * int(targets.starts[-1]) > _DOUBLE_LIMIT:
        features = features.astype(np.float32)
    if not features.shape[1]:
        known_in = [np.isin(np.arange(size), known) for known, size in zip(seen, sizes, strict=True)]
        nothing = tuple(np.zeros((size, rows.shape[1])) for size in sizes)
        return SoftmaxHeads(axes.mean, nothing, tuple(known_in), (None,) * len(ids))
    edges: tuple[int, ...] = ()
    if strength is None:
        chosen, start, edges = cross_validated(features, targets, order)
    else:
        chosen = np.full(len(ids), strength)
        start = np.zeros((int(targets.starts[-1]), 1, features.shape[1]))
    solved = _solved(features, targets, chosen, start=start, axes=axes)
    weights, known_in, first = [], [], 0
    for known, size in zip(seen, sizes, strict=True):
        wide, flags = np.zeros((size, rows.shape[1])), np.zeros(size, dtype=bool)
        wide[known], flags[known] = solved[first : first + len(known)], True
        weights.append(wide)
        known_in.append(flags)
        first += len(known)
    return SoftmaxHeads(axes.mean, tuple(weights), tuple(known_in), tuple(chosen.tolist()), edges)


def _solved(
    features: Array, targets: SoftTargets, strengths: NDArray[np.float64], *, start: Array, axes: Axes
) -> NDArray[np.float64]:
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
    return axes.weights_on_embeddings(fit.weights[:, 0].astype(np.float64))
