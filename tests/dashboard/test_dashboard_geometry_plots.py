import plotly.graph_objects as go
import pytest

from bindscope.core.wire import Binding, Control, Interval, StrictChance
from bindscope.features.decompositions.schemas import ObjectShare, SceneShareResponse
from bindscope.features.interventions.schemas import EditResponse, InterventionResponse, MeanCosine, ScoreChange
from bindscope.features.probes.schemas import ProbeResponse, ValueRecognition
from bindscope.features.removals.schemas import RemovalResponse
from bindscope_dashboard.pages.decompositions.figures import (
    Fit,
    number,
    parts_of,
    r2_figure,
    r2_text,
    shares_figure,
    shares_text,
)
from bindscope_dashboard.pages.interventions.figures import (
    changed_concepts,
    changes_figure,
    changes_text,
    listed_objects,
)
from bindscope_dashboard.pages.interventions.totals import removal_table
from bindscope_dashboard.pages.probes.figures import split_figure, split_text, values_figure, values_text
from bindscope_dashboard.shared import exports

MODES = pytest.mark.parametrize("dark", [False, True])


def interval(value: float | None) -> Interval:
    if value is None:
        return Interval(value=None, low=None, high=None, n=0)
    return Interval(value=value, low=max(0.0, value - 0.1), high=min(1.0, value + 0.1), n=100)


def recognition(**values: float | None) -> dict[str, Interval]:
    return {name: interval(value) for name, value in values.items()}


def bars(figure: go.Figure) -> list[go.Bar]:
    return [trace for trace in figure.data if trace.type == "bar"]


BINDING = Binding(
    forced_choice=interval(0.6),
    undecided=interval(0.1),
    says="weak",
    control=Control(forced_choice=interval(0.55), difference=interval(0.05)),
)
LEVELS = StrictChance(unconditional=0.01, given_bag=1 / 6, ceiling_bag=0.5)


@pytest.fixture
def probe(provenance) -> ProbeResponse:
    return ProbeResponse(
        seconds=0.5,
        provenance=provenance,
        binding=BINDING,
        object_chance=LEVELS,
        edges=[],
        splits=5,
        train=recognition(color=1.0, object=0.9, object_on_valid_swaps=0.8),
        test=recognition(color=0.9, object=0.5, object_on_valid_swaps=None),
        chance=recognition(color=0.05, object=0.01, object_on_valid_swaps=0.5),
        per_value={"color": [ValueRecognition(value="red", train=interval(1.0), test=interval(0.7))]},
        strength={"color": 1e-4, "object": None},
        train_scenes=40,
        test_scenes=60,
    )


@pytest.fixture
def shares(provenance) -> SceneShareResponse:
    objects = [
        ObjectShare(values={"color": "red", "shape": "square"}, share=0.5, concepts={"color": 0.6, "shape": -0.1}),
        ObjectShare(values={"color": "blue", "shape": "circle"}, share=0.3, concepts={"color": 0.1, "shape": 0.2}),
    ]
    return SceneShareResponse(objects=objects, residual=0.2, seconds=0.1, provenance=provenance)


@pytest.fixture
def edit(provenance, scene) -> EditResponse:
    def change(name: str, before: float, after: float, present: bool, was: bool) -> ScoreChange:
        return ScoreChange(name=name, before=before, after=after, present=present, was_present=was)

    return EditResponse(
        seconds=0.1,
        provenance=provenance,
        right=True,
        nearest=[],
        rendered_cosine=0.9,
        source_cosine=0.5,
        concepts={"color": [change("red", 3, -1, False, True), change("green", -1, 3, True, False),
                            change("pink", 0, 0, False, False)]},
        objects=[change("pink star", 1, 2, False, False), change("green square", -1, 1, True, False)],
        edited=scene,
    )  # fmt: skip


@MODES
def test_held_out_bars_have_training_and_chance_beside_them(probe, dark):
    figure = split_figure(probe, dark=dark)
    assert [bar.x[0] for bar in bars(figure)] == [0.9, 0.5]
    marks = [(trace.marker.symbol, trace.x[0]) for trace in figure.data if trace.type == "scatter"]
    assert marks == [("circle-open", 1.0), ("line-ns", 0.05), ("circle-open", 0.9), ("line-ns", 0.01)]
    assert "color 90 % (80 to 100 %, n = 100), training 100 %, chance 5 %" in split_text(probe)
    assert "objects, where a swap exists no such scene" in split_text(probe)
    shown = probe.model_copy(update={"test": recognition(object_on_valid_swaps=0.6)})
    levels = [trace.x[0] for trace in split_figure(shown, dark=dark).data if trace.type == "scatter"]
    assert levels == [0.8, 1 / 6, 0.5]
    assert "knowing the values 17 %, at most without binding 50 %" in split_text(shown)


