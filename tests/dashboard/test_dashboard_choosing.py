import pytest

from bindscope.core.binding_rules import says, standing
from bindscope.core.wire import Binding, Interval, Provenance
from bindscope.features.comparisons.findings import board_finding, disagreement_sentence, pair_sentence, rank_sentence
from bindscope.features.comparisons.schemas import ComparisonResponse, ComparisonRow, PairModel
from bindscope.features.projections.schemas import ProjectionResponse
from bindscope.features.repairs.findings import repair_finding
from bindscope.features.repairs.schemas import (
    RepairConfirmation,
    RepairFigures,
    RepairModel,
    RepairPoint,
    RepairStratum,
)
from bindscope.features.retrievals.findings import retrieval_finding
from bindscope.features.retrievals.schemas import RetrievalResponse
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope_dashboard.pages.comparisons import board
from bindscope_dashboard.pages.comparisons.exports import board_csv
from bindscope_dashboard.pages.projections.exports import map_csv
from bindscope_dashboard.pages.projections.figures import groups_of, map_figure, map_text
from bindscope_dashboard.pages.repairs.exports import repair_csv
from bindscope_dashboard.pages.repairs.figures import path_figure, path_text
from bindscope_dashboard.pages.retrievals.figures import recall_figure, recall_text

SPACES = dict(BUILTIN_SPACES)
MADE = Provenance(model="m", fingerprint="f", preprocessing="p", dtype="float32", device="cpu")


def share(value, n=200, half=0.05):
    return Interval(value=value, low=max(0.0, value - half), high=min(1.0, value + half), n=n)


def binding(value, n=80, half=0.05, undecided=0.0):
    if value is None:
        nothing = Interval(value=None, low=None, high=None, n=0)
        return Binding(forced_choice=None, undecided=nothing, says="too few")
    found = share(value, n, half)
    return Binding(forced_choice=found, undecided=share(undecided, n), says=says(found.low, found.high, n))


def retrieved(choice, undecided=0.0, n=80, level=0.5):
    return RetrievalResponse(
        direction="text_to_image", binding=binding(choice, n, undecided=undecided),
        recall={"1": share(0.5), "10": share(1.0)}, swapped_first=share(0.6), swapped_first_chance=level,
        undecided=share(undecided), noise_floor=0.0, gallery=100, queries=50, items=[], seconds=0.1, provenance=MADE,
    )  # fmt: skip


def figures(choice, recall):
    shares = {"swap_accuracy": share(choice), "swap_accuracy_chance": 0.5, "recall_at_1": share(recall)}
    return {"binding": binding(choice, 20), **shares, "concepts": share(1.0)}


def difference(value, half=0.05, n=20):
    return Interval(value=value, low=value - half, high=value + half, n=n)


def repaired(before, after, *, recall=0.98, test_gain=None, kept=True, text=0.9):
    """A map that was chosen and confirmed with a gain of ``after - before``, and ``test_gain`` on the test."""
    path = [
        RepairPoint(t=n / 10, distance=n / 10, **figures(before + (after - before) * n / 10, 1 - (1 - recall) * n / 10))
        for n in range(11)
    ]
    gain = difference(after - before)
    strata = [
        RepairStratum(familiar=n, scenes=50, before=share(before), after=share(after), gain=gain) for n in range(3)
    ]
    free = RepairFigures(**figures(before, 1.0))
    shown = difference((after - before) if test_gain is None else test_gain) if kept else difference(0.0, 0.0)
    return RepairModel(
        id="0" * 16 if kept else None, model="m", repaired="repaired:" + "0" * 16 if kept else None, space="shapes2d",
        coverage=0.6, seed=0, limit=4000, template="plain", dim=8, t=float(kept), before=path[0],
        after=path[-1 if kept else 0], path=path, gain=shown, strata=strata, text_probe=binding(text),
        confirmation=RepairConfirmation(t=1.0, choosing=gain, confirming=gain, p=0.001 if kept else 0.2, kept=kept),
        blocks={name: {"color": ["red", "blue"], "shape": ["star"]} for name in ("validation", "test")},
        baselines={"mean_removed": free, "whitened": free}, train_scenes=100, test_scenes=90, train_objects=14,
        test_objects=20, chosen={"strength": 1.0, "steps": 20.0}, provenance=MADE,
    )  # fmt: skip


