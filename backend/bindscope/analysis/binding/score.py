"""The paired forced choice, and everything that the wire's ``binding`` holds.

A pair {A, B} of partners counts only where both occur among the scored scenes. Its score is half the win rate of A's
scenes (their own pairing against B) plus half that of B's; a tie is half a win. The mean is taken over the pairs of a
bag, then over bags. Whatever depends on the bag alone scores exactly 1/2, for any number of objects and concepts,
repeated values and unbalanced data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding.intervals import bag_interval, difference_interval
from bindscope.analysis.binding.pairs import Ids, Trials
from bindscope.analysis.metrics import Interval
from bindscope.core.binding_rules import LEAST_BAGS, Origin, Says, origin, says, says_derived, says_unpaired

#: Leads of at most this are ties, unless the caller knows a larger resolution.
TOLERANCE = 1e-9

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BagScores:
    """``bags`` [bag] in ascending order, their ``scores`` [bag] and shares of ties ``undecided`` [bag]."""

    bags: Ids
    scores: Array
    undecided: Array

    def __len__(self) -> int:
        return len(self.bags)

    @property
    def mean(self) -> float | None:
        """The binding score; None without a bag."""
        return float(self.scores.mean()) if len(self.bags) else None

    @classmethod
    def merged(cls, parts: Sequence["BagScores"]) -> "BagScores":
        """The mean of each bag over the parts (such as splits) in which it was scored."""
        if not parts:
            return cls(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
        bags, number = np.unique(np.concatenate([part.bags for part in parts]), return_inverse=True)
        return cls(
            bags,
            _means(number, np.concatenate([part.scores for part in parts]), len(bags)),
            _means(number, np.concatenate([part.undecided for part in parts]), len(bags)),
        )


@dataclass(frozen=True)
class Unpaired:
    """Scenes against all their partners, whether these occur or not: no fair coin, so the baseline stands beside it.

    ``bag_baseline``: the same probe on the presence of concept values alone, on the same bags. ``difference``: paired.
    """

    forced_choice: Interval
    bag_baseline: Interval
    difference: Interval


@dataclass(frozen=True)
class Control:
    """Of vectors that labels helped to make: the same analysis after the vectors of each bag were dealt out anew among
    its scenes, and the paired ``difference`` from it. What depends on the bag alone, noise included, differs by 0.
    """

    forced_choice: Interval
    difference: Interval


@dataclass(frozen=True)
class Twin:
    """The random-weights twin: another question than presence, namely whether training put the binding there.

    ``seeds`` counts initialisations; ``train_ratio`` is the share of training scenes behind both figures where it is
    not that of the main figure (where the twin alone is above ``EASY``, the comparison is made with less training).
    """

    forced_choice: Interval
    difference: Interval
    origin: Origin
    seeds: int = 1
    train_ratio: float | None = None


@dataclass(frozen=True)
class Binding:
    """The headline of every analysis. Intervals count bags (or held-out objects where these are fewer)."""

    forced_choice: Interval | None
    undecided: Interval
    says: Says
    unpaired: Unpaired | None = None
    twin: Twin | None = None
    double_difference: Interval | None = None
    control: Control | None = None


def object_leads(scores: Array, trials: Trials) -> Array:
    """Leads [trial] of the own pairing: the sum of the ``scores`` [scene, object] of its objects over the partner's."""
    rows = trials.row[:, None]
    lead: Array = (scores[rows, trials.own] - scores[rows, trials.other]).sum(1)
    return lead


def forced_choice(trials: Trials, leads: Array, *, resolution: float = TOLERANCE) -> BagScores:
    """The paired score of each bag from ``leads`` [trial]; only trials whose partner occurs count."""
    there = trials.edge >= 0
    edge, side, bag, lead = trials.edge[there], trials.side[there], trials.bag[there], leads[there]
    edges, first, number = np.unique(edge, return_index=True, return_inverse=True)
    cell, cells = 2 * number + side, 2 * len(edges)
    ties = (np.abs(lead) <= resolution).astype(np.float64)
    wins = (lead > resolution) + 0.5 * ties
    counts = np.bincount(cell, minlength=cells)
    both = (counts.reshape(-1, 2) > 0).all(1)
    by_edge = [_means(cell, part, cells).reshape(-1, 2).mean(1)[both] for part in (wins, ties)]
    bags, owner = np.unique(bag[first][both], return_inverse=True)
    return BagScores(bags, *(_means(owner, part, len(bags)) for part in by_edge))


def unpaired_choice(trials: Trials, leads: Array, *, resolution: float = TOLERANCE) -> BagScores:
    """Wins of each scene over all its partners, whether these occur or not; mean over scenes, then over bags."""
    rows, first, number = np.unique(trials.row, return_index=True, return_inverse=True)
    ties = (np.abs(leads) <= resolution).astype(np.float64)
    wins = (leads > resolution) + 0.5 * ties
    by_row = [_means(number, part, len(rows)) for part in (wins, ties)]
    bags, owner = np.unique(trials.bag[first], return_inverse=True)
    return BagScores(bags, *(_means(owner, part, len(bags)) for part in by_row))


