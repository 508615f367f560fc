"""Models side by side on the same scenes: McNemar's exact test, Holm over pairs, ranks (METHODS section 11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from bindscope.errors import InvalidInput

Hits = NDArray[np.bool_]

ALPHA = 0.05


@dataclass(frozen=True)
class PairTest:
    """Models ``first`` and ``second``: scenes that only one of them got right, the exact p and Holm's adjusted one."""

    first: int
    second: int
    only_first: int
    only_second: int
    p: float
    adjusted: float

    @property
    def separate(self) -> bool:
        """Whether one is better than the other at 5 %, all pairs taken together."""
        return self.adjusted < ALPHA


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p (binomial, a half) of McNemar's test from the discordant counts; 1 where there are none."""
    n, low = only_first + only_second, min(only_first, only_second)
    tail = sum(comb(n, k) for k in range(low + 1)) / 2**n if n else 1.0
    return min(1.0, 2 * tail)


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p of a family of tests (Holm 1979), in the given order."""
    order = sorted(range(len(values)), key=lambda n: values[n])
    adjusted, least = [0.0] * len(values), 0.0
    for place, number in enumerate(order):
        least = max(least, min(1.0, (len(values) - place) * values[number]))
        adjusted[number] = least
    return adjusted


def compared(hits: Sequence[Hits]) -> list[PairTest]:
    """All pairs of models from whether each got each scene right, [model][scene] on the same scenes.

    Raises InvalidInput where models were asked about different numbers of scenes.
    """
    if len({len(own) for own in hits}) > 1:
        raise InvalidInput("Models can only be compared on the same scenes.")
    counts = [
        (a, b, int((hits[a] & ~hits[b]).sum()), int((hits[b] & ~hits[a]).sum()))
        for a, b in combinations(range(len(hits)), 2)
    ]
    raw = [mcnemar(one, other) for _, _, one, other in counts]
    return [
        PairTest(a, b, one, other, p, adjusted)
        for (a, b, one, other), p, adjusted in zip(counts, raw, holm(raw), strict=True)
    ]


def ranks(models: int, tests: Sequence[PairTest]) -> list[int]:
    """One plus the number of models that are better beyond chance: models that do not separate may share a rank."""
    better = [0] * models
    for test in tests:
        if test.separate:
            better[test.second if test.only_first > test.only_second else test.first] += 1
    return [1 + own for own in better]