@MODES
def test_every_value_has_its_bar(probe, dark):
    figure = values_figure(probe.per_value["color"], dark=dark)
    assert [bar.x[0] for bar in bars(figure)] == [0.7]
    assert list(figure.layout.yaxis.ticktext) == ["red"]
    assert "red 70 %" in values_text(probe.per_value["color"], "color")


FITS = [Fit("avg", 1, 0.9, 0.95, 0.8), Fit("avg", 2, -3.0, 0.2, None), Fit("lstsq", 1, None, None, 0.7)]


@MODES
def test_levels_differ_by_pattern_and_the_random_twin_is_a_diamond(dark):
    figure = r2_figure(FITS, dark=dark)
    assert [bar.marker.pattern.shape for bar in bars(figure)] == ["", "/"]
    assert [trace.x[0] for trace in figure.data if trace.type == "scatter"] == [0.8, 0.7]
    assert go.Figure(figure.to_dict())


def test_an_r2_far_below_zero_is_cut_in_the_figure_and_not_in_its_number():
    figure = r2_figure(FITS)
    assert min(bar.x[0] for bar in bars(figure)) == -0.5
    assert "−3.000" in {annotation.text for annotation in figure.layout.annotations}
    assert "averages, concepts: −3.000" in r2_text(FITS)
    assert "averages, objects: 0.900 (random weights 0.800)" in r2_text(FITS)
    assert number(None) == "–"


@MODES
def test_the_shares_of_a_scene_stack_to_one_with_negative_ones_left_of_zero(shares, dark):
    figure = shares_figure(shares, dark=dark)
    assert [bar.x[0] for bar in bars(figure)] == [0.6, -0.1, 0.1, 0.2, 0.2]
    assert sum(part.share for part in parts_of(shares)) == pytest.approx(1)
    assert figure.layout.barmode == "relative"
    assert figure.layout.xaxis.range[0] < -0.1
    assert "square −10 %; blue 10 %" in shares_text(shares)


def test_objects_that_are_not_split_have_one_part_each(shares):
    whole = [o.model_copy(update={"concepts": None}) for o in shares.objects]
    parts = parts_of(shares.model_copy(update={"objects": whole}))
    assert [part.label for part in parts] == ["red square", "blue circle", "residual"]


@MODES
def test_changes_run_from_a_circle_to_a_diamond(edit, dark):
    shown = changed_concepts(edit)
    assert [change.name for change in shown] == ["red", "green"]
    figure = changes_figure(shown, dark=dark)
    assert [tuple(trace.x) for trace in figure.data] == [(3, -1), (-1, 3)]
    assert list(figure.layout.yaxis.ticktext) == ["red (taken out)", "green (put in)"]
    assert [change.name for change in listed_objects(edit)] == ["green square", "pink star"]
    assert "green (put in) from -1.00 to 3.00" in changes_text(shown, "concept values")


def test_the_removal_table_ends_with_chance(provenance):
    heads = recognition(color=0.9, object=0.5)
    result = RemovalResponse(
        variants={"original": heads, "minus_objects": recognition(color=0.1, object=None)},
        bindings={"original": BINDING, "minus_objects": BINDING},
        object_chance=LEVELS,
        ranks={"concepts": 4, "objects": 6},
        splits=5,
        chance=recognition(color=0.05, object=0.01),
        train_scenes=40,
        test_scenes=60,
        seconds=1,
        provenance=provenance,
    )
    written = removal_table(result)
    assert written.index("as they are") < written.index("objects taken out") < written.index("chance")
    assert "no such scene" in written
    assert "60 % (55 %)" in written
    assert exports.removal_csv(result).splitlines()[-1] == "chance,object,0.01,0.0,0.11,100"


def test_downloads_hold_every_share(probe, provenance):
    lines = exports.probe_csv({"image": probe}).splitlines()
    assert len(lines) == 1 + 4 + 9 + 2
    assert lines[1].startswith("image,test,binding,,0.6,0.5,0.7,100")
    assert "image,test,object_on_valid_swaps,,,,,0" in lines
    assert exports.decomposition_csv(FITS).splitlines()[1] == "avg,1,0.95,0.9,0.8"
    result = InterventionResponse(
        edits=10,
        unsupported=0,
        concept="color",
        retrieval=interval(0.5),
        retrieval_published=interval(0.6),
        stayed=interval(0.1),
        binding=BINDING,
        object_chance=LEVELS,
        splits=5,
        probing=recognition(color=0.9),
        rendered_cosine=MeanCosine(mean=0.9, low=0.8, high=0.95, n=10),
        seconds=1,
        provenance=provenance,
    )
    assert exports.interventions_csv(result).splitlines()[-1] == "probing:color,0.9,0.8,1.0,100"
