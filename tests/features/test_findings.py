import re

import pytest

from bindscope.analysis.binding import Binding, Control, Twin, Unpaired
from bindscope.analysis.metrics import Interval
from bindscope.core.binding_rules import says
from bindscope.core.sentences.words import percent, too_few, with_interval
from bindscope.features.probes.findings import binding_finding, origin_sentence, probe_note, tower_sentence

NO_TIES = Interval(0.0, 0.0, 0.1, 50)
GAP = Unpaired(Interval(0.9, 0.85, 0.95, 60), Interval(0.7, 0.66, 0.74, 60), Interval(0.2, 0.15, 0.25, 60))


def scored(value, low, high, n=50, **beside):
    return Binding(Interval(value, low, high, n), NO_TIES, says(low, high, n), **beside)


PRESENT = scored(0.95, 0.9, 0.98)
WEAK = scored(0.58, 0.55, 0.61)
NOT_FOUND = scored(0.5, 0.45, 0.55)
BELOW = scored(0.4, 0.35, 0.45)
WIDE = scored(0.55, 0.4, 0.7, 12)
FEW = scored(1.0, 0.6, 1.0, 6)
NONE = Binding(None, Interval(None, None, None, 0), "too few")
HABITS_EXCEEDED = Binding(None, NO_TIES, "weak", GAP)
HABITS_NOT_EXCEEDED = Binding(None, NO_TIES, "too few", GAP)
AT_EDGE = Binding(Interval(0.5, 0.48, 0.52, 200), NO_TIES, "too few")
AS_ITS_CONTROL = Binding(
    Interval(0.9, 0.86, 0.93, 80),
    NO_TIES,
    "too few",
    control=Control(Interval(0.85, 0.8, 0.9, 80), Interval(0.05, -0.02, 0.12, 80)),
)
ALL = {name: value for name, value in dict(globals()).items() if isinstance(value, Binding)}
NOTHING_SAID = [name for name, binding in ALL.items() if binding.says == "too few"]


def texts(binding):
    yield probe_note(binding)
    for name in ("image", "text", "upload"):
        yield tower_sentence(name, binding)
        for contest in (None, *ALL.values()):
            found = binding_finding({name: binding}, contest)
            yield from (found.title, found.sentence)


@pytest.mark.parametrize("name", ALL)
def test_no_text_says_absent_or_compares_with_a_level_that_is_not_its_chance(name) -> None:
    for text in texts(ALL[name]):
        assert not re.search(r"absent|no better than chance|not there|does not bind|None|nan", text, re.I), text
        assert "  " not in text
        assert ".." not in text


@pytest.mark.parametrize("image", ALL)
@pytest.mark.parametrize("text", ALL)
def test_two_towers_and_a_contest_always_have_a_title_and_whole_sentences(image, text) -> None:
    for contest in (None, *ALL.values()):
        found = binding_finding({"image": ALL[image], "text": ALL[text]}, contest)
        assert found.title
        assert found.sentence.endswith(".")
        assert not re.search(r"absent|no better than chance", found.title + found.sentence)
        assert tower_sentence("image", ALL[image]) in found.sentence
        assert "There" not in found.title or image == text == "PRESENT"


@pytest.mark.parametrize("name", NOTHING_SAID)
def test_what_cannot_be_told_is_neither_found_nor_missed(name) -> None:
    for text in (tower_sentence("text", ALL[name]), binding_finding({"text": ALL[name]}, None).title):
        assert not re.search(r"reads|does not find|not found|trace|There", text), text
    assert binding_finding({"text": ALL[name]}, None).tone == "undecided"
    title = binding_finding({"image": PRESENT, "text": ALL[name]}, None).title
    assert title == "In the image tower, and not to be told of the text tower"


def test_the_reason_why_nothing_is_said_is_the_true_one() -> None:
    assert too_few(FEW).startswith("only 6 sets of values")
    assert too_few(NONE).startswith("only 0 sets of values")
    assert too_few(WIDE) == "the interval is too wide to say either"
    assert "end of its grid" in too_few(AT_EDGE)
    assert "85 % (80 to 90 %, n = 80 bags)" in too_few(AS_ITS_CONTROL)
    assert probe_note(FEW) == probe_note(WIDE) == "too few scenes to say"
    assert probe_note(AT_EDGE) == probe_note(AS_ITS_CONTROL) == "no clear answer"
    assert binding_finding({"text": AT_EDGE}, None).title == "No clear answer"


def test_each_word_has_its_sentence_about_a_tower() -> None:
    figure = "95 % (90 to 98 %, n = 50 bags); chance 50 %"
    assert tower_sentence("text", PRESENT).startswith("A linear probe reads from the text tower's vectors which value")
    assert figure in tower_sentence("text", PRESENT)
    assert "a trace of the binding" in tower_sentence("image", WEAK)
    assert "does not find the binding in these vectors" in tower_sentence("upload", NOT_FOUND)
    assert "Other readers might" in tower_sentence("upload", NOT_FOUND)
    assert tower_sentence("image", WIDE).startswith(
        "Nothing can be said of the image tower's vectors: 55 % (40 to 70 %"
    )
    assert "no scene was scored together with its swap" in tower_sentence("image", NONE)


