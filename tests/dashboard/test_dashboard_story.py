import pytest

from bindscope.schemas.base import Interval, PlacedObject, SceneModel
from bindscope.schemas.surgeries import EditResponse, NearScene
from bindscope_dashboard.story import (
    Contest,
    Reading,
    accuracy_note,
    binding_story,
    landing,
    probe_note,
    retrieval_sentence,
    twin_note,
)


def interval(value: float | None) -> Interval:
    if value is None:
        return Interval(value=None, low=None, high=None, n=0)
    return Interval(value=value, low=max(0.0, value - 0.03), high=min(1.0, value + 0.03), n=200)


def reading(value: float | None) -> Reading:
    return Reading(interval(value), 0.5)


def contest(value: float | None, undecided: float = 0.0) -> Contest:
    return Contest(interval(value), interval(undecided))


BOTH = {"image": 0.96, "text": 0.93}
IMAGE = {"image": 0.96, "text": 0.2}


@pytest.mark.parametrize(
    ("found", "swap", "title", "part", "tone"),
    [
        (BOTH, 0.53, "There, but not shared", "two encoders do not share it: swap accuracy 53 %", "bag_of_concepts"),
        (BOTH, 1.0, "There, and shared", "two encoders share it: swap accuracy 100 %", "binds"),
        (BOTH, 0.7, "There, and shared in part", "share part of it: swap accuracy 70 %", "undecided"),
        (BOTH, None, "The information is there", "Both encoders hold it", "undecided"),
        (IMAGE, 0.5, "Only in the image encoder", "nothing to share: swap accuracy 50 %", "bag_of_concepts"),
        (IMAGE, 0.9, "Mostly in the image encoder", "even so the true caption wins", "undecided"),
        (IMAGE, None, "Only in the image encoder", "(image 96 %, text 20 %; chance 50 %).", "undecided"),
        ({"image": 0.2, "text": 0.9}, 0.5, "Only in the text encoder", "in the text encoder only", "bag_of_concepts"),
        ({"image": 0.2, "text": 0.5}, 0.48, "No sign of binding", "contest agrees: swap accuracy 48 %",
         "bag_of_concepts"),
        ({"image": 0.2, "text": 0.5}, 0.8, "No sign of binding", "Even so the true caption wins", "bag_of_concepts"),
        ({"image": 0.2, "text": 0.5}, None, "No sign of binding", "chance 50 %).", "bag_of_concepts"),
        ({"image": None, "text": None}, None, "Nothing to bind", "No held-out scene has a valid swap", "undecided"),
        ({"text": 0.95}, 0.6, "The information is there", "finds in the text encoder", "binds"),
        ({"text": 0.2}, 0.05, "No sign of binding", "does not find in the text encoder", "bag_of_concepts"),
        ({"image": 0.95}, None, "The information is there", "finds in the image encoder", "binds"),
        ({"upload": 0.95}, None, "The information is there", "finds in these embeddings", "binds"),
        ({"upload": 0.2}, None, "No sign of binding", "does not find in these embeddings", "bag_of_concepts"),
    ],
)  # fmt: skip
def test_the_story_says_what_the_three_numbers_mean_together(found, swap, title, part, tone):
    story = binding_story({name: reading(value) for name, value in found.items()}, contest(swap))
    assert (story.title, story.tone) == (title, tone)
    assert part in story.sentence


def test_without_a_verdict_the_story_still_tells_of_the_probes():
    assert binding_story({"image": reading(0.9), "text": reading(0.9)}, None).sentence.startswith("Both encoders")


def test_ties_are_named_where_there_are_many():
    told = binding_story({"image": reading(0.2), "text": reading(0.2)}, contest(0.0, undecided=1.0)).sentence
    assert "swap accuracy 0 %, 100 % undecided" in told


@pytest.mark.parametrize(
    ("value", "note"),
    [
        (None, "no held-out scene has a valid swap"),
        (0.51, "no better than chance"),
        (0.7, "part of the binding is there"),
        (0.95, "the binding is there"),
    ],
)
def test_a_probe_has_its_note(value, note):
    assert probe_note(reading(value)) == note


def test_the_random_twin_is_compared_honestly():
    assert "reach as much" in twin_note(0.98, 0.99)
    assert twin_note(0.9, 0.4) == "Training adds 0.500 to what random weights reach."
    assert twin_note(None, 0.4) == twin_note(0.9, None) == ""


def test_retrieval_says_why_the_published_one_is_higher():
    assert "tells it part of the answer: 99 %" in retrieval_sentence(interval(0.9), interval(0.99))
    assert accuracy_note(interval(0.9)) == "87–93 %"
    assert accuracy_note(interval(None)) == ""


def scene(*objects: tuple[str, str]) -> SceneModel:
    return SceneModel(space="mini", objects=[PlacedObject(values={"color": c, "shape": s}) for c, s in objects])


RED, BLUE, GREEN = ("red", "square"), ("blue", "circle"), ("green", "star")


@pytest.mark.parametrize(
    ("nearest", "wanted", "right", "title"),
    [
        ((GREEN, BLUE), True, True, "Lands on the wanted scene"),
        ((GREEN, BLUE), True, False, "Ties with another scene"),
        ((RED, BLUE), False, False, "Stays nearest to the original"),
        ((BLUE, GREEN), False, False, "Right objects, other places"),
        ((("blue", "star"), ("green", "circle")), False, False, "Lands on a swap"),
        ((RED, RED), False, False, "Lands on another scene"),
    ],
)
def test_where_an_edit_lands_is_said_in_words(provenance, nearest, wanted, right, title):
    found = EditResponse(
        seconds=0.1,
        provenance=provenance,
        right=right,
        nearest=[NearScene(scene=scene(*nearest), cosine=0.9, wanted=wanted)],
        rendered_cosine=0.9,
        source_cosine=0.5,
        concepts={},
        objects=[],
        edited=scene(GREEN, BLUE),
    )
    assert landing(found, [o.values for o in scene(RED, BLUE).objects]).title == title
