"""Multinomial logistic regression with soft targets and L2, solved as the convex problem that it is.

Several *heads* (blocks of classes with a softmax each) and several *problems* (other scene weights or strengths, such
as the folds of a cross-validation) are solved together, so that each step is two matrix products for all of them.
Method: L-BFGS (Nocedal and Wright, algorithm 7.4) whose starting metric is the curvature bound of Böhning (1992).
Features that come from ``principal_axes`` are uncorrelated, which makes this bound diagonal and the steps few.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope import cancellation

Array = NDArray[np.floating]

#: Numbers in a block of logits: scenes are taken in blocks that stay in the processor's cache.
_BLOCK = 1 << 18
_MEMORY = 8
_HALVINGS = 25
#: Directions in which the training scenes spread less than this share of the widest one are dropped.
_RANK_TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class Axes:
    """Centre, turn and scale: ``mean`` [dim], orthonormal ``rotation`` [dim, feature], and one ``scale`` for all."""

    mean: NDArray[np.float64]
    rotation: NDArray[np.float64]
    scale: float

    def apply(self, embeddings: ArrayLike) -> NDArray[np.float64]:
        """Features [scene, feature] of embeddings [scene, dim]."""
        features: NDArray[np.float64] = (np.asarray(embeddings, dtype=np.float64) - self.mean) @ self.rotation
        return features / self.scale

    def weights_on_embeddings(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights [class, feature] turned into weights [class, dim] on centred embeddings."""
        turned: NDArray[np.float64] = weights @ self.rotation.T
        return turned / self.scale


def principal_axes(embeddings: ArrayLike) -> Axes:
    """Axes of embeddings [scene, dim] in which they are uncorrelated and have a mean squared norm of one.

    L2-regularised weights lie in the span of the scenes, so nothing is lost where there are more dimensions than
    scenes. Constant embeddings have no axis: ``rotation`` is then [dim, 0].
    """
    rows = np.asarray(embeddings, dtype=np.float64)
    mean = rows.mean(0)
    centred = rows - mean
    count, dim = centred.shape
    # With fewer scenes than dimensions the eigenproblem is solved inside their span: never larger than need be.
    basis = None if count >= dim else np.linalg.qr(centred.T)[0]
    inside = centred if basis is None else centred @ basis
    square, turn = np.linalg.eigh(inside.T @ inside)
    # Rounding of the mean leaves a spread of some 1e-16 of the values themselves where there is none.
    floor = max(
        _RANK_TOLERANCE**2 * square.max(initial=0.0), count * (1e-14 * float(np.abs(mean).max(initial=0.0))) ** 2
    )
    turn = turn[:, square > floor]
    rotation = turn if basis is None else basis @ turn
    scale = float(np.sqrt(square[square > floor].sum() / count)) if turn.shape[1] else 1.0
    return Axes(mean, np.ascontiguousarray(rotation), scale)


