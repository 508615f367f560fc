"""Models side by side on the same scenes."""

from typing import Annotated

from pydantic import Field

from bindscope.core.binding_rules import Standing
from bindscope.core.wire import (
    AnalysisResponse,
    Binding,
    Endpoint,
    Interval,
    ModelId,
    ProgressLine,
    Provenance,
    ResponseModel,
)
from bindscope.scenes.sources import ScenesRequest
from bindscope.scenes.wire import SceneModel


class ScenesAsked(ScenesRequest):
    """``count`` seeded scenes that all models are shown."""

    space: str = Field("clevr2d", max_length=64)
    count: int = Field(400, ge=10, le=5000)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class ComparisonRequest(ScenesAsked):
    """``count`` seeded scenes with a valid swap; ``limit`` scenes of the space for probes, decomposition and, with
    ``repair``, the gain of a repair."""

    models: Annotated[list[ModelId], Field(min_length=1, max_length=12)]
    limit: int = Field(1000, ge=10, le=10_000)
    repair: bool = False


class AdditiveFit(ResponseModel):
    """R2 on held-out scenes of sums of object vectors, and of concept vectors."""

    objects: float | None
    concepts: float | None


class ComparisonRow(ResponseModel):
    """One model. ``kind``: ``model``, or a control: ``random`` weights, ``blind`` (blank pictures).

    ``binding`` is the paired contest of captions, chance exactly 1/2, and ``standing`` what its interval shows.
    ``anchor``: captions are compared with pictures (``image``) or with captions (``text``); these are two questions, so
    ``rank`` is among the models of one anchor. Models that do not separate may share a rank, and those not separable
    from chance do; controls have none. ``swap_accuracy``: a true caption scores best of all (n counts scenes), which it
    does in ``swap_accuracy_chance`` where all captions are alike. ``probes``: is the binding linearly there, by tower.
    ``repair_gain``: paired, on scenes of held-out objects. ``missing`` says why a figure is null."""

    model: str
    kind: str
    rank: int | None
    anchor: str
    binding: Binding
    standing: Standing
    swap_accuracy: Interval
    swap_accuracy_chance: float | None
    undecided: Interval
    concepts: Interval
    objects: Interval
    probes: dict[str, Binding | None]
    r2: dict[str, AdditiveFit | None]
    repair_gain: Interval | None
    missing: dict[str, str]
    provenance: Provenance


class PairModel(ResponseModel):
    """Two models of one anchor: the ``difference`` of their binding scores, first minus second, over bags; the p of a
    sign-flip test, and Holm's over all pairs. Both are null below thirty bags, where nothing is claimed."""

    first: str
    second: str
    difference: Interval
    p: float | None
    adjusted: float | None
    separate: bool


class ComparisonResponse(AnalysisResponse):
    """The board. ``bags``, by anchor: how many sets of values occur with a swap of theirs. ``provenance`` is of the
    first row; every row has its own."""

    rows: list[ComparisonRow]
    pairs: list[PairModel]
    scenes: int
    bags: dict[str, int]


class ComparisonProgress(ResponseModel):
    """``done`` of ``total`` rows are there; ``model`` (a ``kind`` of row) is measured now."""

    done: int
    total: int
    model: str
    kind: str


ComparisonLine = ProgressLine[ComparisonProgress, ComparisonResponse]


class DisagreementRequest(ScenesAsked):
    """Two models on the same scenes; at most ``most`` are shown."""

    models: Annotated[list[ModelId], Field(min_length=2, max_length=2)]
    most: int = Field(24, ge=1, le=200)


class Disagreement(ResponseModel):
    """A scene that only one of them gets right; ``margins``: true caption minus the best swap."""

    scene: SceneModel
    outcomes: list[str]
    margins: list[float]


class DisagreementResponse(AnalysisResponse):
    """The widest gaps first. ``table``: how many scenes both, only one, or neither gets right.

    ``difference`` of the binding scores over bags with the ``p`` of a sign-flip test: null where one model compares
    pictures with captions and the other captions with captions; ``p`` is null below thirty bags."""

    items: list[Disagreement]
    total: int
    table: dict[str, int]
    scenes: int
    difference: Interval | None
    p: float | None


COMPARISON = Endpoint("/v1/comparisons", ComparisonRequest, ComparisonResponse)

DISAGREEMENTS = Endpoint("/v1/disagreements", DisagreementRequest, DisagreementResponse)
