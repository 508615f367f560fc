"""Intervals over bags: scenes of one bag are no independent trials, so the unit is the bag.

The percentile bootstrap covers 0.18 to 0.69 near one where it claims 0.95; Wilson's interval on an effective number of
trials, with Student's t in place of the normal quantile, covers 0.915 to 1.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from bindscope.analysis.metrics import Interval

_LEVEL = 0.975
_NORMAL = 1.959963984540054
#: The effective number of trials never falls below this (or the number of bags): near one few bags differ.
_LEAST = 5


def bag_interval(values: ArrayLike, *, seed_means: Sequence[float] = (), units: int | None = None) -> Interval:
    """Mean of shares of independent bags, values [bag] in 0..1, with its 95 % interval.

    ``seed_means``: the mean under each split seed; their spread is added in quadrature. ``units``: how many independent
    units the bags share where these are fewer (held-out objects); ``n`` counts them. One bag gives (0, 1) around it.
    """
    shares = np.asarray(values, dtype=np.float64)
    count = len(shares)
    n = count if units is None else min(count, units)
    if not count:
        return Interval(None, None, None, 0)
    mean = float(shares.mean())
    if n < 2:
        return Interval(mean, 0.0, 1.0, n)
    return _interval(mean, float(shares.var(ddof=1)) / n, n, seed_means)


def share_over_bags(
    hits: ArrayLike, bags: NDArray[np.int64], *, seed_means: Sequence[float] = (), units: int | None = None
) -> Interval:
    """Mean over scenes of ``hits`` [scene] in 0..1, with its 95 % interval over the bags [scene]; ``n`` counts bags.

    The squared error is that of a ratio of sums over bags. NaN marks scenes that do not count. ``units`` as in
    ``bag_interval``.
    """
    values = np.asarray(hits, dtype=np.float64)
    there = ~np.isnan(values)
    values, bags = values[there], bags[there]
    if not len(values):
        return Interval(None, None, None, 0)
    mean = float(values.mean())
    _, number = np.unique(bags, return_inverse=True)
    residual = np.bincount(number, values - mean)
    count = len(residual)
    n = count if units is None else min(count, units)
    if n < 2:
        return Interval(mean, 0.0, 1.0, n)
    squared_error = float(count / (count - 1) * (residual**2).sum() / len(values) ** 2)
    return _interval(mean, squared_error * count / n, n, seed_means)


def _interval(mean: float, squared_error: float, n: int, seed_means: Sequence[float]) -> Interval:
    """Wilson's interval on the effective number of trials with Student's quantile, widened by the spread of seeds."""
    mean = min(1.0, max(0.0, mean))
    flat = squared_error <= 1e-18 or mean in (0.0, 1.0)
    trials = float(n) if flat else max(mean * (1 - mean) / squared_error, float(min(n, _LEAST)))
    z = float(stdtrit(n - 1, _LEVEL))
    middle = (mean + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(mean * (1 - mean) / trials + z * z / (4 * trials * trials))
    spread = float(np.std(seed_means, ddof=1)) / np.sqrt(len(seed_means)) if len(seed_means) > 1 else 0.0
    below, above = max(0.0, mean - (middle - half)), max(0.0, middle + half - mean)
    low = max(0.0, mean - float(np.hypot(below, _NORMAL * spread)))
    high = min(1.0, mean + float(np.hypot(above, _NORMAL * spread)))
    return Interval(mean, min(low, mean), max(high, mean), n)


def difference_interval(
    first: ArrayLike, second: ArrayLike, *, seed_means: Sequence[float] = (), units: int | None = None
) -> Interval:
    """Mean of ``first - second`` [bag] of the same bags, with Student's t interval at 95 %; ``n`` counts bags.

    ``seed_means``: the mean difference under each seed. ``units`` as in ``bag_interval``. Fewer than two bags give the
    whole range -1..1. Where all differences are equal nothing is certain either: the interval is half as wide as
    Wilson's where all trials agree, or that of one more bag a half away where this is wider.
    """
    change = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    count = len(change)
    n = count if units is None else min(count, units)
    if not count:
        return Interval(None, None, None, 0)
    mean = float(change.mean())
    if n < 2:
        return Interval(mean, -1.0, 1.0, n)
    variance = float(change.var(ddof=1))
    z = float(stdtrit(n - 1, _LEVEL))
    within = z * np.sqrt(variance / n) if variance > 1e-18 else max(z / (2 * n), z * z / (2 * (n + z * z)))
    spread = float(np.std(seed_means, ddof=1)) / np.sqrt(len(seed_means)) if len(seed_means) > 1 else 0.0
    half = float(np.hypot(within, _NORMAL * spread))
    return Interval(mean, max(-1.0, mean - half), min(1.0, mean + half), n)