@dataclass(frozen=True, eq=False)
class SoftTargets:
    """For each scene and head, the uniform distribution over the classes present.

    ``columns`` [head, scene, slot] class numbers, counted through all heads; ``shares`` [head, scene, slot] with one
    over the number of distinct classes, 0 for repeats; ``starts`` [head + 1] the first class of each head.
    """

    columns: NDArray[np.int64]
    shares: NDArray[np.float64]
    starts: NDArray[np.int64]

    @cached_property
    def head_of(self) -> NDArray[np.int64]:
        """The head of each class: [class]."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def take(self, rows: NDArray[np.int64]) -> "SoftTargets":
        """The targets of some scenes."""
        return SoftTargets(self.columns[:, rows], self.shares[:, rows], self.starts)


def soft_targets(heads: Sequence[NDArray[np.int64]], sizes: Sequence[int]) -> SoftTargets:
    """Targets from class numbers [scene, slot] of each head, and the number of classes of each head."""
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    local = np.stack(heads)
    repeat = np.zeros(local.shape, dtype=bool)
    for slot in range(1, local.shape[2]):
        repeat[:, :, slot] = (local[:, :, :slot] == local[:, :, slot : slot + 1]).any(2)
    distinct = (~repeat).sum(2, keepdims=True)
    return SoftTargets(local + starts[:-1, None, None], np.where(repeat, 0.0, 1.0 / distinct), starts)


@dataclass(frozen=True, eq=False)
class _Objective:
    """Mean cross-entropy plus strength / 2 |w|^2, for each head and problem."""

    features: Array
    targets: SoftTargets
    scene_weights: Array
    strengths: Array

    def spread(self, per_head: Array) -> Array:
        """[head, problem] -> [class, problem, 1]."""
        return per_head[self.targets.head_of, :, None]

    def inner(self, a: Array, b: Array) -> Array:
        """Inner products by head and problem, of two arrays [class, problem, feature]."""
        return np.add.reduceat(np.einsum("cpf,cpf->cp", a, b), self.targets.starts[:-1], axis=0)

    def evaluate(self, weights: Array) -> tuple[Array, Array]:
        """Loss [head, problem] and gradient [class, problem, feature]."""
        classes, problems, width = weights.shape
        flat = weights.reshape(classes * problems, width)
        loss = 0.5 * self.strengths * self.inner(weights, weights)
        gradient = self.spread(self.strengths) * weights
        step = max(256, _BLOCK // max(1, classes * problems))
        for first in range(0, len(self.features), step):
            rows = slice(first, first + step)
            block = self.features[rows]
            logits = (flat @ block.T).reshape(classes, problems, len(block))
            loss += self._to_residuals(logits, rows)
            gradient += (logits.reshape(classes * problems, len(block)) @ block).reshape(weights.shape)
        return loss, gradient

    def _to_residuals(self, logits: Array, rows: slice) -> Array:
        """Turns logits [class, problem, scene] into weighted (probability - target) in place; returns the loss."""
        starts, scene_weights = self.targets.starts, self.scene_weights[:, rows]
        loss = np.empty_like(self.strengths)
        everyone = np.arange(logits.shape[2])
        for head in range(len(starts) - 1):
            part = logits[starts[head] : starts[head + 1]]
            part -= part.max(0)
            columns = self.targets.columns[head, rows] - starts[head]
            shares = self.targets.shares[head, rows].astype(logits.dtype)
            wanted = np.zeros_like(scene_weights)
            for slot in range(columns.shape[1]):
                wanted += shares[:, slot] * part[columns[:, slot], :, everyone].T
            np.exp(part, out=part)
            total = part.sum(0)
            loss[head] = (scene_weights * (np.log(total) - wanted)).sum(1, dtype=np.float64)
            part *= scene_weights / total
            for slot in range(columns.shape[1]):
                part[columns[:, slot], :, everyone] -= (shares[:, slot] * scene_weights).T
        return loss

    def metric(self) -> Array:
        """Inverse diagonal curvature [class, problem, feature], exact for uncorrelated features and even odds."""
        spread = np.einsum("sf,sf->f", self.features, self.features) / len(self.features)
        evenness = (1.0 / np.diff(self.targets.starts)).astype(self.features.dtype)
        curvature = self.spread(np.broadcast_to(evenness[:, None], self.strengths.shape))
        return np.asarray(1.0 / (curvature * spread + self.spread(self.strengths)))


@dataclass(frozen=True, eq=False)
class SoftmaxFit:
    """``weights`` [class, problem, feature]; ``iterations``; whether every head of every problem ``converged``."""

    weights: Array
    iterations: int
    converged: bool


def fit_softmax(
    features: Array,
    targets: SoftTargets,
    *,
    scene_weights: Array,
    strengths: Array,
    start: Array,
    tolerance: float,
    max_iterations: int,
) -> SoftmaxFit:
    """Minimises sum_n weight_n CE(softmax(w x_n), target_n) + strength / 2 |w|^2 for each head and problem.

    ``features`` [scene, feature], ``scene_weights`` [problem, scene] (each row sums to one), ``strengths``
    [head, problem] above zero, ``start`` [class, problem, feature]. The dtype of ``features`` is that of the solve.
    Stops where the squared gradient, in the metric of the curvature, falls below ``tolerance``: an estimate of twice
    the distance of the objective from its minimum, in nats.
    """
    dtype = features.dtype
    goal = _Objective(features, targets, scene_weights.astype(dtype), strengths.astype(dtype))
    metric, weights = goal.metric(), start.astype(dtype)
    loss, gradient = goal.evaluate(weights)
    stuck = np.zeros(loss.shape, dtype=bool)
    history: list[tuple[Array, Array, Array]] = []
    done = np.zeros(loss.shape, dtype=bool)
    iteration = 0
    for iteration in range(max_iterations + 1):
        cancellation.check()
        done = goal.inner(gradient, gradient * metric) <= tolerance
        if (done | stuck).all() or iteration == max_iterations:
            break
        active = (~(done | stuck)).astype(dtype)
        direction = goal.spread(active) * _direction(goal, gradient, metric, history=history)
        moved, loss, new_gradient, failed = _line_search(goal, weights, direction, loss=loss, gradient=gradient)
        # Only rounding keeps a descent direction of a convex function from descending.
        stuck |= failed
        step, change = moved - weights, new_gradient - gradient
        bend = goal.inner(step, change)
        inverse = np.divide(1.0, bend, out=np.zeros_like(bend), where=bend > np.finfo(dtype).tiny)
        history = [*history[-_MEMORY + 1 :], (step, change, inverse)]
        weights, gradient = moved, new_gradient
    return SoftmaxFit(weights, iteration, bool(done.all()))


def _direction(goal: _Objective, gradient: Array, metric: Array, *, history: list[tuple[Array, Array, Array]]) -> Array:
    """The two loops of L-BFGS, for every head and problem with its own coefficients."""
    ahead = gradient.copy()
    coefficients = []
    for step, change, inverse in reversed(history):
        coefficient = inverse * goal.inner(step, ahead)
        coefficients.append(coefficient)
        ahead -= goal.spread(coefficient) * change
    ahead *= metric
    if history:
        step, change, _ = history[-1]
        bend, length = goal.inner(step, change), goal.inner(change, metric * change)
        known = (bend > 0) & (length > 0)
        ahead *= goal.spread(np.divide(bend, length, out=np.ones_like(bend), where=known))
    for (step, change, inverse), coefficient in zip(history, reversed(coefficients), strict=True):
        ahead += goal.spread(coefficient - inverse * goal.inner(change, ahead)) * step
    return -ahead


def _line_search(
    goal: _Objective, weights: Array, direction: Array, *, loss: Array, gradient: Array
) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """Halves the step of each head and problem until its loss falls enough; those that never do stay where they are."""
    slope = goal.inner(gradient, direction)
    slack = 8 * np.finfo(weights.dtype).eps * np.abs(loss)
    lengths = np.ones_like(loss)
    for _ in range(_HALVINGS):
        moved = weights + goal.spread(lengths) * direction
        new_loss, new_gradient = goal.evaluate(moved)
        short = new_loss > loss + 1e-4 * lengths * slope + slack
        if not short.any():
            return moved, new_loss, new_gradient, short
        lengths = np.where(short, 0.5 * lengths, lengths).astype(loss.dtype)
    moved = weights + goal.spread(np.where(short, 0.0, lengths).astype(loss.dtype)) * direction
    new_loss, new_gradient = goal.evaluate(moved)
    return moved, new_loss, new_gradient, short
