from itertools import product

import plotly.graph_objects as go
import pytest

from bindscope.core.binding_rules import says
from bindscope.core.wire import Binding, Interval
from bindscope.features.complexity.findings import kind_name
from bindscope.features.complexity.schemas import ComplexityCellResult, ComplexityPoint, Recovery
from bindscope.features.jobs.schemas import CellFailure, LiveCell
from bindscope.features.trainings.schemas import PhaseCell, PhasePoint, PhaseProducts, ProductFit
from bindscope_dashboard.pages.complexity.figures import (
    FLOOR,
    ceiling,
    chance,
    curve,
    curves_figure,
    curves_text,
    value_range,
)
from bindscope_dashboard.pages.complexity.findings import fits_table, recoveries
from bindscope_dashboard.pages.phase_diagrams.figures import (
    phase_figure,
    phase_text,
    square_text,
    square_title,
    squares_of,
)
from bindscope_dashboard.pages.phase_diagrams.product import product_figure, product_text
from bindscope_dashboard.pages.trainings.figures import (
    loss_figure,
    loss_text,
    recognition_history_figure,
    recognition_history_text,
    series,
)
from bindscope_dashboard.shared import exports

MODES = pytest.mark.parametrize("dark", [False, True])


def interval(value: float | None) -> Interval:
    if value is None:
        return Interval(value=None, low=None, high=None, n=0)
    return Interval(value=value, low=max(0.0, value - 0.1), high=min(1.0, value + 0.1), n=100)


def heads(objects: float | None, concepts: float | None = 0.9) -> dict[str, Interval]:
    return {"object": interval(objects), "concepts": interval(concepts)}


def binding(value: float | None, n: int = 40) -> Binding:
    if value is None:
        return Binding(forced_choice=None, undecided=interval(None), says="too few")
    low, high = max(0.0, value - 0.05), min(1.0, value + 0.05)
    found = Interval(value=value, low=low, high=high, n=n)
    return Binding(forced_choice=found, undecided=interval(0.0), says=says(low, high, n))


def fit(
    kind: str, coverage: float, seed: int = 0, *, r2: float | None, objects: float | None = 0.5, top: float = 0.95
) -> ComplexityCellResult:
    return ComplexityCellResult(
        kind=kind, coverage=coverage, seed=seed, train_scenes=40, test_scenes=60, train_r2=0.9, test_r2=r2,
        r2_ceiling=0.9, train=heads(1.0), test=heads(objects), ceiling=heads(top), chance=heads(0.04, 0.2), seconds=0.1,
        binding=binding(objects), ceiling_binding=binding(top),
        recovery=Recovery(rank=6, noise=0.05, sum_share=0.6, test_r2=0.9, sum_r2=0.5) if "product" in kind else None,
    )  # fmt: skip


def world(**r2: float) -> list[ComplexityCellResult]:
    return [
        fit(kind.replace("__", ":"), coverage, seed, r2=value + 0.02 * seed, objects=max(0.0, value - 0.1))
        for (kind, value), coverage, seed in product(r2.items(), (0.4, 0.6), (0, 1, 2))
    ]


PRODUCT = world(additive=0.31, global_product=0.81, mlp__256=0.5)


def lines(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.name: trace for trace in figure.data if trace.mode == "lines+markers"}


@MODES
def test_every_family_is_a_line_that_differs_by_dash_or_symbol(dark):
    figure = curves_figure(PRODUCT, "r2", dark=dark)
    drawn = lines(figure)
    assert list(drawn) == ["sum", "global product", "MLP, 256 wide"]
    assert len({(trace.line.dash, trace.marker.symbol) for trace in drawn.values()}) == 3
    assert list(drawn["global product"].y) == pytest.approx([0.83, 0.83])
    assert {note.text for note in figure.layout.annotations} == {"ceiling", "mean"}
    assert figure.layout.showlegend
    assert go.Figure(figure.to_dict())