def row(model, rank, value, kind="model", *, anchor="image", n=80):
    own = binding(value, n)
    found = own.forced_choice
    probes = {"image": binding(0.9) if anchor == "image" else None, "text": None}
    return ComparisonRow(
        model=model, kind=kind, rank=rank, anchor=anchor, binding=own,
        standing="too few" if found is None else standing(found.low, found.high, n), swap_accuracy=share(0.4),
        swap_accuracy_chance=0.5 if anchor == "image" else 1 / 3, undecided=share(0.0), concepts=share(1.0),
        objects=share(0.5), probes=probes, r2={"image": None, "text": None}, repair_gain=None, missing={},
        provenance=MADE,
    )  # fmt: skip


def compared(*rows, n=80):
    bags = dict.fromkeys((own.anchor for own in rows), n)
    return ComparisonResponse(rows=list(rows), pairs=[], scenes=200, bags=bags, seconds=1.0, provenance=MADE)


def pair(value, p, n=80):
    difference = Interval(value=value, low=value - 0.1, high=value + 0.1, n=n)
    return PairModel(first="a", second="b", difference=difference, p=p, adjusted=p, separate=p is not None and p < 0.05)


@pytest.mark.parametrize(
    ("found", "title"),
    [
        (retrieved(0.99), "It finds the right scene"),
        (retrieved(0.62), "More often the right scene"),
        (retrieved(0.5), "A coin between twins"),
        (retrieved(0.3), "The twin is preferred"),
        (retrieved(0.5, undecided=0.98), "It cannot tell them apart"),
        (retrieved(0.9, n=9), "Too few twins to say"),
        (retrieved(None), "No twins"),
    ],
)
def test_a_retrieval_is_told_by_who_is_ahead_of_its_twin(found, title):
    assert retrieval_finding(found).title == title


def test_that_the_twin_comes_first_is_told_beside_its_chance_and_decides_nothing():
    # More twins than right items: a twin first in 60 % of the searches is less than chance.
    found = retrieval_finding(retrieved(0.5, level=2 / 3))
    assert found.title == "A coin between twins"
    assert "60 % (with scores at random among the two 67 %)" in found.sentence
    assert "chance 50 %" in found.sentence


@pytest.mark.parametrize(
    ("found", "title"),
    [
        (repaired(0.5, 0.9), "Repaired"),
        (repaired(0.5, 0.9, recall=0.7), "A gain that costs"),
        (repaired(0.5, 0.7, test_gain=0.02), "A gain that the test does not show"),
        (repaired(0.5, 0.7, test_gain=-0.2), "It does not hold on unseen objects"),
        (repaired(0.5, 0.6, kept=False), "No repair found"),
        (repaired(0.9, 0.9, kept=False), "Nothing to repair"),
    ],
)
def test_a_repair_is_told_by_confirmation_gain_and_cost(found, title):
    assert repair_finding(found).title == title


@pytest.mark.parametrize(("text", "absent"), [(0.5, True), (0.9, False), (0.65, False)])
def test_only_a_text_side_where_the_probe_finds_nothing_is_said_to_hold_nothing(text, absent):
    sentence = repair_finding(repaired(0.5, 0.6, kept=False, text=text)).sentence
    assert ("no map can bring back" in sentence) == absent
    assert "p = 0.2" in sentence


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([row("a", 1, 0.9), row("b", 2, 0.5)], "a leads"),
        ([row("a", 1, 0.9), row("b", 1, 0.88)], "No difference shown"),
        ([row("a", 1, 0.9), row("b", 1, 0.88), row("c", 3, 0.5)], "A shared lead"),
        ([row("a", 1, 0.5), row("b", 2, 0.2)], "None is separable from chance"),
        ([row("a", 1, 0.5), row("b", 1, 0.48)], "No difference shown"),
        ([row("a", 1, 0.9)], "Above chance"),
        ([row("a", 1, 0.5)], "Not separable from chance"),
        ([row("a", 1, 0.2)], "Below chance"),
        ([row("a", 1, 0.9, n=5)], "Too few scenes to say"),
    ],
)
def test_a_board_is_told_by_its_ranks(rows, title):
    assert board_finding(rows).title == title


