import csv
import io

import pytest

from bindscope.core.errors import InvalidInput
from bindscope.features.verdicts.findings import signed
from bindscope.features.verdicts.schemas import CaptionScore
from bindscope.scenes.captions import Captioner
from bindscope.scenes.scene import MAX_OBJECTS
from bindscope.scenes.wire import to_scene
from bindscope_dashboard import help, launch, theme
from bindscope_dashboard.components.scene_editor import editor_data
from bindscope_dashboard.shared import cards, editing, exports, tables, wording
from bindscope_dashboard.shared.html import joined, tag

_EVIL = "<img src=x onerror=alert(1)>\"'&"


def test_every_text_in_markup_is_escaped():
    made = tag("p", _EVIL, title=_EVIL)
    assert "<img" not in made
    assert made.count("&lt;img") == 2
    assert joined("a<b", made).startswith("a&lt;b<p")


def test_a_caption_of_a_user_is_never_markup(verdict):
    hostile = verdict.model_copy(
        update={
            "answer": _EVIL,
            "anchor": "text",
            "anchor_text": _EVIL,
            "contest": verdict.contest.model_copy(
                update={"captions": [CaptionScore(text=_EVIL, kind="true", score=0.1)]}
            ),
        }
    )
    for made in (
        cards.verdict_card(hostile, png=None, pixels=None),
        cards.verdict_card(hostile, png=None, pixels=None, hidden=True),
        tables.verdict_tables(hostile),
        cards.model_heading(_EVIL),
    ):
        assert "<img" not in made


def test_the_card_says_the_diagnosis_in_words_and_not_only_in_colour(verdict):
    made = cards.verdict_card(verdict, png=b"png", pixels=64)
    assert "Bag of concepts" in made
    assert verdict.answer in made
    assert "64 × 64 pixels" in made
    assert "image-rendering" in theme.css(dark=False)


def test_the_hidden_card_tells_nothing_of_the_verdict(verdict):
    made = cards.verdict_card(verdict, png=b"png", pixels=64, hidden=True)
    assert verdict.answer not in made
    assert "Bag" not in made
    assert "0.30" not in made


def test_a_text_only_card_says_what_is_compared(verdict):
    text = verdict.model_copy(update={"anchor": "text", "anchor_text": "a red square and a blue circle"})
    assert "captions are compared with “a red square and a blue circle”" in cards.verdict_card(
        text, png=None, pixels=None
    )


def test_a_present_value_below_an_absent_one_is_marked_as_lost(verdict):
    made = cards.concept_chips(verdict)
    assert made.index("red") < made.index("green")
    assert "bs-chip intruder" in made
    assert made.count("✗") >= 2


def test_objects_in_the_scene_are_always_listed(verdict):
    made = cards.object_list(verdict)
    assert "blue circle ✓" in made.replace("</span>", "")
    assert made.count("<li") == 4


def test_the_csv_holds_every_score(verdict, batch):
    rows = list(csv.DictReader(io.StringIO(exports.verdict_csv(verdict))))
    assert len(rows) == len(verdict.contest.captions) + len(verdict.concepts.scores) + len(verdict.objects.scores)
    assert rows[0] == {
        "kind": "true_caption", "name": "a red square and a blue circle", "in_scene": "True", "cosine": "0.301"
    }  # fmt: skip
    survey = list(csv.DictReader(io.StringIO(exports.survey_csv(batch))))
    assert [row["figure"] for row in survey[:5]] == [
        "binding", "robust", "swap_accuracy", "undecided", "recognition:color"
    ]  # fmt: skip
    assert len(survey) == 4 + len(batch.recognition) + 2 * len(batch.atlas)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_has_enough_contrast_in_both_modes(mode):
    colors = theme.ink(dark=mode == "dark")
    for ground in (colors.ground, colors.panel):
        for name in ("text", "muted", "link", "true", "binds", "bag", "blind", "undecided"):
            assert _contrast(getattr(colors, name), ground) >= 4.5, (name, ground)
    assert _contrast("#ffffff", colors.primary) >= 4.5
    assert _contrast(colors.swap, colors.ground) >= 3


def _contrast(one: str, other: str) -> float:
    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_help_shows_two_scenes_and_every_word():
    panel = help.panel()
    assert panel.count("data:image/svg+xml") == 2
    for word in ("Concept", "Object", "Scene", "Swap", "Margin", "Noise floor", "Bag of concepts"):
        assert f"<dt>{word}</dt>" in panel


def test_numbers_are_written_for_people():
    assert signed(-0.0031) == "−0.0031"
    assert signed(2e-7) == "+2.0e−07"
    assert signed(0.0) == "0"
    assert wording.percent(None) == "–"
    assert wording.runs_on("cuda:0", "float16") == "CUDA 0, float16"


def test_the_editor_gets_the_colours_and_shapes_of_the_space(scene, space):
    data = editor_data(scene, space, revision=3)
    assert [c["name"] for c in data["colors"]] == list(space.concept("color").values)
    assert all(s["path"].startswith("M") for s in data["shapes"])
    assert data["limits"] == {"minSize": 0.08, "maxSize": 0.6, "maxObjects": 6}


def test_a_message_of_the_editor_becomes_a_scene(scene, space):
    objects = [o.model_dump() for o in scene.objects]
    assert editing.from_edit({"objects": objects}, space) == scene


@pytest.mark.parametrize("objects", [None, [], [{"values": {"color": "red"}}], [{"values": {}, "x": "left"}]])
def test_a_wrong_message_of_the_editor_is_explained(objects, space):
    with pytest.raises(InvalidInput):
        editing.from_edit({"objects": objects}, space)


def test_a_random_scene_is_the_same_for_the_same_seed(space):
    assert editing.random_scene(space, objects=3, seed=5) == editing.random_scene(space, objects=3, seed=5)
    assert editing.random_scene(space, objects=3, seed=5) != editing.random_scene(space, objects=3, seed=6)


def test_adding_and_removing_objects_keeps_a_valid_scene(space, scene):
    grown = scene
    while len(grown.objects) < MAX_OBJECTS:
        grown = editing.with_another(grown, space)
        to_scene(grown, space)
    with pytest.raises(InvalidInput):
        editing.with_another(grown, space)
    assert len(editing.without(grown, 0, space).objects) == MAX_OBJECTS - 1


def test_mentioning_an_object_earlier_changes_the_caption(space, scene):
    earlier = editing.mentioned_earlier(scene, 1)
    objects = [space.index(o.values) for o in earlier.objects]
    assert Captioner().caption(space, objects) == "a blue circle and a red square"


def test_the_dashboard_listens_on_this_machine_and_sends_nothing_home():
    command = launch.command()
    assert "--server.address=127.0.0.1" in command
    assert "--browser.gatherUsageStats=false" in command
    assert "--client.showErrorDetails=none" in command
    assert any(part.startswith("--theme.dark.primaryColor=") for part in command)


def test_streamlit_finds_no_pages_of_its_own_beside_the_script():
    # The first reader of a fresh dashboard would be told that a page of a link does not exist.
    assert launch.APP.is_file()
    assert not launch.APP.with_name("pages").exists()
