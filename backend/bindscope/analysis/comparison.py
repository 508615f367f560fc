"""Models on the same scenes: sign-flip tests over bags, Holm over pairs, ranks.

The unit is the bag: scenes of one bag are no independent trials, and a test over scenes finds differences that are not
there. Two models with the same vectors never differ, and a tie counts as half a win on either side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.binding import BagScores, difference_interval
from bindscope.analysis.metrics import Interval
from bindscope.core.binding_rules import LEAST_COMPARED, Standing

ALPHA = 0.05
#: Enough for Holm over the pairs of a dozen models: the least p is 1 / 10,000.
FLIPS = 9999
_SIGNS = 1 << 22
_ROUNDING = 1e-12


@dataclass(frozen=True)
class PairTest:
    """Models ``first`` and ``second``: the mean difference of their binding scores over the bags that both were asked
    about, the two-sided p of a sign-flip test, and Holm's adjusted one. Both are None below ``LEAST_COMPARED`` bags."""

    first: int
    second: int
    difference: Interval
    p: float | None
    adjusted: float | None

    @property
    def separate(self) -> bool:
        """Whether one is better than the other at 5 %, all pairs taken together."""
        return self.adjusted is not None and self.adjusted < ALPHA

    @property
    def better(self) -> int | None:
        """Which of the two is better; None where they do not separate."""
        if not self.separate:
            return None
        return self.first if (self.difference.value or 0.0) > 0 else self.second


def sign_flip(differences: ArrayLike, *, flips: int = FLIPS, seed: int = 0) -> float:
    """Two-sided p of the mean of paired ``differences`` [bag], against ``flips`` seeded draws of their signs."""
    values = np.asarray(differences, dtype=np.float64)
    if not len(values):
        return 1.0
    rng = np.random.default_rng(seed)
    edge, reached, left = abs(values.mean()) - _ROUNDING, 0, flips
    while left:
        rows = min(left, max(1, _SIGNS // len(values)))
        signs = 2.0 * rng.integers(0, 2, (rows, len(values))) - 1.0
        reached += int((np.abs(signs @ values) / len(values) >= edge).sum())
        left -= rows
    return (1 + reached) / (flips + 1)


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p of a family of tests (Holm 1979), in the given order."""
    order = sorted(range(len(values)), key=lambda n: values[n])
    adjusted, least = [0.0] * len(values), 0.0
    for place, number in enumerate(order):
        least = max(least, min(1.0, (len(values) - place) * values[number]))
        adjusted[number] = least
    return adjusted


def paired(one: BagScores, other: BagScores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The scores of two models on the bags that both were scored on."""
    _, at, beside = np.intersect1d(one.bags, other.bags, return_indices=True)
    return one.scores[at], other.scores[beside]


def compared(models: Sequence[BagScores], *, flips: int = FLIPS, seed: int = 0) -> list[PairTest]:
    """All pairs of models, from their scores on bags with the same numbers."""
    pairs = list(combinations(range(len(models)), 2))
    both = [paired(models[a], models[b]) for a, b in pairs]
    tested = [n for n, (one, _) in enumerate(both) if len(one) >= LEAST_COMPARED]
    raw = {n: sign_flip(both[n][0] - both[n][1], flips=flips, seed=seed) for n in tested}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    return [
        PairTest(a, b, difference_interval(one, other), raw.get(n), adjusted.get(n))
        for n, ((a, b), (one, other)) in enumerate(zip(pairs, both, strict=True))
    ]


def ranks(standings: Sequence[Standing], tests: Sequence[PairTest]) -> list[int]:
    """One plus the number of models that are better; models that do not separate may share a rank.

    Models that are not separable from chance do not separate from each other either: they share the best rank among
    them, whatever a test of two of them says.
    """
    group = [word == "not separable from chance" for word in standings]
    places = [1] * len(standings)
    for test in tests:
        if test.better is not None and not (group[test.first] and group[test.second]):
            places[test.second if test.better == test.first else test.first] += 1
    shared = min((place for place, own in zip(places, group, strict=True) if own), default=1)
    return [shared if own else place for place, own in zip(places, group, strict=True)]