def test_models_at_chance_and_below_are_named_as_such():
    said = board_finding([row("a", 1, 0.9), row("b", 2, 0.5), row("c", 2, 0.49), row("d", 4, 0.2)]).sentence
    assert "Not separable from chance: b 50 %, c 49 %." in said
    assert "Below chance, the swapped caption is preferred: d 20 %." in said


def test_a_lead_below_presence_is_not_told_in_the_tone_of_binding():
    assert board_finding([row("a", 1, 0.65), row("b", 2, 0.5)]).tone == "undecided"
    assert board_finding([row("a", 1, 0.9), row("b", 2, 0.5)]).tone == "binds"


def test_pairs_say_who_is_better_or_why_nothing_is_said():
    assert pair_sentence(pair(0.2, 0.01)).startswith("a is better than b (a − b: +20 points (+10 to +30, n = 80 bags)")
    assert pair_sentence(pair(-0.2, 0.01)).startswith("b is better than a")
    assert "do not separate" in pair_sentence(pair(0.2, 0.3))
    assert "30 needed" in pair_sentence(pair(0.2, None, n=12))
    assert "no ranks are claimed" in rank_sentence(12, 2)
    assert "sign-flip" in rank_sentence(80, 2)
    assert rank_sentence(80, 1) == ""


def test_disagreements_across_anchors_are_not_tested():
    assert "not compared" in disagreement_sentence(None, None)
    assert "30 needed" in disagreement_sentence(pair(0.2, None, n=12).difference, None)
    assert "p = 0.01" in disagreement_sentence(pair(0.2, 0.01).difference, 0.01)


def test_controls_stand_below_the_ranks_and_are_named():
    found = compared(row("random:a", None, 0.99, "random"), row("b", 2, 0.4), row("a", 1, 0.9))
    html = board.table(found, "image")
    assert html.index(">a<") < html.index(">b<") < html.index("random:a")
    assert "random weights" in html


def test_each_question_has_a_board_of_its_own():
    found = compared(row("a", 1, 0.9), row("t", 1, 0.8, anchor="text"))
    assert ">t<" not in board.table(found, "image")
    assert ">a<" not in board.table(found, "text")
    assert "chance 33 %" in board.table(found, "text")


def test_figures_have_every_point_and_words():
    found = repaired(0.5, 0.9)
    figure = path_figure(found, 0.4)
    assert [len(trace.x) for trace in figure.data if trace.showlegend is not False] == [11, 11, 11]
    assert "true before swapped from 50 % at t = 0 to 90 % at t = 1" in path_text(found)
    assert len(recall_figure(retrieved(0.5)).layout.yaxis.tickvals) == 5
    assert len(recall_figure(retrieved(None, level=None)).layout.yaxis.tickvals) == 4
    assert "right before its twin 50 % (45 to 55 %, n = 80), chance 50 %" in recall_text(retrieved(0.5))


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
    assert map_csv(a_map(), [1]).count("\n") == 2
    assert repair_csv(repaired(0.5, 0.9)).count("\n") == 1 + 11 + 2 + 9
    text = board_csv(compared(row("a", 1, 0.9), row("t", 1, 0.8, anchor="text")))
    head, *lines = text.splitlines()
    assert [line.count(",") for line in lines] == [head.count(",")] * 2
    assert "above chance" in lines[0]
