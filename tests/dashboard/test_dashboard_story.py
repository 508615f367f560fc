import pytest

from bindscope.core.sentences.derived import derived_note, derived_sentence
from bindscope.core.wire import Binding, Control, Interval, Twin, Unpaired
from bindscope.features.decompositions.findings import rebuilt_sentence, twin_note
from bindscope.features.interventions.findings import retrieval_sentence
from bindscope.features.interventions.schemas import EditResponse, NearScene
from bindscope.features.probes.findings import binding_finding, origin_sentence, probe_note, tower_sentence
from bindscope.features.removals.findings import removal_sentence
from bindscope.scenes.wire import PlacedObject, SceneModel
from bindscope_dashboard.pages.interventions.findings import landing_of
from bindscope_dashboard.shared.wording import spread


def interval(value: float | None, n: int = 84) -> Interval:
    if value is None:
        return Interval(value=None, low=None, high=None, n=0)
    return Interval(value=value, low=max(-1.0, value - 0.03), high=min(1.0, value + 0.03), n=n)


def binding(value: float | None, says: str, n: int = 84, **more) -> Binding:
    found = None if value is None else interval(value, n)
    return Binding(forced_choice=found, undecided=interval(0.0), says=says, **more)


THERE, ALSO_THERE, NOT = binding(0.99, "present"), binding(0.96, "present"), binding(0.51, "not found")
LITTLE, FEW, BELOW = binding(0.6, "weak"), binding(0.55, "too few", 7), binding(0.4, "below chance")
UNPAIRED = binding(
    None,
    "weak",
    unpaired=Unpaired(forced_choice=interval(0.9), bag_baseline=interval(0.8), difference=interval(0.1)),
)
BOTH = {"image": THERE, "text": ALSO_THERE}


@pytest.mark.parametrize(
    ("towers", "contest", "title", "part", "tone"),
    [
        (BOTH, NOT, "There, but not shared", "between the towers does not use it: 51 %", "bag_of_concepts"),
        (BOTH, BELOW, "There, but not shared", "prefers the swapped one: 40 %", "bag_of_concepts"),
        (BOTH, THERE, "There, and shared", "And the cosine between the towers uses it", "binds"),
        (BOTH, LITTLE, "There, and shared in part", "uses a part of it: 60 %", "undecided"),
        (BOTH, None, "The information is there", "image tower", "undecided"),
        ({"image": THERE, "text": NOT}, NOT, "Found in the image tower only", "Other readers might", "bag_of_concepts"),
        ({"image": THERE, "text": LITTLE}, NOT, "In the image tower, and little in the text tower", "a trace",
         "undecided"),
        ({"image": NOT, "text": NOT}, NOT, "Not found by a linear probe", "of this kind does not find",
         "bag_of_concepts"),
        ({"text": ALSO_THERE}, NOT, "There, but not used", "the vectors' own cosine does not use it",
         "bag_of_concepts"),
        ({"text": THERE}, THERE, "The information is there", "the vectors' own cosine uses it", "binds"),
        ({"upload": THERE}, None, "The information is there", "reads from these vectors", "binds"),
        ({"upload": NOT}, None, "Not found by a linear probe", "in these vectors", "bag_of_concepts"),
        ({"upload": UNPAIRED}, None, "A trace of it", "more than the labels' habits explain", "undecided"),
        ({"upload": FEW}, None, "Too few scenes to say", "Nothing can be said", "undecided"),
        ({"upload": BELOW}, None, "Something is wrong with this probe", "a fault of the procedure", "undecided"),
    ],
)  # fmt: skip
def test_the_finding_says_what_the_scores_mean_together(towers, contest, title, part, tone):
    found = binding_finding(towers, contest)
    assert (found.title, found.tone) == (title, tone)
    assert part in found.sentence


@pytest.mark.parametrize("found", [THERE, NOT, LITTLE, BELOW, FEW])
def test_every_score_stands_beside_its_chance_and_its_bags(found):
    said = tower_sentence("image", found)
    assert "bags" in said
    assert "absent" not in said
    if found is not FEW:
        assert "chance 50 %" in said


def test_a_probe_has_its_note():
    notes = [probe_note(found) for found in (THERE, LITTLE, NOT, FEW)]
    assert notes == ["the binding is there", "a trace of the binding", "not found by a linear probe",
                     "too few scenes to say"]  # fmt: skip


def test_the_random_twin_answers_another_question():
    twin = Twin(forced_choice=interval(0.63), difference=interval(0.17), origin="more than random weights", seeds=3,
                train_ratio=0.1)  # fmt: skip
    said = origin_sentence(THERE.model_copy(update={"twin": twin}))
    assert said.startswith("Training put it there: random weights reach 63 %")
    assert "10 % of the scenes for training" in said
    assert origin_sentence(THERE) == ""


def derived(value: float, control: float, says: str) -> Binding:
    own = Control(forced_choice=interval(control), difference=interval(value - control))
    return binding(value, says, control=own)


def test_what_labels_put_there_is_not_called_binding():
    created = derived(0.99, 0.99, "not found")
    assert "the labels put there, whatever the model holds: 99 %" in derived_sentence(created, vectors="the vectors")
    assert derived_note(created) == "no more than labels put there"
    plain = derived(0.5, 0.5, "not found")
    assert "does not find the binding in the vectors" in derived_sentence(plain, vectors="the vectors")
    assert derived_note(plain) == "not found by a linear probe"
    unclear = derived(0.99, 0.95, "too few")
    assert "can not be said" in derived_sentence(unclear, vectors="the vectors")
    shown = derived(1.0, 0.6, "present")
    assert "its control, what labels alone put there, 60 %, a difference of +40 points" in derived_sentence(
        shown, vectors="the vectors"
    )


def test_sums_say_what_they_are_told_and_what_they_have_no_place_for():
    assert "is told who owns what" in rebuilt_sentence(derived(1.0, 0.6, "present"), level=1)
    assert "no place for the binding" in rebuilt_sentence(derived(0.5, 0.5, "not found"), level=2)


def test_a_removal_is_told_beside_its_control():
    gone = derived(0.5, 0.5, "not found")
    none = Binding(forced_choice=None, undecided=interval(None), says="too few")
    both = {"original": THERE, "minus_objects": gone, "random_subspace_objects": ALSO_THERE}
    assert "Without as many random dimensions it is 96 %" in removal_sentence(both)
    assert "leaves nothing to compare with" in removal_sentence({**both, "random_subspace_objects": none})
    assert "little to take out" in removal_sentence({**both, "original": NOT})


def test_the_random_twin_is_compared_honestly():
    assert "reach as much" in twin_note(0.98, 0.99)
    assert twin_note(0.9, 0.4) == "Random weights reach 0.500 less."
    assert twin_note(None, 0.4) == twin_note(0.9, None) == ""


def test_retrieval_says_why_the_published_one_differs():
    said = retrieval_sentence(interval(0.9), interval(0.99))
    assert "differ in the edited concept alone: 99 %" in said
    assert spread(interval(0.9)) == "87–93 %"
    assert spread(interval(None)) == ""


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
    assert landing_of(found, scene(RED, BLUE)).title == title
