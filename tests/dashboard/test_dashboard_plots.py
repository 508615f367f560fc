import plotly.graph_objects as go
import pytest

from bindscope.features.verdicts.schemas import CaptionScore, Contest
from bindscope_dashboard.pages.surveys.figures import atlas_figure, atlas_text, cells_of
from bindscope_dashboard.pages.verdicts.figures import SHOWN, contest_figure, contest_text, shown_captions
from bindscope_dashboard.shared.recognition import (
    choice_figure,
    choice_text,
    recognition_figure,
    recognition_text,
)

MODES = pytest.mark.parametrize("dark", [False, True])


def _bars(figure):
    return [trace for trace in figure.data if trace.type == "bar"]


@MODES
def test_the_contest_has_a_bar_for_each_caption_the_winner_on_top(verdict, dark):
    bars = _bars(contest_figure(verdict.contest, dark=dark))
    assert [bar.x[0] for bar in bars] == [0.304, 0.301, 0.295]
    heights = [bar.y[0] for bar in bars]
    assert heights == sorted(heights, reverse=True)


@MODES
def test_the_contest_is_a_figure_that_plotly_accepts(verdict, dark):
    figure = contest_figure(verdict.contest, dark=dark)
    checked = go.Figure(figure.to_dict())
    assert checked.to_plotly_json()["data"] == figure.to_plotly_json()["data"]


def test_true_and_swapped_captions_differ_by_pattern_too(verdict):
    patterns = {bar.marker.pattern.shape for bar in _bars(contest_figure(verdict.contest))}
    assert patterns == {"", "/"}


@MODES
def test_the_margin_and_the_noise_floor_are_drawn(verdict, dark):
    figure = contest_figure(verdict.contest, dark=dark)
    marker = next(trace for trace in figure.data if trace.type == "scatter")
    assert marker.x[0] == verdict.contest.margin
    spans = {(shape.x0, shape.x1) for shape in figure.layout.shapes}
    assert (-verdict.contest.noise_floor, verdict.contest.noise_floor) in spans


def test_without_a_valid_swap_there_is_no_margin_strip(verdict):
    contest = Contest(outcome="no_valid_swap", margin=None, noise_floor=0.0, captions=verdict.contest.captions[:1])
    figure = contest_figure(contest)
    assert not [trace for trace in figure.data if trace.type == "scatter"]
    assert "nothing to exchange" in contest_text(contest, anchor="image")


def test_a_long_contest_shows_the_best_of_each_kind_only():
    captions = [
        CaptionScore(text=f"caption {i} {k}", kind=k, score=i / 100) for i in range(40) for k in ("true", "swap")
    ]
    contest = Contest(outcome="undecided", margin=0.0, noise_floor=1e-6, captions=captions)
    shown = shown_captions(contest)
    assert len(shown) == 2 * SHOWN
    assert {c.kind for c in shown} == {"true", "swap"}
    assert contest_figure(contest).layout.height < 500


def test_a_caption_with_markup_is_shown_as_text():
    captions = [CaptionScore(text="<b>x</b> & y", kind="true", score=0.5)]
    figure = contest_figure(Contest(outcome="no_valid_swap", margin=None, noise_floor=0.0, captions=captions))
    assert "&lt;b&gt;x" in figure.layout.annotations[0].text


def test_the_words_of_the_contest_name_the_winner(verdict):
    text = contest_text(verdict.contest, anchor="image")
    assert text.startswith("A swapped caption is nearer to the picture (margin −0.0030)")


@MODES
def test_recognition_has_a_bar_with_its_interval_and_a_tick_for_chance(batch, dark):
    figure = recognition_figure(batch.recognition, batch.chance, dark=dark)
    bars = _bars(figure)
    assert [bar.x[0] for bar in bars] == [0.9, 0.8, 0.75, 0.2]
    assert bars[0].error_x.array[0] == pytest.approx(0.1)
    assert len(figure.data) - len(bars) == len(batch.chance)
    assert "all concepts at once 75 %" in recognition_text(batch.recognition, batch.chance)


@MODES
def test_objects_have_the_levels_of_known_values_beside_them(batch, dark):
    levels = batch.object_chance
    recognition = {**batch.recognition, "object_on_valid_swaps": batch.recognition["object"]}
    figure = recognition_figure(recognition, batch.chance, object_chance=levels, dark=dark)
    ticks = [trace.x[0] for trace in figure.data if trace.type == "scatter"]
    assert ticks[-2:] == [levels.given_bag, levels.ceiling_bag]
    text = recognition_text(recognition, batch.chance, object_chance=levels)
    assert "values known 17 %, most frequent pairing 50 %" in text


@MODES
def test_forced_choices_are_shown_against_one_half(batch, dark):
    shares = {"its own caption": batch.binding.forced_choice}
    figure = choice_figure(shares, dark=dark)
    assert {shape.x0 for shape in figure.layout.shapes} == {0.5}
    assert choice_text(shares) == "its own caption 54 % (44 to 64 %, n = 84); chance 50 %."


def test_a_survey_without_a_single_swap_still_has_figures(batch):
    empty = batch.undecided.model_copy(update={"value": None, "low": None, "high": None, "n": 0})
    assert not _bars(choice_figure({"its own caption": empty}))
    assert not recognition_figure({"object": empty}, {}).data


@MODES
def test_the_atlas_is_directed_and_each_cell_can_be_clicked(batch, space, dark):
    cells = cells_of(batch.atlas, "color")
    figure = atlas_figure(cells, space.concept("color"), dark=dark)
    heat, points = figure.data
    index = space.concept("color").index
    assert heat.z[index["blue"]][index["green"]] == 0.7
    assert heat.z[index["green"]][index["blue"]] is None
    assert sorted(points.customdata) == [0, 1]
    clicked = {(x, y): n for x, y, n in zip(points.x, points.y, points.customdata, strict=True)}
    assert cells[clicked[index["red"], index["blue"]]].other == "red"


@MODES
def test_a_cell_that_cannot_be_told_from_the_mean_is_grey(batch, space, dark):
    cells = cells_of(batch.atlas, "color")
    heat, points = atlas_figure(cells, space.concept("color"), dark=dark).data
    index = space.concept("color").index
    assert heat.z[index["blue"]][index["red"]] is None
    veils = dict(zip(points.customdata, points.marker.color, strict=True))
    assert [veils[number].endswith(",0)") for number in range(2)] == [cells[0].shown, cells[1].shown] == [True, False]


def test_the_atlas_lists_the_worst_cell_that_differs_from_the_mean_first(batch):
    cells = cells_of(batch.atlas, "color")
    assert [c.other for c in cells] == ["green", "red"]
    assert "the worst first: blue taken for green 70 %, n = 10." in atlas_text(cells, "color")
    assert "No pair of values differs" in atlas_text(cells[1:], "color")
    assert "no scene exchanges" in atlas_text([], "color")
