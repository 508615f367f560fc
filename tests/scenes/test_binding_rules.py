import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindscope.core.binding_rules import LEAST_BAGS, MARGIN, NOT_FOUND, PRESENT, origin, says, says_unpaired

SHARES = st.floats(0, 1) | st.sampled_from([0.5, 0.6, 0.75])
BELOW_HALF, ABOVE_HALF = np.nextafter(0.5, 0), np.nextafter(0.5, 1)


@pytest.mark.parametrize(
    ("low", "high", "n", "word"),
    [
        (0.99, 1.0, 9, "too few"),
        (0.99, 1.0, 10, "present"),
        (0.0, 0.1, 9, "too few"),
        (0.0, 0.1, 10, "below chance"),
        (0.4, BELOW_HALF, 50, "below chance"),
        (0.4, 0.5, 50, "not found"),
        (0.5, 0.5, 50, "not found"),
        (0.5, 0.6, 50, "not found"),
        (ABOVE_HALF, 0.6, 50, "weak"),
        (0.5, np.nextafter(0.6, 1), 50, "too few"),
        (0.45, 0.7, 50, "too few"),
        (0.0, 1.0, 50, "too few"),
        (0.75, 0.75, 50, "present"),
        (0.75, 1.0, 50, "present"),
        (np.nextafter(0.75, 0), 1.0, 50, "weak"),
        (0.49, 0.6, 9, "too few"),
        (None, None, 0, "too few"),
        (None, None, 50, "too few"),
    ],
)
def test_what_an_interval_supports_at_each_boundary(low, high, n, word) -> None:
    assert says(low, high, n) == word


def test_the_rules_are_those_that_are_documented() -> None:
    assert (LEAST_BAGS, PRESENT, NOT_FOUND, MARGIN) == (10, 0.75, 0.60, 0.05)


@given(SHARES, SHARES, st.integers(0, 40))
def test_the_words_are_those_of_the_reference(reference_score, one, other, n) -> None:
    low, high = sorted((one, other))
    assert says(low, high, n) == reference_score.says(low, high, n)


@given(SHARES, SHARES, SHARES, st.integers(10, 40))
def test_a_higher_interval_never_claims_less_of_binding(one, other, shift, n) -> None:
    order = ["below chance", "not found", "too few", "weak", "present"]
    low, high = sorted((one, other))
    raised = min(1.0, low + shift), min(1.0, high + shift)
    before, after = says(low, high, n), says(*raised, n)
    assert {before, after} <= {"not found", "too few"} or order.index(after) >= order.index(before)


@given(SHARES, st.integers(0, 9))
def test_fewer_than_ten_bags_support_no_claim(share, n) -> None:
    assert says(share, share, n) == "too few"
    assert says_unpaired(share, n) == "too few"


@pytest.mark.parametrize(
    ("low", "n", "word"),
    [(0.3, 10, "weak"), (0.3, 9, "too few"), (0.0, 500, "too few"), (-0.3, 500, "too few"), (None, 500, "too few")],
)
def test_without_pairs_at_most_a_trace_is_claimed(low, n, word) -> None:
    assert says_unpaired(low, n) == word
    assert says_unpaired(np.nextafter(0, 1), 10) == "weak"


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (np.nextafter(0.05, 1), 0.5, "more than random weights"),
        (0.05, 0.5, "not separable from random weights"),
        (0.05, 0.05, "already in the input representation"),
        (-0.05, 0.05, "already in the input representation"),
        (np.nextafter(-0.05, -1), 0.05, "not separable from random weights"),
        (-0.05, np.nextafter(0.05, 1), "not separable from random weights"),
        (-0.5, -0.05, "not separable from random weights"),
        (-0.5, np.nextafter(-0.05, -1), "less than random weights"),
        (-1.0, 1.0, "not separable from random weights"),
    ],
)
def test_what_a_difference_from_random_weights_supports_at_each_boundary(low, high, word) -> None:
    assert origin(low, high) == word


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_origins_are_those_of_the_reference_and_turn_with_the_sign(reference_score, one, other) -> None:
    low, high = sorted((one, other))
    assert origin(low, high) == reference_score.origin(low, high)
    turned = {
        "more than random weights": "less than random weights",
        "less than random weights": "more than random weights",
    }
    assert origin(-high, -low) == turned.get(origin(low, high), origin(low, high))