def _means(group: Ids, values: Array, groups: int) -> Array:
    """Mean of each group; 0 for those without a value."""
    counts = np.bincount(group, minlength=groups)
    sums = np.bincount(group, weights=values, minlength=groups)
    return np.divide(sums, counts, out=np.zeros(groups), where=counts > 0)


def binding_of(
    parts: Sequence[BagScores],
    *,
    unpaired: Sequence[tuple[BagScores, BagScores]] = (),
    twin: Twin | None = None,
    double_difference: Interval | None = None,
    units: int | None = None,
    at_edge: bool = False,
) -> Binding:
    """The headline from the scores under each split seed (one part where nothing is split).

    ``unpaired``: for each seed the unpaired scores and those of the bag baseline; used where fewer than ``LEAST_BAGS``
    bags pair. ``units`` as in ``bag_interval``. ``at_edge``: the probe's strength lies at an end of its grid, so that
    nothing may be called "not found".
    """
    whole = BagScores.merged(parts)
    means = [part.mean for part in parts if part.mean is not None]
    found = bag_interval(whole.scores, seed_means=means, units=units)
    ties = bag_interval(whole.undecided, units=units)
    beside = _unpaired(unpaired) if found.n < LEAST_BAGS and unpaired else None
    word = says(found.low, found.high, found.n)
    word = "too few" if at_edge and word == "not found" else word
    if beside is not None and found.n < LEAST_BAGS:
        word = says_unpaired(beside.difference.low, beside.difference.n)
        ties = ties if len(whole) else bag_interval(BagScores.merged([own for own, _ in unpaired]).undecided)
    return Binding(found if len(whole) else None, ties, word, beside, twin, double_difference)


def _unpaired(seeds: Sequence[tuple[BagScores, BagScores]]) -> Unpaired | None:
    own, base = (BagScores.merged(part) for part in zip(*seeds, strict=True))
    shared, at, beside = np.intersect1d(own.bags, base.bags, return_indices=True)
    if not len(shared):
        return None
    means = [_mean_difference(one, other) for one, other in seeds]
    return Unpaired(
        bag_interval(own.scores[at], seed_means=[cast(float, one.mean) for one, _ in seeds if len(one)]),
        bag_interval(base.scores[beside]),
        difference_interval(own.scores[at], base.scores[beside], seed_means=means),
    )


def against_control(found: Binding, own: Sequence[BagScores], control: Sequence[BagScores]) -> Binding:
    """The headline of derived vectors: ``own`` scores under each split seed beside those of the ``control``."""
    mine, other = BagScores.merged(own), BagScores.merged(control)
    shared, at, beside = np.intersect1d(mine.bags, other.bags, return_indices=True)
    if not len(shared) or found.forced_choice is None:
        return found
    means = [_mean_difference(one, two) for one, two in zip(own, control, strict=True) if len(one) and len(two)]
    gap = difference_interval(mine.scores[at], other.scores[beside], seed_means=means)
    seen = bag_interval(other.scores, seed_means=[part.mean for part in control if part.mean is not None])
    assert gap.low is not None
    assert gap.high is not None
    score = found.forced_choice
    word = says_derived(score.low, score.high, gap_low=gap.low, gap_high=gap.high, n=gap.n)
    word = found.says if found.unpaired is not None else word
    return replace(found, says=word, control=Control(seen, gap))


def twin_of(
    own: Sequence[BagScores],
    twins: Sequence[Sequence[BagScores]],
    *,
    units: int | None = None,
    train_ratio: float | None = None,
) -> Twin | None:
    """The model's scores (under each split seed) against those of each initialisation of its twin, bag by bag."""
    mine, others = BagScores.merged(own), [BagScores.merged(parts) for parts in twins]
    theirs = BagScores.merged(others)
    shared, at, beside = np.intersect1d(mine.bags, theirs.bags, return_indices=True)
    if not len(shared):
        return None
    means = [_mean_difference(mine, other) for other in others]
    gap = difference_interval(mine.scores[at], theirs.scores[beside], seed_means=means, units=units)
    assert gap.low is not None
    assert gap.high is not None
    found = bag_interval(theirs.scores, seed_means=[cast(float, other.mean) for other in others], units=units)
    return Twin(found, gap, origin(gap.low, gap.high), len(twins), train_ratio)


def _mean_difference(one: BagScores, other: BagScores) -> float:
    _, at, beside = np.intersect1d(one.bags, other.bags, return_indices=True)
    return float((one.scores[at] - other.scores[beside]).mean()) if len(at) else 0.0
