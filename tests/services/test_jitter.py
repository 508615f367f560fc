import pytest

from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import Scene, scene_at
from bindscope.services.noise import COPIES, MOVED, RESIZED, TEMPLATES, Robustness, jittered

SPACE = BUILTIN_SPACES["shapes2d"]


@pytest.mark.parametrize("objects", [1, 2, 3, 6])
def test_copies_show_the_same_objects_a_hair_elsewhere(objects) -> None:
    for scene in sample_scenes(SPACE, 20, seed=4, objects=objects, only_valid_swaps=False):
        copies = jittered(scene)
        assert len(copies) == COPIES
        for copy in copies:
            assert copy.values == scene.values
            for old, new in zip(scene.objects, copy.objects, strict=True):
                # Near an edge a larger object must also step back by half of what it grew.
                reach = MOVED + RESIZED * old.size / 2 + 2e-4
                assert max(abs(old.x - new.x), abs(old.y - new.y)) <= reach
                assert abs(new.size - old.size) <= RESIZED * old.size + 2e-4
        assert len({copy.canonical() for copy in copies}) > COPIES / 2


def test_the_same_scene_has_the_same_copies_and_another_has_others() -> None:
    one, two = sample_scenes(SPACE, 2, seed=1, only_valid_swaps=True)
    assert jittered(one) == jittered(one)
    assert jittered(one) != jittered(two)
    assert jittered(one, copies=5) == jittered(one)[:5]


def test_objects_that_touch_each_other_and_the_edge_still_have_copies() -> None:
    scene = scene_at(SPACE, [(0, 0), (1, 1)], [(0.25, 0.25, 0.5), (0.75, 0.25, 0.5)])
    copies = jittered(scene)
    assert len(copies) == COPIES
    assert all(isinstance(copy, Scene) for copy in copies)


@pytest.mark.parametrize(("same", "copies", "stable"), [(16, 20, True), (15, 20, False), (5, 6, True), (4, 6, False)])
def test_a_winner_is_named_from_four_fifths_of_the_copies_on(same, copies, stable) -> None:
    assert Robustness(same, copies, "places").stable is stable


def test_the_templates_are_six_different_ones() -> None:
    assert len(set(TEMPLATES)) == 6
    assert all(template.count("{}") == 1 for template in TEMPLATES)