def test_the_band_goes_from_the_lowest_to_the_highest_seed():
    points = curve(PRODUCT, "additive", "r2")
    assert [(p.coverage, p.seeds) for p in points] == [(0.4, 3), (0.6, 3)]
    assert (points[0].low, points[0].value, points[0].high) == pytest.approx((0.31, 0.33, 0.35))
    bands = [trace for trace in curves_figure(PRODUCT, "r2").data if trace.fill == "toself"]
    assert len(bands) == 3
    assert sorted(bands[0].y) == pytest.approx([0.31, 0.31, 0.35, 0.35])
    one = curves_figure([fit("additive", 0.4, r2=0.3)], "r2")
    assert not [trace for trace in one.data if trace.fill == "toself"]


def test_recognition_has_the_true_embeddings_as_its_ceiling_and_chance_below():
    assert dict(ceiling(PRODUCT, "object")) == pytest.approx({0.4: 0.95, 0.6: 0.95})
    assert dict(chance(PRODUCT, "object")) == pytest.approx({0.4: 0.04, 0.6: 0.04})
    assert chance(PRODUCT, "r2") == [(0.4, 0.0), (0.6, 0.0)]
    figure = curves_figure(PRODUCT, "object")
    assert {note.text for note in figure.layout.annotations} == {"ceiling", "chance"}


def test_two_sources_share_their_axes_and_an_r2_far_below_zero_is_cut_only_in_the_figure():
    bad = [fit("global_product", 0.2, r2=-28.0)]
    low, high = value_range([PRODUCT, bad], "r2")
    assert (low, high) == pytest.approx((FLOOR - 0.04, 1.05))
    figure = curves_figure(bad, "r2", values=(low, high), coverages=(0.2, 0.6))
    assert list(lines(figure)["global product"].y) == [FLOOR]
    assert tuple(figure.layout.yaxis.range) == (low, high)
    assert list(figure.layout.xaxis.tickvals) == [0.2, 0.6]
    assert "−28.00 at 0.2" in curves_text(bad, "r2", source="a model")
    assert "−28.00" in fits_table(bad, label="Fits")


def test_a_fit_without_a_score_draws_nothing_and_says_so():
    cells = [fit("additive", 0.9, r2=None, objects=None)]
    assert not lines(curves_figure(cells, "r2"))
    assert "sum no test scene" in curves_text(cells, "object", source="a model")
    assert "no fit is finished yet" in curves_text([], "r2", source="a model")


def test_families_are_said_in_words():
    assert [kind_name(k) for k in ("additive", "mlp:1024", "gradient_boosting")] == [
        "sum", "MLP, 1024 wide", "gradient boosting",
    ]  # fmt: skip


def test_the_binding_score_has_chance_one_half_and_the_ceiling_of_true_embeddings():
    assert chance(PRODUCT, "binding") == [(0.4, 0.5), (0.6, 0.5)]
    assert dict(ceiling(PRODUCT, "binding")) == pytest.approx({0.4: 0.95, 0.6: 0.95})
    assert [p.value for p in curve(PRODUCT, "additive", "binding")] == pytest.approx([0.21, 0.21])
    assert "binding score on unseen objects against coverage" in curves_text(PRODUCT, "binding", source="a model")


def test_the_table_says_the_score_with_its_n_and_chance():
    points = [ComplexityPoint(kind="additive", coverage=0.4, seeds=3, binding=binding(0.52, 21), test_r2=0.3)]
    shown = fits_table(PRODUCT, points, label="Fits")
    assert "Binding score (chance 50 %)" in shown
    assert "52 % (47 to 57 %, n = 21)" in shown


def test_the_calibration_is_said_once_for_each_family_and_coverage():
    said = recoveries(PRODUCT)
    assert len(said) == 2
    assert said[0].startswith("Coverage 0.4: On a synthetic global product of this size")
    assert "R² 0.90 of unseen objects, and the sum 0.50" in said[0]


