import pytest

from bindscope.analysis.binding import Binding
from bindscope.analysis.metrics import Interval
from bindscope.core.binding_rules import says
from bindscope.features.verdicts import findings as told
from bindscope.features.verdicts.schemas import Contest
from bindscope.services.noise import Robustness

NONE = Interval(None, None, None, 0)


def binding(low, value, high, n=80, *, double=None, ties=0.0):
    found = Interval(value, low, high, n)
    beside = None if double is None else Interval(double[1], double[0], double[2], n)
    return Binding(found, Interval(ties, 0.0, 1.0, n), says(low, high, n), double_difference=beside)


def contest(outcome, margin, floor=1e-6):
    return Contest(outcome=outcome, margin=margin, noise_floor=floor, captions=[])


@pytest.mark.parametrize(
    ("own", "title", "tone"),
    [
        (binding(0.9, 0.95, 1.0), "Binds", "binds"),
        (binding(0.55, 0.6, 0.65), "Binds a little", "undecided"),
        (binding(0.42, 0.5, 0.58), "Does not tell a scene from its swap", "bag_of_concepts"),
        (binding(0.1, 0.2, 0.3), "Prefers the swapped one", "bag_of_concepts"),
        (binding(0.4, 0.55, 0.7), "Too few scenes to say", "undecided"),
        (binding(0.9, 1.0, 1.0, n=4), "Too few scenes to say", "undecided"),
        (binding(0.45, 0.5, 0.58, double=(0.9, 0.95, 1.0)), "Knows, but a bias decides", "undecided"),
        (binding(0.1, 0.2, 0.3, double=(0.6, 0.7, 0.8)), "Knows, but a bias decides", "undecided"),
        (binding(0.55, 0.6, 0.65, double=(0.6, 0.7, 0.8)), "Binds a little", "undecided"),
        (binding(0.42, 0.5, 0.58, double=(0.42, 0.5, 0.58)), "Does not tell a scene from its swap", "bag_of_concepts"),
    ],
)
def test_the_finding_of_many_contests_follows_the_rules(own, title, tone) -> None:
    found = told.contest_finding(own, anchor="image")
    assert (found.title, found.tone) == (title, tone)
    assert "chance 50 %" in found.sentence
    assert f"n = {own.forced_choice.n} bags" in found.sentence


def test_ties_are_named_where_they_matter() -> None:
    assert (
        "100 % of the contests are ties"
        in told.contest_finding(binding(0.42, 0.5, 0.58, ties=1.0), anchor="image").sentence
    )
    assert "ties" not in told.contest_finding(binding(0.42, 0.5, 0.58), anchor="image").sentence


def test_without_a_pair_there_is_nothing_to_say() -> None:
    found = told.contest_finding(Binding(None, NONE, "too few"), anchor="image")
    assert found.title == "Nothing to say"
    assert "only 0 sets of values" in found.sentence


def test_a_repaired_scene_is_not_called_broken() -> None:
    edit = {"edit": "move the red square left", "tried": 12}
    assert told.broken_finding("binds", "swaps", **edit).title == "Broken"
    repaired = told.broken_finding("swaps", "binds", **edit)
    assert repaired.title == "Repaired"
    assert "the true caption wins" in repaired.sentence
    assert told.broken_finding("swaps", None, **edit).title == "It held"


def test_a_lead_that_a_hair_changes_is_told_apart_from_a_tie() -> None:
    shaky, tie = contest("undecided", -0.004), contest("undecided", 0.0)
    robust = Robustness(11, 20, "places")
    assert told.is_shaky(shaky)
    assert not told.is_shaky(tie)
    said = told.contest_sentence(shaky, anchor="image", robustness=robust)
    assert "moving things by a hair changes the winner (only 11 of 20 copies" in said
    assert "inside the noise floor" in told.contest_sentence(tie, anchor="image")
    answer = told.scene_answer("undecided", shaky, seen=["red", "square"], missed=[], robustness=robust)
    assert "by a hair" in answer
    assert "within its own noise" in told.scene_answer("undecided", tie, seen=["red"], missed=[], robustness=None)


def test_a_blind_verdict_names_what_is_missed_and_what_is_seen() -> None:
    said = told.scene_answer(
        "blind", contest("binds", 0.1), seen=["red", "blue", "circle"], missed=["square"], robustness=None
    )
    assert said.startswith("It does not reliably see square,")
    assert said.endswith("It does see red, blue, circle.")


@pytest.mark.parametrize(
    ("margin", "twin", "part"),
    [
        (0.1, 0.2, "each scene prefers its own caption"),
        (0.1, -0.2, "the same caption wins for both"),
        (-0.1, 0.2, "the same caption wins for both"),
        (-0.1, -0.2, "each prefers the other's caption"),
    ],
)
def test_the_twin_says_whether_one_caption_wins_for_both(margin, twin, part) -> None:
    assert part in told.twin_sentence(margin, twin, floor=1e-6)


def test_a_twin_inside_the_floor_supports_no_word() -> None:
    assert told.twin_sentence(0.1, 1e-8, floor=1e-6).endswith("+1.0e−08.")
    assert told.twin_sentence(0.1, None, floor=1e-6) == told.twin_sentence(None, 0.1, floor=1e-6) == ""


@pytest.mark.parametrize(
    ("low", "high", "part"),
    [(0.6, 0.8, "meaning outweighs order"), (0.2, 0.4, "order outweighs meaning"), (0.4, 0.6, "neither")],
)
def test_order_against_meaning_takes_an_interval_off_one_half(low, high, part) -> None:
    assert part in told.order_sentence(Interval((low + high) / 2, low, high, 30))
    assert told.order_sentence(None) == ""


def test_swap_accuracy_has_its_own_level_beside_it() -> None:
    assert "all alike 33 %" in told.accuracy_sentence(Interval(0.28, 0.2, 0.36, 100), 1 / 3)
    assert "alike" not in told.accuracy_sentence(Interval(0.28, 0.2, 0.36, 100), None)


def test_robustness_claims_nothing_about_binding() -> None:
    assert "not whether the model binds" in told.robust_sentence(Interval(0.9, 0.7, 1.0, 12))
    assert told.robust_sentence(None) == ""
