import numpy as np
import pytest
from scipy.stats import spearmanr

from bindscope.analysis.complexity.relations import LEAST_RUNS, course_of, partial_rank

COVERAGES = np.repeat([0.2, 0.4, 0.6, 0.8, 0.9], 3)


def noise(seed: int, size: float = 1.0) -> np.ndarray:
    return size * np.random.default_rng(seed).standard_normal(len(COVERAGES))


def test_the_plain_rank_correlation_is_spearmans_with_ties() -> None:
    x, y = noise(0).round(), noise(1).round()
    assert partial_rank(x, y, COVERAGES).rank == pytest.approx(spearmanr(x, y).statistic)


def test_figures_that_only_share_their_coverage_have_no_partial_relation() -> None:
    found = [partial_rank(COVERAGES + noise(s, 0.1), COVERAGES + noise(s + 100, 0.1), COVERAGES) for s in range(200)]
    assert np.mean([one.rank for one in found]) > 0.7
    assert abs(np.mean([one.partial for one in found])) < 0.1
    assert np.mean([one.p < 0.05 for one in found]) < 0.1


def test_figures_that_go_together_among_runs_of_equal_coverage_have_one() -> None:
    for seed in range(5):
        shared = noise(seed, 0.1)
        found = partial_rank(shared + noise(seed + 50, 0.01), COVERAGES + shared, COVERAGES)
        assert found.partial > 0.6
        assert found.p < 0.05
        reverse = partial_rank(-shared, COVERAGES + shared, COVERAGES)
        assert reverse.partial < -0.6


def test_a_partial_relation_does_not_depend_on_the_order_of_runs() -> None:
    order = np.random.default_rng(3).permutation(len(COVERAGES))
    x, y = noise(0), noise(0) + noise(1)
    one, other = partial_rank(x, y, COVERAGES), partial_rank(x[order], y[order], COVERAGES[order])
    assert one.partial == pytest.approx(other.partial)
    assert one.p == pytest.approx(other.p, abs=0.03)


def test_too_few_or_constant_runs_have_no_relation() -> None:
    few = LEAST_RUNS - 1
    assert partial_rank(COVERAGES[:few], COVERAGES[:few], COVERAGES[:few]).rank is None
    constant = partial_rank(np.ones(len(COVERAGES)), noise(0), COVERAGES)
    assert (constant.rank, constant.partial, constant.p) == (None, None, None)
    alone = partial_rank(noise(0)[:8], noise(1)[:8], np.arange(8))
    assert alone.rank is not None
    assert (alone.partial, alone.p) == (None, None)


def test_a_jump_is_called_one_and_where_it_is() -> None:
    for seed in range(20):
        found = course_of(COVERAGES, np.where(COVERAGES > 0.5, 0.9, 0.2) + noise(seed, 0.02))
        assert (found.shape, found.at) == ("jump", (0.4, 0.6))


@pytest.mark.parametrize("climb", [
    np.interp(COVERAGES, [0.2, 0.4, 0.6, 0.8, 0.9], [0.16, 0.30, 0.50, 0.82, 0.93]),
    0.1 + 0.8 / (1 + np.exp(-(COVERAGES - 0.55) / 0.12)),
    1.2 * COVERAGES - 0.2,
], ids=["the published course", "a smooth climb", "a line"])  # fmt: skip
def test_what_climbs_smoothly_is_no_jump(climb) -> None:
    shapes = [course_of(COVERAGES, climb + noise(seed, 0.03)).shape for seed in range(100)]
    assert np.mean([shape == "jump" for shape in shapes]) < 0.05


def test_values_that_do_not_change_with_coverage_have_no_jump() -> None:
    shapes = [course_of(COVERAGES, 0.5 + noise(seed, 0.05)).shape for seed in range(100)]
    assert np.mean([shape == "jump" for shape in shapes]) < 0.05
    assert np.mean([shape == "constant" for shape in shapes]) > 0.7


def test_few_runs_or_coverages_have_no_course() -> None:
    assert course_of([0.2, 0.4, 0.6], [0.1, 0.2, 0.9]).shape is None
    assert course_of(np.repeat([0.2, 0.8], 5), np.repeat([0.0, 1.0], 5)).shape is None
    assert course_of(COVERAGES, np.ones(len(COVERAGES))).shape is None
