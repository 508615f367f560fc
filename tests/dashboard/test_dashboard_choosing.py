import pytest

from bindscope.domain.concepts import BUILTIN_SPACES
from bindscope.schemas.base import Interval, Provenance
from bindscope.schemas.comparisons import ComparisonResponse, ComparisonRow
from bindscope.schemas.projections import ProjectionResponse
from bindscope.schemas.repairs import RepairFigures, RepairModel, RepairPoint
from bindscope.schemas.retrievals import RetrievalResponse
from bindscope_dashboard import board, choosing_exports, choosing_links
from bindscope_dashboard.choosing_links import CompareState, MapState, RepairState, RetrieveState
from bindscope_dashboard.choosing_story import board_story, repair_story, retrieval_story
from bindscope_dashboard.editing import random_scene
from bindscope_dashboard.plots.choosing import path_figure, path_text, recall_figure
from bindscope_dashboard.plots.maps import groups_of, map_figure, map_text

SPACES = dict(BUILTIN_SPACES)
MADE = Provenance(model="m", fingerprint="f", preprocessing="p", dtype="float32", device="cpu")


def share(value, n=200, half=0.05):
    return Interval(value=value, low=max(0.0, value - half), high=min(1.0, value + half), n=n)


def retrieved(first, twin, undecided=0.0):
    return RetrievalResponse(
        direction="text_to_image", recall={"1": share(first), "10": share(1.0)}, swapped_first=share(twin),
        undecided=share(undecided), noise_floor=0.0, gallery=100, queries=50, items=[], seconds=0.1, provenance=MADE,
    )  # fmt: skip


def figures(swap, recall):
    return {"swap_accuracy": share(swap), "recall_at_1": share(recall), "concepts": share(1.0)}


def repaired(before, after, *, recall=0.98):
    path = [
        RepairPoint(t=n / 10, distance=n / 10, **figures(before + (after - before) * n / 10, 1 - (1 - recall) * n / 10))
        for n in range(11)
    ]
    free = RepairFigures(**figures(before, 1.0))
    return RepairModel(
        id="0" * 16, model="m", repaired="repaired:" + "0" * 16, space="clevr2d", coverage=0.6, seed=0, limit=4000,
        template="plain", dim=8, t=1.0, before=path[0], after=path[-1], path=path,
        baselines={"mean_removed": free, "whitened": free}, train_scenes=100, test_scenes=90, train_objects=14,
        chosen={"strength": 1.0, "steps": 20.0}, provenance=MADE,
    )  # fmt: skip


def row(model, rank, value, kind="model"):
    return ComparisonRow(
        model=model, kind=kind, rank=rank, anchor="image", swap_accuracy=share(value), undecided=share(0.0),
        concepts=share(1.0), objects=share(0.5), probes={"image": share(0.9), "text": None},
        r2={"image": None, "text": None}, repair_gain=None, missing={}, provenance=MADE,
    )  # fmt: skip


def compared(*rows):
    return ComparisonResponse(rows=list(rows), pairs=[], scenes=200, seconds=1.0, provenance=MADE)


@pytest.mark.parametrize(
    ("found", "title"),
    [
        (retrieved(0.99, 0.01), "It finds the right scene"),
        (retrieved(0.52, 0.48), "A coin between twins"),
        (retrieved(0.2, 0.8), "The twin wins"),
        (retrieved(0.8, 0.2), "Mostly the right scene"),
        (retrieved(0.0, 0.0, 1.0), "It cannot tell them apart"),
    ],
)
def test_a_retrieval_is_told_by_who_comes_first(found, title):
    assert retrieval_story(found).title == title


@pytest.mark.parametrize(
    ("found", "title"),
    [
        (repaired(0.5, 0.9), "Repaired"),
        (repaired(0.5, 0.52), "No repair found"),
        (repaired(0.5, 0.9, recall=0.7), "A gain that costs"),
        (repaired(0.5, 0.62), "A small gain"),
    ],
)
def test_a_repair_is_told_by_gain_and_cost(found, title):
    assert repair_story(found).title == title


