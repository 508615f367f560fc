import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bindscope.core.errors import InvalidInput, UnsupportedModality
from bindscope.features.surveys.schemas import VerdictBatch, VerdictBatchRequest
from bindscope.features.surveys.service import Surveys
from bindscope.features.verdicts.service import Verdicts
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import BUILTIN_SPACES, Concept, ConceptSpace
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import Scene, scene_in_slots
from bindscope.services.embedder import spoiled
from bindscope.services.judging import Wording

SMALL = ConceptSpace(
    "small", (Concept("color", ("red", "blue", "green")), Concept("shape", ("square", "circle"))), "a {color} {shape}"
)
SPACE = BUILTIN_SPACES["shapes2d"]
ALL = Wording(Captioner(), "all")


def survey(parts, model, space=SPACE, **changes) -> VerdictBatch:
    asked = {"count": 40, "only_valid_swaps": True, **changes}
    *_, last = parts.of(Surveys).run(VerdictBatchRequest(model=model, space=space.name, **asked))
    return last


@pytest.mark.parametrize("model", ["synthetic:bag", "synthetic:additive", "synthetic:product", "synthetic:order-blind"])
def test_the_order_in_which_objects_are_listed_changes_nothing(parts, model) -> None:
    for scene in sample_scenes(SPACE, 10, seed=1, objects=3, only_valid_swaps=True):
        turned = Scene(SPACE, scene.objects[::-1])
        one = parts.of(Verdicts).verdict(model, scene, wording=ALL)
        two = parts.of(Verdicts).verdict(model, turned, wording=ALL)
        assert one.diagnosis == two.diagnosis
        assert one.contest.margin == pytest.approx(two.contest.margin, abs=1e-9)


def test_many_callers_at_once_get_the_same_answers_as_one(parts) -> None:
    scenes = sample_scenes(SPACE, 40, seed=2, only_valid_swaps=True)
    alone = [parts.of(Verdicts).verdict("synthetic:product", s, wording=ALL).contest for s in scenes]
    with ThreadPoolExecutor(16) as pool:
        together = list(
            pool.map(lambda s: parts.of(Verdicts).verdict("synthetic:product", s, wording=ALL).contest, scenes)
        )
    assert alone == together


def test_spaces_that_cannot_be_drawn_work_with_models_that_need_no_picture(parts) -> None:
    words = BUILTIN_SPACES["words"]
    assert survey(parts, "synthetic:additive", words).swap_accuracy.value == 1
    scene = scene_in_slots(words, [(0, 0), (1, 1)])
    assert parts.of(Verdicts).verdict("synthetic:bag", scene, wording=ALL).diagnosis == "bag_of_concepts"


def test_a_survey_counts_every_scene_once(parts) -> None:
    got = survey(parts, "synthetic:bag", count=130, only_valid_swaps=False)
    assert got.scenes == 130
    assert got.swap_accuracy.n + got.no_valid_swap == 130
    assert got.undecided.n == got.swap_accuracy.n == got.twins


def test_recognition_counts_bags_not_scenes(parts) -> None:
    parts.spaces.keep(SMALL)
    got = survey(parts, "synthetic:bag", SMALL, count=300, only_valid_swaps=False)
    # Three colours and two shapes: 6 unordered pairs of colours times 3 of shapes.
    assert got.recognition["object"].n == 18
    # Three pairs of different colours, one of different shapes.
    assert got.recognition["object_on_valid_swaps"].n == got.binding.forced_choice.n == 3


def test_oracles_without_pixels_refuse_pixel_controls(parts) -> None:
    with pytest.raises(UnsupportedModality, match="not pixels"):
        survey(parts, "synthetic:bag", control="shuffled_pixels")


def test_controls_spoil_the_picture_and_keep_its_size() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    before = copy.deepcopy(pictures)
    shuffled = spoiled(pictures, "shuffled_pixels", seed=1)
    blank = spoiled(pictures, "blank", seed=1)
    for original, mixed, bare in zip(pictures, shuffled, blank, strict=True):
        assert sorted(map(tuple, mixed.reshape(-1, 3))) == sorted(map(tuple, original.reshape(-1, 3)))
        assert (mixed != original).any()
        assert (bare == original[0, 0]).all()
    assert np.array_equal(pictures, before)


def test_one_object_alone_has_nothing_to_exchange(parts) -> None:
    got = survey(parts, "synthetic:additive", objects=1, only_valid_swaps=False)
    assert got.swap_accuracy.n == 0
    assert got.swap_accuracy.value is None
    with pytest.raises(InvalidInput, match="two objects"):
        survey(parts, "synthetic:additive", objects=1)
