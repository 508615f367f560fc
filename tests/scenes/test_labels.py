import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.core.specs import DecompositionSpec, InterventionSpec, ProbeSpec
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.labels import SceneLabels


@given(st.integers(1, 4), st.lists(st.integers(2, 3), min_size=1, max_size=3), st.integers(0, 1000))
def test_valid_swaps_of_many_scenes_agree_with_those_of_one(slots, values, seed) -> None:
    rng = np.random.default_rng(seed)
    scenes = rng.integers(0, values, (40, slots, len(values)))
    labels = SceneLabels(scenes, tuple(values), tuple("abc"[: len(values)]))
    one = [bool(valid_swaps([tuple(map(int, o)) for o in scene])) for scene in scenes]
    assert labels.has_valid_swap.tolist() == one


def test_object_ids_are_rows_of_the_list_of_objects() -> None:
    rng = np.random.default_rng(0)
    scenes = rng.integers(0, (3, 4, 2), (50, 2, 3))
    labels = SceneLabels(scenes, (3, 4, 2), ("a", "b", "c"))
    assert np.array_equal(labels.objects[labels.object_ids], scenes)
    assert labels.object_count == 24


@pytest.mark.parametrize(
    ("scenes", "values", "names", "part"),
    [
        (np.zeros((2, 2), int), (2, 2), ("a", "b"), "scene, object, concept"),
        (np.full((1, 2, 2), 2), (2, 2), ("a", "b"), "out of range"),
        (np.full((1, 2, 2), -1), (2, 2), ("a", "b"), "out of range"),
        (np.zeros((1, 2, 2), int), (2, 2), ("a",), "names"),
    ],
)
def test_labels_that_do_not_fit_are_refused(scenes, values, names, part) -> None:
    with pytest.raises(InvalidInput, match=part):
        SceneLabels(scenes, values, names)


def test_specs_refuse_what_cannot_be_done() -> None:
    with pytest.raises(InvalidInput, match="train_ratio"):
        ProbeSpec(train_ratio=1.0)
    with pytest.raises(UnknownName, match="lstsq"):
        DecompositionSpec(estimator="magic")
    with pytest.raises(InvalidInput, match="limit"):
        InterventionSpec(limit=0)
