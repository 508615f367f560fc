"""Pairs of items whose meanings differ and whose embeddings do not: the same-vector detector."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.metrics import unit
from bindscope.core.errors import InvalidInput

#: Cosines held at a time.
_BLOCK_NUMBERS = 1 << 23


@dataclass(frozen=True, eq=False)
class ClosePairs:
    """The closest pairs ``first`` < ``second`` [pair] with their ``cosine`` [pair], closest first; ``total`` such pairs
    were found, of ``compared`` with different meanings."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    cosine: NDArray[np.float64]
    total: int
    compared: int


def close_pairs(
    vectors: ArrayLike,
    meanings: NDArray[np.int64],
    *,
    least: float,
    most: int,
    tick: Callable[[], None] = lambda: None,
) -> ClosePairs:
    """Pairs of rows of ``vectors`` [item, dim] with different ``meanings`` [item] and a cosine of at least ``least``.

    Exact, block by block over the upper triangle; at most ``most`` pairs are kept. Raises InvalidInput for fewer than
    two items.
    """
    rows = unit(vectors)
    count = len(rows)
    if count < 2:
        raise InvalidInput("There is nothing to compare: give at least two captions.")
    kept = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    total = 0
    step = max(1, _BLOCK_NUMBERS // count)
    for begin in range(0, count, step):
        tick()
        end = min(begin + step, count)
        cosine = rows[begin:end] @ rows[begin:].T
        close = (cosine >= least) & (meanings[begin:end, None] != meanings[None, begin:])
        close &= np.arange(begin, end)[:, None] < np.arange(begin, count)[None]
        one, other = np.nonzero(close)
        total += len(one)
        found = (one + begin, other + begin, np.minimum(cosine[one, other], 1.0))
        kept = _closest(*(np.concatenate(pair) for pair in zip(kept, found, strict=True)), most=most)
    _, sizes = np.unique(meanings, return_counts=True)
    compared = (count * (count - 1) - int((sizes * (sizes - 1)).sum())) // 2
    return ClosePairs(*kept, total=total, compared=compared)


def _closest(
    first: NDArray[np.int64], second: NDArray[np.int64], cosine: NDArray[np.float64], *, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    order = np.lexsort((second, first, -cosine))[:most]
    return first[order], second[order], cosine[order]
