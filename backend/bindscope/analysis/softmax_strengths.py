"""How strong L2 should be: cross-validation of the probes inside their training scenes.

The path of strengths is one sequence of warm starts, and all heads and folds go down it together.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import recognised
from bindscope.analysis.softmax import Array, SoftTargets, fit_softmax
from bindscope.analysis.verdict import RESOLUTION, presence

#: Strengths of L2 that cross-validation goes through, for embeddings scaled to a mean squared norm of one.
STRENGTHS = tuple(10.0**-power for power in range(13))
FOLDS = 4

#: The path ends for a head after so many strengths that are no better.
_PATIENCE = 2
#: Nats of held-out cross-entropy below which two strengths are equally good: there the path is flat.
_FLAT = 1e-3
#: Every point of the path is solved: an early stop would be a regularisation of its own.
_TOLERANCE = 1e-6
_ITERATIONS = 500
#: Cross-validation looks at no more training scenes than this, nor at more than these numbers of scenes times classes.
_VALIDATION_SCENES = 4096
_VALIDATION_NUMBERS = 1 << 24
#: From here on one fold is enough: its held-out scenes are many.
_ONE_FOLD = 2048


@dataclass
class _Head:
    """The best of one head so far: recognition and minus cross-entropy, strength, weights [class, 1, feature]."""

    score: tuple[float, float]
    strength: float
    weights: Array
    misses: int = 0

    def see(self, score: tuple[float, float], strength: float, *, weights: Array) -> None:
        """Keeps what is better; a strength that improves neither number by more than a flat path does is a miss."""
        better = score[0] > self.score[0] or score[1] > self.score[1] + _FLAT
        self.misses = 0 if better else self.misses + 1
        if score > self.score:
            self.score, self.strength, self.weights = score, strength, weights.mean(1, keepdims=True)


def cross_validated(
    features: Array, targets: SoftTargets, order: NDArray[np.int64]
) -> tuple[NDArray[np.float64], Array, tuple[int, ...]]:
    """The strength [head] with the best held-out recognition (ties: cross-entropy), weights to start from, and the
    heads whose strength lies at the end of a path that was still rising.

    ``order`` [scene] says which scene goes to which fold. All heads and folds go down the path of strengths together,
    each step from the last solution; a head that has got worse twice in a row stays where it is.
    """
    starts = targets.starts
    classes = int(starts[-1])
    rows = order[: min(len(order), _VALIDATION_SCENES, max(512, _VALIDATION_NUMBERS // classes))]
    features, targets = features[rows], targets.take(rows)
    fold = np.arange(len(rows)) % min(FOLDS, len(rows))
    problems = np.unique(fold) if len(rows) < _ONE_FOLD else np.array([0])
    learning = (fold[None] != problems[:, None]).astype(np.float64)
    learning /= learning.sum(1, keepdims=True)
    weights: Array = np.zeros((classes, len(problems), features.shape[1]), dtype=features.dtype)
    heads = [_Head((-1.0, -np.inf), STRENGTHS[0], weights[a:b, :1]) for a, b in pairwise(starts)]
    current = np.full((len(heads), len(problems)), STRENGTHS[0])
    for strength in STRENGTHS:
        still = [number for number, head in enumerate(heads) if head.misses < _PATIENCE]
        if not still:
            break
        current[still] = strength
        weights = fit_softmax(
            features,
            targets,
            scene_weights=learning,
            strengths=current,
            start=weights,
            tolerance=_TOLERANCE,
            max_iterations=_ITERATIONS,
        ).weights
        for number in still:
            score = _held_out(features, targets, weights, head=number, fold=fold)
            heads[number].see(score, strength, weights=weights[starts[number] : starts[number + 1]])
    edges = tuple(number for number, head in enumerate(heads) if head.strength == STRENGTHS[-1] and not head.misses)
    return np.array([head.strength for head in heads]), np.concatenate([head.weights for head in heads]), edges


def _held_out(
    features: Array,
    targets: SoftTargets,
    weights: Array,
    *,
    head: int,
    fold: NDArray[np.int64],
) -> tuple[float, float]:
    """Recognition and minus cross-entropy of a head over the scenes that each fold leaves out."""
    first, last = targets.starts[head], targets.starts[head + 1]
    hits, loss, count = 0, 0.0, 0
    for problem in range(weights.shape[1]):
        rows = np.flatnonzero(fold == problem)
        scores = (features[rows] @ weights[first:last, problem].T).astype(np.float64)
        columns = targets.columns[head, rows] - first
        hits += int(recognised(scores, presence(columns, scores.shape[1]), resolution=RESOLUTION).sum())
        scores -= scores.max(1, keepdims=True)
        wanted = (targets.shares[head, rows] * np.take_along_axis(scores, columns, axis=1)).sum(1)
        loss += float((np.log(np.exp(scores).sum(1)) - wanted).sum())
        count += len(rows)
    return hits / count, -loss / count
