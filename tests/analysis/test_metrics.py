import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bindscope.analysis.metrics import cosines, recognised, wilson


def test_wilson_agrees_with_published_values() -> None:
    interval = wilson(8, 10)
    assert (interval.low, interval.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_interval_holds_the_proportion_and_stays_in_range(hits, n) -> None:
    hits = min(hits, n)
    interval = wilson(hits, n)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_without_a_trial_there_is_no_number() -> None:
    assert wilson(0, 0).value is None


def test_a_tie_is_not_recognised() -> None:
    assert not recognised([0.5, 0.5], [True, False])
    assert recognised([0.5, 0.4], [True, False])


@given(arrays(np.float64, (4, 6), elements=st.floats(-1, 1)), arrays(np.bool_, (4, 6)))
def test_recognition_survives_any_increasing_change_of_the_scores(scores, present) -> None:
    scores = np.round(scores, 3)
    assert (recognised(scores, present) == recognised(np.exp(3 * scores) + 5, present)).all()


def test_equal_scores_are_never_recognised() -> None:
    present = np.array([True, False, False])
    assert not recognised(np.zeros(3), present)


def test_a_zero_vector_has_cosine_zero_and_never_nan() -> None:
    assert cosines(np.zeros((1, 3)), np.ones((1, 3))) == 0