HISTORY = [
    {"step": 0.0, "loss": 4.0, "unseen_object": 0.0, "seen_object": 0.1, "unseen_concepts": 0.2, "seen_concepts": 0.3},
    {"step": 50.0, "loss": 2.0},
    {
        "step": 100.0,
        "loss": 1.0,
        "unseen_object": 0.7,
        "seen_object": 0.9,
        "unseen_concepts": None,
        "seen_concepts": 1.0,
    },
]


@MODES
def test_training_curves_reach_over_all_steps_and_differ_by_dash_and_symbol(dark):
    figure = recognition_history_figure(HISTORY, 200, best_step=100, chance=0.05, dark=dark)
    drawn = lines(figure)
    assert list(drawn) == ["objects, unseen", "objects, seen", "concepts, unseen", "concepts, seen"]
    assert list(drawn["objects, unseen"].x) == [0, 100]
    assert list(drawn["concepts, unseen"].y) == [0.2]
    assert len({(t.line.dash, t.marker.symbol) for t in drawn.values()}) == 4
    assert {note.text for note in figure.layout.annotations} == {"kept: step 100", "chance, objects"}
    assert figure.layout.xaxis.range[1] >= 200
    assert list(loss_figure(HISTORY, 200, dark=dark).data[0].y) == [4.0, 2.0, 1.0]
    assert "1.000 at step 100 of 200" in loss_text(HISTORY, 200)
    assert "objects, unseen 70 % at step 100" in recognition_history_text(HISTORY, 200)


def test_a_training_without_reports_has_empty_curves():
    assert "no report yet" in loss_text([], 100)
    assert "no evaluation yet" in recognition_history_text([], 100)
    assert not lines(recognition_history_figure([], 100))
    assert go.Figure(loss_figure([], 100).to_dict())


def test_a_long_history_is_thinned_and_keeps_its_last_point():
    history = [{"step": float(n), "loss": 1.0} for n in range(5000)]
    drawn = loss_figure(history, 5000).data[0]
    assert len(drawn.x) <= 601
    assert drawn.x[-1] == 4999
    assert len(series(history, "loss")) == 5000


def product_fit(share: float | None) -> ProductFit | None:
    if share is None:
        return None
    return ProductFit(
        objects=20, held_out=4, additive_r2=0.5, product_r2=0.6, product_share=share, binding=binding(0.6)
    )


def run(space: str, coverage: float, unseen: float | None, *, seed: int = 0, share: float | None = None) -> PhaseCell:
    return PhaseCell(
        space=space, objects=64 if space == "grid-2x8" else 144, coverage=coverage, seed=seed, model="controlled:abc",
        run="abc", seen=heads(1.0), unseen=heads(unseen), binding=binding(unseen), seen_binding=binding(1.0),
        product=PhaseProducts(seen=product_fit(share)), best_step=100, steps=100, seconds=3.0, history=HISTORY,
    )  # fmt: skip


REQUEST = {"spaces": ["grid-2x12", "grid-2x8"], "coverages": [0.2, 0.6], "seeds": [0, 1]}
RUNS = [run("grid-2x8", 0.6, 0.9, share=0.4), run("grid-2x8", 0.6, 0.8, seed=1), run("grid-2x8", 0.2, 0.5)]
POINTS = [
    PhasePoint(space="grid-2x8", coverage=0.6, seeds=2, binding=binding(0.85, 24)),
    PhasePoint(space="grid-2x8", coverage=0.2, seeds=1, binding=binding(0.5, 9)),
]
LIVE = [LiveCell(cell={"config": {"space": "grid-2x12", "coverage": 0.2, "seed": 0}}, step=30, steps=100, seconds=1.0,
                 history=[])]  # fmt: skip
FAILURES = [CellFailure(cell={"config": {"space": "grid-2x12", "coverage": 0.6, "seed": 0}}, error="no memory")]
SQUARES = squares_of(REQUEST, RUNS, POINTS, live=LIVE, failures=FAILURES)


