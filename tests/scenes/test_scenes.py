from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindscope.core.errors import InvalidInput
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import Placed, Scene, random_scene, scene_in_slots

SPACE = BUILTIN_SPACES["shapes2d"]


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_random_scenes_are_valid_for_every_number_of_objects(count, seed) -> None:
    scene = random_scene(SPACE, count, np.random.default_rng(seed))
    assert len(scene.objects) == count


def test_objects_without_a_place_stand_from_left_to_right() -> None:
    for count in range(1, 7):
        xs = [o.x for o in scene_in_slots(SPACE, [(0, 0)] * count).objects]
        assert xs == sorted(xs)


@pytest.mark.parametrize("count", [0, 7])
def test_a_scene_has_one_to_six_objects(count) -> None:
    with pytest.raises(InvalidInput, match="1 to 6"):
        Scene(SPACE, tuple(Placed((0, 0), 0.1 + 0.13 * i, 0.5, 0.1) for i in range(count)))


@pytest.mark.parametrize("bad", [nan, inf, -inf])
@pytest.mark.parametrize("field", ["x", "y", "size"])
def test_numbers_that_are_not_finite_are_refused(bad, field) -> None:
    place = {"x": 0.5, "y": 0.5, "size": 0.2, field: bad}
    with pytest.raises(InvalidInput, match="finite"):
        Placed((0, 0), **place)


def test_an_object_that_reaches_off_the_canvas_is_refused_with_the_allowed_range() -> None:
    with pytest.raises(InvalidInput, match=r"keep x between 0\.1 and 0\.9"):
        Placed((0, 0), 0.05, 0.5, 0.2)


def test_overlapping_objects_are_refused_by_number() -> None:
    with pytest.raises(InvalidInput, match="Objects 1 and 2 overlap"):
        Scene(SPACE, (Placed((0, 0), 0.4, 0.5, 0.3), Placed((1, 1), 0.5, 0.5, 0.3)))


def test_touching_objects_do_not_overlap() -> None:
    Scene(SPACE, (Placed((0, 0), 0.35, 0.5, 0.3), Placed((1, 1), 0.65, 0.5, 0.3)))


def test_canonical_text_is_equal_for_equal_scenes_and_differs_for_any_change() -> None:
    base = Placed((0, 0), 0.5, 0.5, 0.2)
    same = Scene(SPACE, (Placed((0, 0), 0.50000001, 0.5, 0.2),))
    assert Scene(SPACE, (base,)).canonical() == same.canonical()
    for changed in (Placed((1, 0), 0.5, 0.5, 0.2), Placed((0, 0), 0.51, 0.5, 0.2), Placed((0, 0), 0.5, 0.5, 0.21)):
        assert Scene(SPACE, (base,)).canonical() != Scene(SPACE, (changed,)).canonical()


def test_scene_number_i_of_a_seed_is_the_same_however_many_are_drawn() -> None:
    few = sample_scenes(SPACE, 5, seed=3, only_valid_swaps=False)
    many = sample_scenes(SPACE, 20, seed=3, only_valid_swaps=False)
    assert few == many[:5]
    assert few != sample_scenes(SPACE, 5, seed=4, only_valid_swaps=False)


def test_only_valid_swaps_draws_scenes_that_have_one() -> None:
    drawn = sample_scenes(BUILTIN_SPACES["clevr2d"], 200, seed=0, only_valid_swaps=True)
    assert all(valid_swaps(scene.values) for scene in drawn)


def test_a_valid_swap_needs_two_objects() -> None:
    with pytest.raises(InvalidInput, match="two objects"):
        sample_scenes(SPACE, 1, seed=0, objects=1, only_valid_swaps=True)
