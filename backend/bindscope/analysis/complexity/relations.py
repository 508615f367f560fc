"""What the runs of a phase diagram show together: does one figure go with another, and is there a jump?

Coverage drives nearly everything in such a diagram, so two figures that both grow with it agree in rank whether or
not they have to do with each other. ``partial_rank`` asks what is left among runs of equal coverage. ``course_of`` asks
what the values look like against coverage: a line, a smooth climb, or two levels with a jump between them.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

Array = NDArray[np.float64]
Shape = Literal["constant", "line", "climb", "jump"]

#: Relabellings behind a p value, and fewest runs that a relation or a course is asked of.
_RELABELLINGS, LEAST_RUNS = 9_999, 6
#: A shape is told from a simpler or smoother one where its BIC is smaller by this much (strong evidence).
MARGIN = 6.0
#: Middles of a climb that are tried, in units of the range of coverages, and how many widths: from half a gap between
#: coverages on, with which three quarters of the climb take two gaps. What is over within one gap is a jump.
_MIDDLES, _WIDTHS = np.linspace(-0.25, 1.25, 61), 25


@dataclass(frozen=True)
class Relation:
    """Rank correlation of two figures over ``n`` runs: as it is (``rank``), and with the covariate held fixed
    (``partial``), with the two-sided ``p`` of the latter from relabelling runs of equal covariate."""

    n: int
    rank: float | None
    partial: float | None
    p: float | None


@dataclass(frozen=True)
class Course:
    """Which shape the values of ``n`` runs have against coverage, by the BIC of each; None where none stands out.

    ``at`` (jumps only): the coverages on its two sides.
    """

    n: int
    shape: Shape | None
    bic: dict[str, float]
    at: tuple[float, float] | None = None


def partial_rank(first: ArrayLike, second: ArrayLike, given: ArrayLike, *, seed: int = 0) -> Relation:
    """Spearman's rank correlation of two figures [run] with and without ``given`` [run] held fixed.

    Ties have mean ranks. The p value relabels ``second`` among runs of equal ``given`` only, so it needs no assumption
    about how either depends on it. None where something is constant or there are fewer than ``LEAST_RUNS`` runs.
    """
    x, y, z = (np.asarray(part, dtype=np.float64) for part in (first, second, given))
    if len(x) < LEAST_RUNS:
        return Relation(len(x), None, None, None)
    ranks = [rankdata(part) for part in (x, y)]
    whole = _correlation(ranks[0] - ranks[0].mean(), ranks[1] - ranks[1].mean())
    groups = np.unique(z, return_inverse=True)[1].reshape(-1)
    one, two = (rank - _means(rank, groups) for rank in ranks)
    partial = _correlation(one, two)
    if partial is None:
        return Relation(len(x), whole, None, None)
    rng = np.random.default_rng(seed)
    # Sorting random keys within each group permutes it; group numbers keep the groups apart.
    keys = groups + rng.random((_RELABELLINGS, len(x)))
    place = np.argsort(groups, kind="stable")
    shuffled = np.empty((_RELABELLINGS, len(x)), dtype=np.int64)
    shuffled[:, place] = np.argsort(keys, axis=1)
    chance = np.abs(two[shuffled] @ one)
    p = (1 + int((chance >= abs(float(two @ one)) - 1e-9).sum())) / (1 + _RELABELLINGS)
    return Relation(len(x), whole, partial, p)


def course_of(coverages: ArrayLike, values: ArrayLike) -> Course:
    """The shape of values [run] in 0..1 against coverages [run].

    Compared are a constant, a line, a smooth climb between two levels (logistic, with middle and width), and a jump
    between two levels at one of the gaps. A jump is only called one where its BIC is below that of each smooth shape by
    ``MARGIN``; so is a climb against the line, and a line against the constant.
    """
    x, y = np.asarray(coverages, dtype=np.float64), np.asarray(values, dtype=np.float64)
    steps = np.unique(x)
    if len(x) < LEAST_RUNS or len(steps) < 4 or np.ptp(y) == 0:
        return Course(len(x), None, {})
    u = (x - steps[0]) / (steps[-1] - steps[0])
    gaps = [(float(low), float(high)) for low, high in pairwise(steps)]
    by_gap = [_error(y, x > low) for low, _ in gaps]
    widths = np.geomspace(0.5 / len(gaps), 1.0, _WIDTHS)
    curves = [_error(y, 1 / (1 + np.exp(-(u - middle) / width))) for middle in _MIDDLES for width in widths]
    errors = {
        "constant": (float(((y - y.mean()) ** 2).sum()), 1),
        "line": (_error(y, u), 2),
        "climb": (min(curves), 4),
        "jump": (min(by_gap), 3),
    }
    bic = {name: _bic(error, count, len(y)) for name, (error, count) in errors.items()}
    at = gaps[int(np.argmin(by_gap))]
    smooth = min(bic["constant"], bic["line"], bic["climb"])
    if bic["jump"] < smooth - MARGIN:
        return Course(len(x), "jump", bic, at)
    if bic["climb"] < min(bic["line"], bic["constant"]) - MARGIN:
        return Course(len(x), "climb", bic)
    if bic["line"] < bic["constant"] - MARGIN:
        return Course(len(x), "line", bic)
    return Course(len(x), "constant" if bic["constant"] < min(bic["line"], bic["climb"]) else None, bic)


def _bic(error: float, parameters: int, n: int) -> float:
    """Of a fit with normal errors of one unknown size; values closer than a thousandth count as met."""
    return n * float(np.log(max(error / n, 1e-6))) + (parameters + 1) * float(np.log(n))


def _error(values: Array, feature: ArrayLike) -> float:
    """Squared error of the best a + b feature."""
    centred = np.asarray(feature, dtype=np.float64)
    centred, rest = centred - centred.mean(), values - values.mean()
    power = float(centred @ centred)
    cross = float(centred @ rest)
    return float(rest @ rest) - (cross * cross / power if power > 0 else 0.0)


def _correlation(one: Array, two: Array) -> float | None:
    """Of centred numbers."""
    size = float(np.sqrt((one @ one) * (two @ two)))
    return float(one @ two) / size if size > 1e-12 else None


def _means(values: Array, groups: NDArray[np.int64]) -> Array:
    """The mean of its group for each value."""
    return np.asarray((np.bincount(groups, values) / np.bincount(groups))[groups])
