"""Models side by side on the same scenes."""

from typing import Annotated

from pydantic import Field

from bindscope.schemas.base import (
    AnalysisResponse,
    Interval,
    ProgressLine,
    Provenance,
    RequestModel,
    ResponseModel,
    SceneModel,
)
from bindscope.schemas.embeddings import ModelId


class _ScenesModel(RequestModel):
    space: str = Field("clevr2d", max_length=64)
    count: int = Field(400, ge=10, le=5000)
    template: str = Field("plain", min_length=1, max_length=200)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    dataset: str | None = Field(None, pattern=r"^[0-9a-f]{16}$", description="Scenes of an upload, not of the space.")


class ComparisonRequest(_ScenesModel):
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
    """One model. ``kind``: ``model``, or a control: ``random`` weights, ``blind`` (blank pictures). Models that do not
    separate beyond chance may share a ``rank``; controls have none. ``missing`` says why a figure is null."""

    model: str
    kind: str
    rank: int | None
    anchor: str
    swap_accuracy: Interval
    undecided: Interval
    concepts: Interval
    objects: Interval
    probes: dict[str, Interval | None]
    r2: dict[str, AdditiveFit | None]
    repair_gain: float | None
    missing: dict[str, str]
    provenance: Provenance


class PairModel(ResponseModel):
    """McNemar's exact test of two models; ``adjusted`` by Holm over all pairs."""

    first: str
    second: str
    only_first: int
    only_second: int
    p: float
    adjusted: float
    separate: bool


class ComparisonResponse(AnalysisResponse):
    """The board. ``provenance`` is of the first row; every row has its own."""

    rows: list[ComparisonRow]
    pairs: list[PairModel]
    scenes: int


class ComparisonProgress(ResponseModel):
    """``done`` of ``total`` rows are there; ``model`` (a ``kind`` of row) is measured now."""

    done: int
    total: int
    model: str
    kind: str


ComparisonLine = ProgressLine[ComparisonProgress, ComparisonResponse]


class DisagreementRequest(_ScenesModel):
    """Two models on the same scenes; at most ``most`` are shown."""

    models: Annotated[list[ModelId], Field(min_length=2, max_length=2)]
    most: int = Field(24, ge=1, le=200)


class Disagreement(ResponseModel):
    """A scene that only one of them gets right; ``margins``: true caption minus the best swap."""

    scene: SceneModel
    outcomes: list[str]
    margins: list[float]


class DisagreementResponse(AnalysisResponse):
    """The widest gaps first. ``table``: how many scenes both, only one, or neither gets right."""

    items: list[Disagreement]
    total: int
    table: dict[str, int]
    scenes: int
    p: float
