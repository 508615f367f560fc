"""Public tests of compositional captions."""

from typing import Literal

from bindscope.core.wire import Interval, ProgressLine, Provenance, ResponseModel

RowKind = Literal["split", "all", "order_only"]


class PairItemResult(ResponseModel):
    """``margin``: the true caption's score minus the best other's. ``image`` and ``group``: Winoground only."""

    id: str
    split: str
    captions: list[str]
    pictures: list[str]
    margin: float
    outcome: Literal["right", "wrong", "undecided"]
    order_only: bool
    text: bool
    image: bool | None = None
    group: bool | None = None


class CaptionTestRow(ResponseModel):
    """``accuracy``: the right caption wins (Winoground's text score); a tie is not right. ``blind``: the same with the
    mean of all pictures in place of each. ``image`` and ``group``: Winoground's other two scores."""

    name: str
    kind: RowKind
    accuracy: Interval
    undecided: Interval
    blind: Interval
    image: Interval | None = None
    group: Interval | None = None


class CaptionTestResponse(ResponseModel):
    format: Literal["sugarcrepe", "winoground", "aro"]
    rows: list[CaptionTestRow]
    items: list[PairItemResult]
    noise_floor: float
    seconds: float
    provenance: Provenance


class CaptionTestProgress(ResponseModel):
    done: int
    total: int


CaptionTestLine = ProgressLine[CaptionTestProgress, CaptionTestResponse]