def test_every_square_of_the_request_is_there_with_its_state():
    assert [(s.space, s.coverage, s.state) for s in SQUARES] == [
        ("grid-2x12", 0.2, "running"),
        ("grid-2x12", 0.6, "failed"),
        ("grid-2x8", 0.2, "waiting"),
        ("grid-2x8", 0.6, "done"),
    ]
    assert SQUARES[3].value == pytest.approx(0.85)
    assert [square_text(s) for s in SQUARES] == [
        "▶ 30 % 0/2",
        "✗ failed 0/2",
        "<b>50</b><br>… 1/2",
        "<b>85</b><br>n 24",
    ]
    assert square_title(SQUARES[2]) == "grid-2x8, coverage 20 %: 50 % (45 to 55 %, n = 9) (1 of 2 seeds)"


@MODES
def test_the_diagram_has_the_largest_space_on_top_and_a_mark_on_every_square(dark):
    figure = phase_figure(SQUARES, {"grid-2x8": 64, "grid-2x12": 144}, dark=dark)
    (heat,) = [trace for trace in figure.data if trace.type == "heatmap"]
    assert [[None if v is None else round(v, 2) for v in row] for row in heat.z] == [[0.5, 0.85], [None, None]]
    assert (heat.zmin, heat.zmax) == (0.5, 1)
    assert list(figure.layout.yaxis.ticktext) == ["grid-2x8<br>64 objects", "grid-2x12<br>144 objects"]
    marks = [trace for trace in figure.data if trace.type == "scatter"]
    assert sorted(trace.customdata[0] for trace in marks) == [0, 1, 2, 3]
    assert len(figure.layout.shapes) == 3
    assert "grid-2x12, coverage 60 %: failed" in phase_text(SQUARES)


def test_a_space_of_unknown_size_is_still_drawn():
    figure = phase_figure(SQUARES, {})
    assert list(figure.layout.yaxis.ticktext) == ["grid-2x12", "grid-2x8"]


def test_a_square_whose_unseen_objects_have_no_swap_says_so():
    (square,) = squares_of({"spaces": ["grid-2x3"], "coverages": [0.8]}, [run("grid-2x3", 0.8, None)])
    assert square.value is None
    assert square_text(square) == "–"
    assert "no scene whose swap is made of such objects too" in square_title(square)


@MODES
def test_what_a_product_adds_is_set_against_the_binding_score_of_unseen_objects(dark):
    runs = [run("grid-2x8", 0.1 * n, 0.1 * n, share=0.05 * n) for n in range(1, 10)]
    figure = product_figure([*runs, run("grid-2x8", 0.9, 0.9)], "seen", dark=dark)
    assert list(figure.data[0].y) == pytest.approx([0.1 * n for n in range(1, 10)])
    assert list(figure.data[0].x) == pytest.approx([0.05 * n for n in range(1, 10)])
    assert "grid-2x8 at 10 %, seed 0" in product_text(runs)
    assert "no run yet" in product_text(runs, "unseen")


def test_downloads_hold_every_fit_every_report_and_every_run():
    fits = exports.complexity_csv({"a": PRODUCT, "b": PRODUCT[:1]}).splitlines()
    assert len(fits) == 1 + len(PRODUCT) + 1
    assert fits[1].startswith("a,additive,0.4,0,40,60,0.9,0.31,0.9,0.21,")
    assert len(fits[0].split(",")) == len(fits[1].split(","))
    history = exports.history_csv(HISTORY).splitlines()
    assert history[2] == "50.0,2.0,,,,"
    runs = exports.phase_csv(RUNS).splitlines()
    assert len(runs) == 4
    assert len(runs[0].split(",")) == len(runs[1].split(","))
    assert runs[1].startswith("grid-2x8,64,0.6,0,controlled:abc,100,100,3.0,0.9,0.8,1.0,")