def test_a_board_is_told_by_its_ranks():
    assert board_story(compared(row("a", 1, 0.9), row("b", 2, 0.5))).title == "a leads"
    assert board_story(compared(row("a", 1, 0.9), row("b", 1, 0.88))).title == "No difference shown"
    shared = compared(row("a", 1, 0.9), row("b", 1, 0.88), row("c", 3, 0.5))
    assert board_story(shared).title == "A shared lead"


def test_controls_stand_below_the_ranks_and_are_named():
    html = board.table(compared(row("random:a", None, 0.99, "random"), row("b", 2, 0.4), row("a", 1, 0.9)))
    assert html.index(">a<") < html.index(">b<") < html.index("random:a")
    assert "random weights" in html


def test_figures_have_every_point_and_words():
    found = repaired(0.5, 0.9)
    figure = path_figure(found, 0.4)
    assert [len(trace.x) for trace in figure.data if trace.showlegend is not False] == [11, 11, 11]
    assert "swap accuracy from 50 % at t = 0 to 90 % at t = 1" in path_text(found)
    assert len(recall_figure(retrieved(0.5, 0.4)).layout.yaxis.tickvals) == 4


def a_map(colors=None, dims=2):
    return ProjectionResponse(
        points=[[float(n)] * dims for n in range(4)], labels=[[[0, 0], [1, 1]], [[1, 0], [0, 1]]] * 2,
        concepts={"color": ["red", "blue"], "shape": ["square", "circle"]}, colors=colors, placed=[[0.5] * dims],
        seconds=0.1, provenance=MADE,
    )  # fmt: skip


@pytest.mark.parametrize("dims", [2, 3])
def test_points_of_a_map_are_grouped_by_a_concept_of_an_object(dims):
    found = a_map(dims=dims)
    assert groups_of(found, "2.color") == {"red": [1, 3], "blue": [0, 2]}
    figure = map_figure(found, "2.color", placed=["composed"])
    assert [trace.name for trace in figure.data] == ["red (2)", "blue (2)", "composed"]
    assert "red 2 scenes" in map_text(found, "2.color")


def test_points_of_a_map_are_grouped_by_verdict():
    found = a_map(colors=["swaps", "binds", "binds", "undecided"])
    assert list(groups_of(found, "verdict")) == ["true caption wins", "swapped caption wins", "undecided"]


def test_tables_hold_every_row():
    assert choosing_exports.map_csv(a_map(), [1]).count("\n") == 2
    assert choosing_exports.repair_csv(repaired(0.5, 0.9)).count("\n") == 1 + 11 + 2
    assert "0.9" in choosing_exports.board_csv(compared(row("a", 1, 0.9)))


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("retrieve", RetrieveState("m", "clevr2d", "image_to_text", "all", 5, 50, 3, True)),
        ("repair", RepairState("m", "clevr2d", 70, 2000, 1, True, 4)),
        ("compare", CompareState(("a", "b", "c"), "shapes2d", 100, 2, True, (2, 0))),
    ],
)
def test_a_link_reopens_the_exact_view(kind, state):
    query = getattr(choosing_links, f"{kind}_query")(state)
    default = type(state)(("x",) if kind == "compare" else "x", "clevr2d")
    assert getattr(choosing_links, f"{kind}_from_query")(query, default, SPACES) == state


def test_a_link_of_a_map_holds_its_scene():
    scene = random_scene(SPACES["clevr2d"], objects=2, seed=1)
    state = MapState("m", "clevr2d", "text", "umap", 3, "2.shape", 500, 4, scene)
    query = choosing_links.map_query(state, SPACES)
    assert choosing_links.map_from_query(query, MapState("x", "clevr2d"), SPACES) == state
