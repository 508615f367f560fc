import numpy as np
import pytest

from bindscope.analysis.verdict import (
    RESOLUTION,
    caption_scores,
    chance,
    contest,
    diagnose,
    outcome,
    recognise,
)


def test_the_margin_is_the_best_true_minus_the_best_swapped_caption() -> None:
    result = contest(np.array([[0.1, 0.4]]), np.array([[0.3, 0.2]]))
    assert result.margin == pytest.approx([0.1])
    assert result.has_swap.all()


def test_a_scene_without_a_swap_has_no_margin_and_no_nan() -> None:
    result = contest(np.array([[0.1], [0.2]]), np.array([[-np.inf], [0.1]]))
    assert result.has_swap.tolist() == [False, True]
    assert np.isfinite(result.margin).all()
    empty = contest(np.array([[0.1]]), np.zeros((1, 0)))
    assert not empty.has_swap.any()


def test_inside_the_noise_floor_nobody_wins() -> None:
    assert outcome(0.01, noise_floor=0.01, has_swap=True) == "undecided"
    assert outcome(0.011, noise_floor=0.01, has_swap=True) == "binds"
    assert outcome(-0.011, noise_floor=0.01, has_swap=True) == "swaps"
    assert outcome(RESOLUTION / 2, noise_floor=0.0, has_swap=True) == "undecided"
    assert outcome(0.0, noise_floor=0.0, has_swap=False) == "no_valid_swap"


@pytest.mark.parametrize(
    ("result", "concepts", "objects", "expected"),
    [
        ("binds", True, True, "binds"),
        ("binds", True, False, "bag_of_concepts"),
        ("swaps", True, True, "bag_of_concepts"),
        ("undecided", True, True, "undecided"),
        ("undecided", True, False, "bag_of_concepts"),
        ("binds", False, True, "blind"),
        ("no_valid_swap", True, True, "undecided"),
        ("no_valid_swap", True, False, "bag_of_concepts"),
    ],
)
def test_the_diagnosis_joins_contest_and_recognition(result, concepts, objects, expected) -> None:
    assert diagnose(result, concepts=concepts, objects=objects) == expected


def test_caption_scores_leave_padding_out() -> None:
    scores = caption_scores(np.eye(2), np.eye(2), np.array([[0, 1], [1, -1]]))
    assert scores.tolist() == [[1.0, 0.0], [1.0, -np.inf]]


def test_recognition_of_concepts_and_objects_is_apart() -> None:
    # Scene of (0, 0) and (1, 1): both concepts are seen, the object scores prefer the swapped pair.
    heads = [np.array([[0.9, 0.8, 0.1]]), np.array([[0.9, 0.8]])]
    objects = np.array([[0.5, 0.9, 0.9, 0.5, 0.0, 0.0]])
    got = recognise(heads, objects, scenes=np.array([[[0, 0], [1, 1]]]), object_ids=np.array([[0, 3]]))
    assert got.concepts.all()
    assert not got.object.any()


def test_chance_is_one_over_the_number_of_ways() -> None:
    got = chance((4, 2), ("color", "shape"), scenes=np.array([[[0, 0], [1, 1]]]))
    assert got == pytest.approx({"color": 1 / 6, "shape": 1.0, "concepts": 1 / 6, "object": 1 / 28})
