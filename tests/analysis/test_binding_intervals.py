from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.analysis.binding import bag_interval, difference_interval, share_over_bags

RUNS = 600
#: Three standard errors of a share of 0.95 over so many runs.
SLACK = 3 * np.sqrt(0.95 * 0.05 / RUNS)


def covered(intervals, truth):
    return float(np.mean([found.low <= truth <= found.high for found in intervals]))


def bag_means(rng, kind, mean, count):
    # Scores of independent bags with this mean, from the smooth to the coarse and the clumped.
    if kind == "smooth":
        return rng.beta(8 * mean, 8 * (1 - mean), count)
    if kind == "halves":
        return rng.binomial(2, mean, count) / 2
    if kind == "all or nothing":
        return (rng.random(count) < mean).astype(float)
    sizes = rng.integers(1, 12, count)
    return rng.binomial(sizes, rng.beta(2 * mean, 2 * (1 - mean), count)) / sizes


@given(st.lists(st.integers(0, 64), min_size=2, max_size=60), st.floats(0, 0.2), st.integers(2, 9))
@settings(max_examples=100, deadline=None)
def test_intervals_are_those_of_the_reference(reference_score, parts, sd, seeds) -> None:
    # Sixty-fourths are exact, so that equal values have a variance of exactly zero there too.
    values = np.array(parts) / 64
    spread = np.linspace(-1, 1, seeds)
    means = 0.5 + sd * spread / spread.std(ddof=1)
    mean, low, high, n = reference_score.interval(values, seed_sd=sd, seeds=seeds)
    found = bag_interval(values, seed_means=means.tolist())
    assert (found.value, found.low, found.high, found.n) == pytest.approx((mean, low, high, n), abs=1e-5)


@pytest.mark.parametrize("kind", ["smooth", "halves", "all or nothing", "clumped"])
@pytest.mark.parametrize(("mean", "count"), list(product([0.5, 0.7, 0.95], [12, 40, 150])))
def test_an_interval_over_bags_holds_the_mean_in_95_of_100(kind, mean, count) -> None:
    rng = np.random.default_rng([count, int(1000 * mean)])
    share = covered((bag_interval(bag_means(rng, kind, mean, count)) for _ in range(RUNS)), mean)
    assert share > 0.93 - SLACK


@pytest.mark.parametrize("count", [10, 30, 100])
@pytest.mark.parametrize("rare", [0.02, 0.05])
def test_near_one_where_few_bags_differ_the_interval_still_holds_the_mean(count, rare) -> None:
    rng = np.random.default_rng(count)
    runs = [1.0 - 0.5 * (rng.random(count) < rare) for _ in range(RUNS)]
    assert covered(map(bag_interval, runs), 1 - rare / 2) > 0.93 - SLACK


@pytest.mark.parametrize("mean", [0.5, 0.8, 0.97])
@pytest.mark.parametrize("count", [12, 60])
def test_a_share_of_scenes_in_clumps_is_covered_over_bags(mean, count) -> None:
    rng = np.random.default_rng([count, int(100 * mean)])
    runs = []
    for _ in range(RUNS):
        sizes = rng.integers(1, 9, count)
        levels = rng.beta(3 * mean, 3 * (1 - mean), count)
        bags = np.repeat(np.arange(count), sizes)
        runs.append(share_over_bags(rng.random(len(bags)) < levels[bags], bags))
    assert covered(runs, mean) > 0.92 - SLACK


@pytest.mark.parametrize("spread", [0.02, 0.4])
@pytest.mark.parametrize("count", [10, 30, 100])
def test_a_difference_of_the_same_bags_is_covered(count, spread) -> None:
    rng = np.random.default_rng(count)
    runs = []
    for _ in range(RUNS):
        level = rng.random(count)
        first, second = (level + shift + spread * rng.standard_normal(count) for shift in (0.1, 0.0))
        runs.append(difference_interval(first, second))
    assert abs(covered(runs, 0.1) - 0.95) < 0.02 + SLACK


@pytest.mark.parametrize("count", [20, 60, 200])
@pytest.mark.parametrize("rare", [0.01, 0.02, 0.04])
def test_a_difference_near_one_where_few_bags_differ_is_covered(count, rare) -> None:
    rng = np.random.default_rng(count)
    runs = [difference_interval(np.ones(count), 1 - 0.5 * (rng.random(count) < rare)) for _ in range(RUNS)]
    # Student's t knows nothing of skewness: a few halves among 200 equal bags cost it 0.05 of its 0.95.
    assert covered(runs, rare / 2) > 0.90 - SLACK


def test_equal_bags_give_no_certainty() -> None:
    for level in (0.0, 0.3, 0.5, 1.0):
        found = bag_interval(np.full(12, level))
        assert found.high - found.low > 0.2
        assert 0 <= found.low <= level <= found.high <= 1
    change = difference_interval(np.full(12, 0.7), np.full(12, 0.7))
    assert change.low < -0.05 < 0.05 < change.high


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_one_bag_or_one_unit_says_nothing(level) -> None:
    for found in (
        bag_interval([level]),
        bag_interval([level] * 30, units=1),
        share_over_bags([level] * 5, np.zeros(5, dtype=np.int64)),
    ):
        assert (found.value, found.low, found.high, found.n) == (level, 0, 1, 1)
    change = difference_interval([level], [0.5])
    assert (change.low, change.high, change.n) == (-1, 1, 1)


def test_without_a_bag_there_is_no_figure() -> None:
    empty = np.zeros(0, dtype=np.int64)
    nowhere = share_over_bags([np.nan, np.nan], np.array([0, 1]))
    for found in (bag_interval([]), share_over_bags([], empty), difference_interval([], []), nowhere):
        assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)


def test_scenes_that_do_not_count_are_left_out() -> None:
    found = share_over_bags([1, np.nan, 0, np.nan], np.array([0, 0, 1, 2]))
    assert (found.value, found.n) == (0.5, 2)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.lists(st.floats(0, 1), max_size=5), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_an_interval_lies_in_0_to_1_and_holds_its_mean(values, seed_means, units) -> None:
    found = bag_interval(values, seed_means=seed_means, units=units)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.n == min(units, len(values))
    change = difference_interval(values, values[::-1], seed_means=seed_means, units=units)
    assert -1 <= change.low <= change.value <= change.high <= 1


@pytest.mark.parametrize("seed", range(3))
def test_fewer_units_and_splits_that_disagree_widen_the_interval(seed) -> None:
    values = np.random.default_rng(seed).random(40)
    plain = bag_interval(values)
    for wider in (bag_interval(values, units=8), bag_interval(values, seed_means=[0.3, 0.7, 0.5])):
        assert wider.low < plain.low <= plain.high < wider.high
    other = np.random.default_rng(seed + 9).random(40)
    plain = difference_interval(values, other)
    for wider in (difference_interval(values, other, units=8), difference_interval(values, other, seed_means=[0, 0.4])):
        assert wider.low < plain.low <= plain.high < wider.high


def test_one_bag_each_a_share_over_bags_is_that_of_the_bags() -> None:
    values = np.random.default_rng(0).random(30)
    one, other = share_over_bags(values, np.arange(30)), bag_interval(values)
    assert (one.value, one.low, one.high, one.n) == pytest.approx((other.value, other.low, other.high, other.n))
