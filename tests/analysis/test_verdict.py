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


def test_each_of_several_scenes_has_its_own_margin() -> None:
    result = contest(np.array([[0.1, 0.4], [0.2, 0.1]]), np.array([[0.3, 0.2], [0.6, 0.9]]))
    assert result.margin == pytest.approx([0.1, -0.7])


def test_a_scene_without_a_swap_has_no_margin_and_no_nan() -> None:
    result = contest(np.array([[0.1], [0.2]]), np.array([[-np.inf], [0.1]]))
    assert result.has_swap.tolist() == [False, True]
    assert result.margin == pytest.approx([0.0, 0.1])
    empty = contest(np.array([[0.1]]), np.zeros((1, 0)))
    assert not empty.has_swap.any()


def test_inside_the_noise_floor_nobody_wins() -> None:
    assert outcome(0.01, noise_floor=0.01, has_swap=True) == "undecided"
    assert outcome(0.011, noise_floor=0.01, has_swap=True) == "binds"
    assert outcome(-0.011, noise_floor=0.01, has_swap=True) == "swaps"
    assert outcome(-0.01, noise_floor=0.01, has_swap=True) == "undecided"
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


def test_a_cosine_is_never_beyond_one() -> None:
    vectors = np.random.default_rng(0).standard_normal((64, 48)).astype(np.float32)
    vectors = np.concatenate([vectors, -vectors])
    scores = caption_scores(vectors[:64], vectors, np.arange(128).reshape(2, 64).T)
    assert scores.max() <= 1.0
    assert scores.min() >= -1.0
    assert scores[:, 0] == pytest.approx(1.0)
    assert scores[:, 1] == pytest.approx(-1.0)


def test_recognition_of_concepts_and_objects_is_apart() -> None:
    # Scene of (0, 0) and (1, 1): both concepts are seen, the object scores prefer the swapped pair.
    heads = [np.array([[0.9, 0.8, 0.1]]), np.array([[0.9, 0.8]])]
    objects = np.array([[0.5, 0.9, 0.9, 0.5, 0.0, 0.0]])
    got = recognise(heads, objects, scenes=np.array([[[0, 0], [1, 1]]]), object_ids=np.array([[0, 3]]))
    assert got.concepts.all()
    assert not got.object.any()


def test_each_scene_and_each_concept_is_recognised_for_itself() -> None:
    # Both scenes are of (0, 0) and (1, 1). Of the first the shapes are missed, of the second the colors.
    heads = [np.array([[0.9, 0.8, 0.1], [0.9, 0.1, 0.8]]), np.array([[0.9, 0.1, 0.8], [0.9, 0.8, 0.1]])]
    scenes, ids = np.array([[[0, 0], [1, 1]]] * 2), np.array([[0, 4]] * 2)
    objects = np.array([[0.9, 0, 0, 0, 0.8, 0, 0, 0, 0], [0.9, 0.85, 0, 0, 0.8, 0, 0, 0, 0]])
    got = recognise(heads, objects, scenes=scenes, object_ids=ids)
    assert got.by_concept.tolist() == [[True, False], [False, True]]
    assert got.concepts.tolist() == [False, False]
    assert got.object.tolist() == [True, False]


def test_what_lies_within_the_resolution_of_an_absent_value_is_not_recognised() -> None:
    heads = [np.array([[0.5 + RESOLUTION / 2, 0.9, 0.5]])]
    objects = np.array([[0.5 + RESOLUTION / 2, 0.9, 0.5]])
    got = recognise(heads, objects, scenes=np.array([[[0], [1]]]), object_ids=np.array([[0, 1]]))
    assert not got.concepts.any()
    assert not got.object.any()


def test_chance_is_the_mean_over_scenes_and_all_concepts_are_harder_than_each() -> None:
    # The second scene shows one color only, and its objects are two: (0, 0) and (0, 1).
    scenes = np.array([[[0, 0], [1, 1]], [[0, 0], [0, 1]], [[0, 1], [0, 1]]])
    got = chance((4, 3), ("color", "shape"), scenes=scenes)
    color, shape = [1 / 6, 1 / 4, 1 / 4], [1 / 3, 1 / 3, 1 / 3]
    assert got["color"] == pytest.approx(np.mean(color))
    assert got["shape"] == pytest.approx(np.mean(shape))
    assert got["concepts"] == pytest.approx(np.mean(np.multiply(color, shape)))
    assert got["object"] == pytest.approx(np.mean([1 / 66, 1 / 66, 1 / 12]))


def test_chance_is_one_over_the_number_of_ways() -> None:
    got = chance((4, 2), ("color", "shape"), scenes=np.array([[[0, 0], [1, 1]]]))
    assert got == pytest.approx({"color": 1 / 6, "shape": 1.0, "concepts": 1 / 6, "object": 1 / 28})
