import numpy as np
import pytest
from scipy.stats import binomtest

from bindscope.analysis.comparison import compared, holm, mcnemar, ranks
from bindscope.errors import InvalidInput


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (1, 0), (3, 9), (9, 3), (25, 25), (0, 105), (40, 61)])
def test_mcnemar_is_the_exact_binomial_test(only_first, only_second):
    n = only_first + only_second
    expected = binomtest(only_first, n, 0.5).pvalue if n else 1.0
    assert mcnemar(only_first, only_second) == pytest.approx(expected, rel=1e-9)


def test_holm_adjusts_as_published():
    # Holm (1979), worked by hand: 0.01 * 4, 0.013 * 3 (not below the one before), 0.03 * 2, 0.4 * 1.
    assert holm([0.03, 0.01, 0.4, 0.013]) == pytest.approx([0.06, 0.04, 0.4, 0.04])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_models_that_do_not_separate_share_a_rank():
    rng = np.random.default_rng(0)
    good = rng.random(400) < 0.9
    alike = good.copy()
    for value in (True, False):
        alike[np.flatnonzero(good == value)[:3]] = not value
    bad = rng.random(400) < 0.5
    tests = compared([bad, good, alike])
    assert ranks(3, tests) == [3, 1, 1]
    assert [test.separate for test in tests] == [True, True, False]


def test_a_single_model_is_first():
    assert compared([np.ones(5, dtype=bool)]) == []
    assert ranks(1, []) == [1]


def test_models_on_different_scenes_are_not_compared():
    with pytest.raises(InvalidInput, match="same scenes"):
        compared([np.ones(5, dtype=bool), np.ones(6, dtype=bool)])
