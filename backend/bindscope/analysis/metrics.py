"""Recognition, cosines and intervals (docs/methods/verdicts.md)."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Interval:
    """A proportion with its 95 % interval over ``n`` trials; all None when there was no trial."""

    value: float | None
    low: float | None
    high: float | None
    n: int


def wilson(hits: int, n: int) -> Interval:
    """Wilson score interval at 95 % for ``hits`` out of ``n``."""
    if not 0 <= hits <= n:
        raise ValueError(f"hits must lie between 0 and n, got {hits} of {n}")
    if n == 0:
        return Interval(None, None, None, 0)
    p, z2 = hits / n, _Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == n else min(1.0, centre + half)
    return Interval(p, low, high, n)


def cosines(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Cosines [i, j] between the rows of ``a`` and of ``b``; a zero vector has cosine 0 with everything."""
    product: NDArray[np.float64] = np.clip(unit(a) @ unit(b).T, -1.0, 1.0)
    return product


def unit(vectors: ArrayLike) -> NDArray[np.float64]:
    """Rows scaled to length one (zero rows stay zero), float64."""
    rows = np.asarray(vectors, dtype=np.float64)
    norm = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: NDArray[np.float64] = np.divide(rows, norm, out=np.zeros_like(rows), where=norm > 0)
    return scaled


def recognised(scores: ArrayLike, present: ArrayLike, *, resolution: float = 0.0) -> NDArray[np.bool_]:
    """Strict recognition over the last axis: the lowest present score is above the highest absent one.

    A tie is not recognised, nor is a lead of at most ``resolution``, which a rounding error can make. Where everything
    is present there is nothing to confuse: recognised.
    """
    score, mask = np.asarray(scores, dtype=np.float64), np.asarray(present, dtype=bool)
    low = np.where(mask, score, np.inf).min(-1)
    high = np.where(mask, -np.inf, score).max(-1)
    return np.asarray(low > high + resolution)
