"""The published probe, step by step: bias-free softmax heads on raw embeddings, 10,000 full-batch steps of Adam.

Kept for the reproduction table alone. There is no regularisation, so with more dimensions than scenes the loss has no
finite minimum and the result is a matter of the optimiser: on real embeddings it stops before what is there is read.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bindscope.core import cancellation

Ids = NDArray[np.int64]
Single = NDArray[np.float32]

STEPS, RATE = 10_000, 1e-2
_BETAS, _EPSILON = (0.9, 0.999), 1e-8


def fit_published(
    rows: NDArray[np.floating], ids: Sequence[Ids], sizes: Sequence[int], *, seed: int
) -> tuple[NDArray[np.float64], ...]:
    """Weights [class, dim] of one head for each array of class numbers ``ids`` [scene, slot]; scores are weights @ z.

    The target of a scene is the share of its slots that hold each class. ``seed`` draws the first weights, uniform
    within 1 / sqrt(dim); the rate falls in a cosine to 0. Float32 throughout, as published.
    """
    starts = np.cumsum([0, *sizes])
    targets = np.concatenate([_shares(own, size) for own, size in zip(ids, sizes, strict=True)], axis=1)
    X: Single = np.ascontiguousarray(rows, dtype=np.float32)
    count, dim = X.shape
    W: Single = np.random.default_rng(seed).uniform(-1, 1, (starts[-1], dim)).astype(np.float32) / np.float32(dim**0.5)
    first, second = np.zeros_like(W), np.zeros_like(W)
    for step in range(1, STEPS + 1):
        if step % 16 == 0:
            cancellation.check()
        logits = X @ W.T
        for a, b in pairwise(starts):
            part = logits[:, a:b]
            part -= part.max(1, keepdims=True)
            np.exp(part, out=part)
            part /= part.sum(1, keepdims=True)
        logits -= targets
        gradient = (logits.T @ X) / np.float32(count)
        first += np.float32(1 - _BETAS[0]) * (gradient - first)
        second += np.float32(1 - _BETAS[1]) * (gradient * gradient - second)
        rate = RATE * 0.5 * (1 + np.cos(np.pi * (step - 1) / STEPS)) / (1 - _BETAS[0] ** step)
        W -= np.float32(rate) * first / (np.sqrt(second / np.float32(1 - _BETAS[1] ** step)) + np.float32(_EPSILON))
    return tuple(W[a:b].astype(np.float64) for a, b in pairwise(starts))


def _shares(ids: Ids, size: int) -> Single:
    """Share of the slots that hold each class: [scene, class]."""
    out = np.zeros((len(ids), size), dtype=np.float32)
    np.add.at(out, (np.arange(len(ids))[:, None], ids), np.float32(1 / ids.shape[1]))
    return out
