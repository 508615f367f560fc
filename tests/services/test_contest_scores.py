from dataclasses import replace

import numpy as np
import pytest

from bindscope.core.errors import UnsupportedModality
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import BUILTIN_SPACES, Concept, ConceptSpace
from bindscope.scenes.contests import MOST_TWINS, twins_of, valid_swaps, with_twins
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import scene_in_slots
from bindscope.services.judging import Wording, contest_scores

SPACE = BUILTIN_SPACES["shapes2d"]
THREE = ConceptSpace(
    "three",
    (
        Concept("size", ("small", "large", "huge")),
        Concept("color", ("red", "blue", "green")),
        Concept("shape", ("square", "circle", "star")),
    ),
    "a {size} {color} {shape}",
)
FEW = ConceptSpace(
    "few", (Concept("color", ("red", "blue")), Concept("shape", ("square", "circle"))), "a {color} {shape}"
)
ALL = Wording(Captioner(), "all")


def scores(parts, model, space=SPACE, *, objects=2, count=30, seed=0, wording=ALL, layout="random"):
    layout = layout if space.renderable else "slots"
    scenes = sample_scenes(space, count, seed=seed, objects=objects, layout=layout, only_valid_swaps=True)
    return contest_scores(parts.embedder, model, scenes=with_twins(scenes, seed=seed), wording=wording)


@pytest.mark.parametrize("model", ["synthetic:bag", "synthetic:order-blind"])
@pytest.mark.parametrize(("space", "objects", "count"), [(SPACE, 2, 30), (SPACE, 3, 12), (FEW, 3, 12), (THREE, 2, 20)])
def test_a_model_without_binding_ties_in_every_contest(parts, model, space, objects, count) -> None:
    for seed in range(2):
        found = scores(parts, model, space, objects=objects, count=count, seed=seed).binding
        assert found.forced_choice.value == found.double_difference.value == 0.5
        assert found.undecided.value == 1
        assert found.says in ("not found", "too few")


@pytest.mark.parametrize(("space", "objects", "count"), [(SPACE, 2, 30), (SPACE, 3, 12), (FEW, 3, 12), (THREE, 2, 20)])
def test_a_model_that_binds_wins_every_contest(parts, space, objects, count) -> None:
    for seed in range(2):
        found = scores(parts, "synthetic:additive", space, objects=objects, count=count, seed=seed).binding
        assert found.forced_choice.value == found.double_difference.value == 1
        assert found.undecided.value == 0
        if found.forced_choice.n >= 20:
            assert found.says == "present"


def test_four_objects_are_asked_too(parts) -> None:
    assert scores(parts, "synthetic:additive", objects=4, count=2).binding.forced_choice.value == 1
    assert scores(parts, "synthetic:bag", objects=4, count=2).binding.forced_choice.value == 0.5


@pytest.mark.parametrize("orders", ["all", "given"])
def test_captions_as_listed_are_scored_in_the_same_places(parts, orders) -> None:
    wording = Wording(Captioner(), orders)
    assert scores(parts, "synthetic:product", wording=wording, layout="slots").binding.forced_choice.value == 1
    assert scores(parts, "synthetic:bag", wording=wording).binding.forced_choice.value == 0.5


def test_both_directions_of_every_pair_are_there(parts) -> None:
    found = scores(parts, "synthetic:additive", objects=3, count=10)
    edges, sides = found.trials.edge, found.trials.side
    for edge in np.unique(edges):
        assert set(sides[edges == edge]) == {0, 1}


def test_a_scene_alone_has_no_pair_and_no_figure(parts) -> None:
    scene = scene_in_slots(SPACE, [(0, 0), (1, 1)])
    found = contest_scores(parts.embedder, "synthetic:additive", scenes=[scene], wording=ALL).binding
    assert found.forced_choice is None
    assert found.double_difference is None
    assert found.says == "too few"


def test_scenes_whose_swap_is_not_there_do_not_count(parts) -> None:
    one, other = scene_in_slots(SPACE, [(0, 0), (1, 1)]), scene_in_slots(SPACE, [(0, 1), (1, 0)])
    alone = scene_in_slots(SPACE, [(2, 2), (3, 3)])
    found = contest_scores(parts.embedder, "synthetic:additive", scenes=[one, alone, other], wording=ALL)
    assert found.binding.forced_choice.n == 1
    assert sorted(set(found.trials.row.tolist())) == [0, 2]


def test_a_swapped_scene_keeps_its_places_and_has_the_other_objects() -> None:
    for scene in sample_scenes(SPACE, 20, seed=3, objects=2, only_valid_swaps=True):
        (twins,) = twins_of([scene], seed=0)
        assert [twin.values for twin in twins] == [swap.objects for swap in valid_swaps(scene.values)]
        for twin in twins:
            assert [(o.x, o.y, o.size) for o in twin.objects] == [(o.x, o.y, o.size) for o in scene.objects]


def test_above_two_objects_a_bounded_seeded_number_of_swapped_scenes_is_shown() -> None:
    scenes = sample_scenes(SPACE, 10, seed=3, objects=4, only_valid_swaps=True)
    first, again, other = (twins_of(scenes, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert all(
        len(twins) == min(MOST_TWINS, len(valid_swaps(s.values))) for s, twins in zip(scenes, first, strict=True)
    )


def test_a_model_of_pictures_only_is_refused(parts) -> None:
    embedder = parts.embedder
    reads_pictures = replace(embedder.models.info("synthetic:bag"), modalities=("image",))

    class Blind:
        models = type("Models", (), {"info": staticmethod(lambda _: reads_pictures)})

    with pytest.raises(UnsupportedModality, match="text tower"):
        contest_scores(Blind(), "synthetic:bag", scenes=[scene_in_slots(SPACE, [(0, 0)])], wording=ALL)
