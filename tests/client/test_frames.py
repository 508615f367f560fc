"""The rule by which any answer becomes rows, on answers that no feature has."""

import subprocess
import sys

import pytest

from bindscope import features
from bindscope.client import frames
from bindscope.core.errors import InvalidInput
from bindscope.core.wire import (
    AnalysisResponse,
    Binding,
    Interval,
    Provenance,
    Recognition,
    ResponseModel,
    StrictChance,
)

HALF = Interval(value=0.5, low=0.4, high=0.6, n=90)
BINDING = Binding(forced_choice=HALF, undecided=HALF, says="weak")
MADE = Provenance(model="m", fingerprint="f", preprocessing="p", dtype="float32", device="cpu")
ROW = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 90}


class Cell(ResponseModel):
    layer: int
    name: str
    binding: Binding
    recognition: Recognition


class Sweep(AnalysisResponse):
    total: int
    share: Interval
    cells: list[Cell]


class Fit(ResponseModel):
    train: float
    test: float


class Analysis(AnalysisResponse):
    bits: Interval
    binding: Binding
    heads: Recognition
    variants: dict[str, Recognition]
    fit: Fit
    object_chance: StrictChance
    scenes: int
    note: str | None = None


def test_figures_are_rows_with_their_intervals_and_where_they_belong() -> None:
    levels = StrictChance(unconditional=0.1, given_bag=0.5, ceiling_bag=0.6)
    answer = Analysis(
        bits=HALF,
        binding=BINDING,
        heads={"color": HALF},
        variants={"no objects": {"shape": HALF}},
        fit=Fit(train=0.9, test=0.8),
        object_chance=levels,
        scenes=9,
        seconds=1.0,
        provenance=MADE,
    )
    assert frames.records(answer) == [
        {"name": "bits", **ROW},
        {"chance": 0.5, "says": "weak", "name": "binding", **ROW},
        {"part": "heads", "name": "color", **ROW},
        {"part": "no objects", "name": "shape", **ROW},
        {"name": "fit_train", "value": 0.9},
        {"name": "fit_test", "value": 0.8},
    ]
    pytest.importorskip("plotly")
    assert len(frames.figure(answer).data[0].x) == 4


def test_a_list_of_parts_is_the_table_and_an_empty_one_is_empty() -> None:
    cells = [Cell(layer=3, name="mean", binding=BINDING, recognition={"color": HALF})]
    sweep = Sweep(total=1, share=HALF, cells=cells, seconds=1.0, provenance=MADE)
    assert frames.records(sweep) == [
        {"layer": 3, "cells": "mean", "chance": 0.5, "says": "weak", "name": "binding", **ROW},
        {"layer": 3, "cells": "mean", "part": "recognition", "name": "color", **ROW},
    ]
    assert frames.records(sweep.model_copy(update={"cells": []})) == []
    assert frames.frame(sweep).attrs["provenance"]["model"] == "m"


def test_models_in_a_list_are_rows_of_their_fields() -> None:
    assert frames.records([Fit(train=1.0, test=0.5)]) == [{"train": 1.0, "test": 0.5}]


@pytest.mark.parametrize("answer", [3, "text", MADE])
def test_what_is_no_table_says_so(answer) -> None:
    with pytest.raises(InvalidInput, match="not a table"):
        frames.records(answer)
    with pytest.raises(InvalidInput, match="no figure"):
        frames.figure(answer)


def test_rules_of_features_are_for_answers_of_their_own_and_light() -> None:
    for name in features.FEATURES:
        module = features.module(name, "frame")
        for kind in [*getattr(module, "ROWS", {}), *getattr(module, "FIGURES", {})]:
            assert kind.__module__ == f"bindscope.features.{name}.schemas"
    code = (
        "import sys; from bindscope import features; [features.module(name, 'frame') for name in features.FEATURES]; "
        "assert not {'pandas', 'plotly', 'torch', 'scipy', 'fastapi'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


class Shape(AnalysisResponse):
    scenes: int
    spread: float


def test_an_answer_of_plain_numbers_is_one_row_of_them() -> None:
    assert frames.records(Shape(scenes=3, spread=0.5, provenance=MADE)) == [{"scenes": 3, "spread": 0.5}]
