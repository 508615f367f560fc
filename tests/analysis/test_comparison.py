import numpy as np
import pytest
from scipy.stats import permutation_test

from bindscope.analysis.binding import BagScores, bag_interval
from bindscope.analysis.comparison import compared, holm, ranks, sign_flip
from bindscope.core.binding_rules import standing


def scored(values, bags=None, ties=None):
    values = np.asarray(values, dtype=float)
    bags = np.arange(len(values)) if bags is None else np.asarray(bags)
    return BagScores(bags, values, np.zeros(len(values)) if ties is None else ties)


def at_chance(rng, bags):
    """A coin for each side of the one pair of each bag, as models without binding answer it."""
    return scored(rng.integers(0, 2, (bags, 2)).mean(1))


def standings(models):
    found = [bag_interval(own.scores) for own in models]
    return [standing(own.low, own.high, own.n) for own in found]


@pytest.mark.parametrize("seed", range(4))
def test_the_sign_flip_is_that_of_the_reference(seed, reference_score):
    rng = np.random.default_rng(seed)
    differences = rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], 40, p=[0.1, 0.1, 0.4, 0.2, 0.2])
    ours = sign_flip(differences, flips=4999, seed=seed)
    assert ours == pytest.approx(reference_score.sign_flip(differences, flips=4999, seed=seed), abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_the_sign_flip_is_the_exact_test_where_all_signs_can_be_tried(seed):
    differences = np.random.default_rng(seed).normal(0.3, 1.0, 11)
    exact = permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip(differences, flips=9999, seed=seed) == pytest.approx(exact, abs=0.02)


def test_equal_models_and_no_bag_have_no_difference():
    assert sign_flip(np.zeros(50)) == 1.0
    assert sign_flip([]) == 1.0


def test_the_sign_flip_is_the_same_however_it_is_cut(monkeypatch):
    differences = np.random.default_rng(0).normal(0.1, 1.0, 60)
    whole = sign_flip(differences)
    monkeypatch.setattr("bindscope.analysis.comparison._SIGNS", 60 * 7)
    assert sign_flip(differences) == whole


def test_holm_adjusts_as_published():
    # Holm (1979), worked by hand: 0.01 * 4, 0.013 * 3 (not below the one before), 0.03 * 2, 0.4 * 1.
    assert holm([0.03, 0.01, 0.4, 0.013]) == pytest.approx([0.06, 0.04, 0.4, 0.04])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize("bags", [30, 77])
def test_six_models_at_chance_are_told_apart_in_at_most_eight_of_a_hundred_boards(bags):
    rng = np.random.default_rng(bags)
    boards = [compared([at_chance(rng, bags) for _ in range(6)], flips=999, seed=n) for n in range(200)]
    assert np.mean([any(test.separate for test in board) for board in boards]) <= 0.08


def test_scenes_of_one_bag_that_err_together_do_not_separate_models_at_chance():
    # Ten scenes of each bag share its answer: a test over 400 scenes would be wrong far more often.
    rng = np.random.default_rng(1)
    wrong = 0
    for seed in range(100):
        one, other = (np.repeat(at_chance(rng, 40).scores, 10).reshape(40, 10).mean(1) for _ in range(2))
        (test,) = compared([scored(one), scored(other)], flips=999, seed=seed)
        wrong += test.separate
    assert wrong <= 10


@pytest.mark.parametrize("seed", range(5))
def test_models_that_do_not_separate_share_a_rank(seed):
    rng = np.random.default_rng(seed)
    good = (rng.random((80, 2)) < 0.95).mean(1)
    alike = good.copy()
    alike[:3] = 1 - alike[:3] / 2
    models = [at_chance(rng, 80), scored(good), scored(alike)]
    tests = compared(models)
    assert ranks(standings(models), tests) == [3, 1, 1]
    assert [test.separate for test in tests] == [True, True, False]
    assert [test.better for test in tests] == [1, 2, None]


@pytest.mark.parametrize("seed", range(5))
def test_a_model_of_ties_only_stands_with_the_coin_and_not_below_it(seed):
    rng = np.random.default_rng(seed)
    blind, coin, good = scored(np.full(80, 0.5), ties=np.ones(80)), at_chance(rng, 80), scored(np.ones(80))
    models = [blind, coin, good]
    assert standings(models) == ["not separable from chance", "not separable from chance", "above chance"]
    assert ranks(standings(models), compared(models)) == [2, 2, 1]


def test_models_not_separable_from_chance_share_a_rank_whatever_a_pair_says():
    # Both intervals hold one half, and the paired difference is far from zero.
    rng = np.random.default_rng(0)
    noise = rng.choice([-0.4, 0.4], 60)
    low, high = scored(0.46 + noise), scored(0.54 + noise)
    models = [low, high, scored(np.ones(60))]
    tests = compared(models)
    assert tests[0].separate
    assert standings(models)[:2] == ["not separable from chance"] * 2
    assert ranks(standings(models), tests) == [2, 2, 1]


def test_a_model_below_chance_is_named_so_and_ranks_behind_the_coin():
    rng = np.random.default_rng(3)
    models = [scored(np.zeros(60)), at_chance(rng, 60)]
    assert standings(models) == ["below chance", "not separable from chance"]
    assert ranks(standings(models), compared(models)) == [2, 1]


def test_fewer_than_thirty_bags_support_no_difference():
    (test,) = compared([scored(np.zeros(29)), scored(np.ones(29))])
    assert (test.p, test.adjusted, test.separate, test.better) == (None, None, False, None)
    assert test.difference.value == -1.0
    (enough,) = compared([scored(np.zeros(30)), scored(np.ones(30))])
    assert enough.better == 1


def test_models_are_compared_on_the_bags_that_both_were_scored_on():
    one, other = scored(np.ones(50), bags=np.arange(50)), scored(np.zeros(50), bags=np.arange(10, 60))
    (test,) = compared([one, other])
    assert test.difference.n == 40


def test_one_model_and_two_equal_ones():
    assert compared([scored(np.ones(40))]) == []
    assert ranks(["above chance"], []) == [1]
    own = at_chance(np.random.default_rng(0), 40)
    (test,) = compared([own, own])
    assert (test.adjusted, test.better, test.difference.value) == (1.0, None, 0.0)
    assert ranks(standings([own, own]), [test]) == [1, 1]
