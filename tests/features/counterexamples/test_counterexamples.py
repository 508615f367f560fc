import numpy as np
import pytest

from bindscope.features.counterexamples.service import Counterexamples, edits_of
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import scene_in_slots
from bindscope.services.judging import Wording

SPACE = BUILTIN_SPACES["shapes2d"]
GIVEN = Wording(Captioner(), "given")


def test_every_edit_gives_a_valid_scene_or_none_and_sizes_grow() -> None:
    scene = sample_scenes(SPACE, 1, seed=4, objects=3, only_valid_swaps=True)[0]
    edits = edits_of(scene)
    sizes = [edit.size for edit in edits]
    assert sizes == sorted(sizes)
    assert {edit.kind for edit in edits} == {"move", "resize", "exchange_places", "change_value"}
    made = [edit.make(1.0) for edit in edits]
    assert sum(m is not None for m in made) > 100
    assert all(m != scene for m in made)


def test_half_of_a_move_goes_half_as_far() -> None:
    scene = scene_in_slots(SPACE, [(0, 0), (1, 1)])
    move = next(e for e in edits_of(scene) if e.kind == "move" and e.make(1.0))
    far, near = move.make(1.0), move.make(0.5)

    def distance(other):
        return np.hypot(other.objects[0].x - scene.objects[0].x, other.objects[0].y - scene.objects[0].y)

    assert distance(near) == pytest.approx(distance(far) / 2, abs=2e-4)


def test_a_model_that_reads_slots_is_broken_by_an_exchange_of_places(parts) -> None:
    # With captions only in the listed order, the product world binds objects to slots: left must be named first.
    scene = scene_in_slots(SPACE, [SPACE.index({"color": "red", "shape": "square"}), (0, 1)])
    found = parts.of(Counterexamples).search("synthetic:product", scene, wording=GIVEN, budget=2000)
    assert found.before.contest.outcome == "binds"
    assert found.edit.kind == "exchange_places"
    assert found.after.contest.outcome == "swaps"
    assert [o.x for o in found.scene.objects] == [o.x for o in scene.objects][::-1]


def test_the_search_stays_within_its_budget(parts) -> None:
    scene = scene_in_slots(SPACE, [(0, 0), (1, 1)])
    found = parts.of(Counterexamples).search("synthetic:additive", scene, wording=GIVEN, budget=25)
    assert (found.found, found.tried) == (False, 25)