def test_below_chance_is_a_fault_of_a_probe_and_a_preference_of_a_contest() -> None:
    alone = binding_finding({"text": BELOW}, None)
    assert "a fault of the procedure" in alone.sentence
    assert (alone.title, alone.tone) == ("Something is wrong with this probe", "undecided")
    contest = binding_finding({"image": PRESENT, "text": PRESENT}, BELOW)
    assert "prefers the swapped one: 40 % (35 to 45 %" in contest.sentence
    assert "fault" not in contest.sentence
    assert contest.title == "There, but not shared"


def test_without_pairs_both_figures_are_named_and_at_most_a_trace_is_claimed() -> None:
    for binding in (HABITS_EXCEEDED, HABITS_NOT_EXCEEDED):
        sentence = tower_sentence("upload", binding)
        assert "unpaired 90 % (85 to 95 %, n = 60 bags)" in sentence
        assert "habits alone reach is 70 %" in sentence
        assert "chance 50 %" not in sentence
    assert "more than the labels' habits explain" in tower_sentence("upload", HABITS_EXCEEDED)
    assert tower_sentence("upload", HABITS_NOT_EXCEEDED).startswith("Nothing can be said")
    assert probe_note(HABITS_EXCEEDED) == "beyond what the labels' habits explain"


@pytest.mark.parametrize(
    ("contest", "title", "phrase"),
    [
        (PRESENT, "There, and shared", "uses it"),
        (WEAK, "There, and shared in part", "uses a part of it"),
        (NOT_FOUND, "There, but not shared", "does not use it"),
        (BELOW, "There, but not shared", "prefers the swapped one"),
        (WIDE, "The information is there", "cannot be said"),
        (None, "The information is there", ""),
        (NONE, "The information is there", ""),
    ],
)
def test_where_both_towers_hold_it_the_contest_decides_what_is_made_of_it(contest, title, phrase) -> None:
    found = binding_finding({"image": PRESENT, "text": PRESENT}, contest)
    assert found.title == title
    assert phrase in found.sentence


@pytest.mark.parametrize(
    ("image", "text", "title"),
    [
        (PRESENT, NOT_FOUND, "Found in the image tower only"),
        (NOT_FOUND, PRESENT, "Found in the text tower only"),
        (PRESENT, WEAK, "In the image tower, and little in the text tower"),
        (NOT_FOUND, NOT_FOUND, "Not found by a linear probe"),
        (WEAK, WEAK, "No clear answer"),
        (WEAK, WIDE, "No clear answer"),
        (PRESENT, BELOW, "Something is wrong with this probe"),
    ],
)
def test_two_towers_are_named_by_what_each_holds(image, text, title) -> None:
    assert binding_finding({"image": image, "text": text}, None).title == title


@pytest.mark.parametrize(
    ("contest", "title"),
    [(None, "The information is there"), (PRESENT, "The information is there"), (BELOW, "There, but not used")],
)
def test_a_text_only_model_is_asked_whether_its_own_cosine_uses_it(contest, title) -> None:
    found = binding_finding({"text": PRESENT}, contest)
    assert found.title == title
    assert contest is None or "the vectors' own cosine" in found.sentence


@pytest.mark.parametrize(
    ("origin", "phrase"),
    [
        ("more than random weights", "Training put it there"),
        ("less than random weights", "Training took some of it away"),
        ("already in the input representation", "training did not remove it"),
        ("not separable from random weights", "is not shown"),
    ],
)
def test_the_twin_is_named_with_its_figure_its_difference_and_its_initialisations(origin, phrase) -> None:
    twin = Twin(Interval(0.8, 0.75, 0.85, 40), Interval(0.15, 0.1, 0.2, 40), origin, 3, 0.1)
    sentence = origin_sentence(scored(0.95, 0.9, 0.98, twin=twin))
    assert phrase in sentence
    assert "random weights reach 80 % (75 to 85 %, n = 40 bags)" in sentence
    assert "+15 points (+10 to +20)" in sentence
    assert "both with 10 % of the scenes for training over 3 initialisations." in sentence
    assert origin_sentence(PRESENT) == ""


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "–"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.544, "54 %"),
        (0.997, "99.7 %"),
        (0.003, "0.3 %"),
        (0.9999, "> 99.9 %"),
        (0.00001, "< 0.1 %"),
    ],
)
def test_a_share_is_never_rounded_to_a_certainty(share, text) -> None:
    assert percent(share) == text


def test_an_interval_names_its_unit_and_nothing_is_made_of_no_number() -> None:
    assert with_interval(Interval(0.5, 0.4, 0.6, 12), "bags") == "50 % (40 to 60 %, n = 12 bags)"
    assert with_interval(Interval(0.5, 0.4, 0.6, 12)) == "50 % (40 to 60 %, n = 12)"
    assert with_interval(Interval(None, None, None, 0)) == "no such scene"
