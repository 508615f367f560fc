"""Repair of a text tower by a linear map."""

from pydantic import Field

from bindscope.core.wire import Binding, Endpoint, Interval, ModelId, Provenance, ResponseModel
from bindscope.scenes.sources import ScenesRequest


class RepairRequest(ScenesRequest):
    """``coverage``: share of the objects that the map learns from; the others are two blocks of values. ``limit``: most
    scenes, those of the blocks first. ``dataset``: the pictures of an upload in place of drawn scenes of ``space``."""

    model: ModelId
    coverage: float = Field(0.6, gt=0, lt=1)
    limit: int = Field(4000, ge=4, le=20_000)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class RepairFigures(ResponseModel):
    """Of scenes made only of objects of the test block. ``binding``: pictures between their caption and the swapped
    one. ``swap_accuracy``: the best true caption beats every swapped one. ``recall_at_1``: ordinary retrieval, text to
    image, without twins."""

    binding: Binding
    swap_accuracy: Interval
    swap_accuracy_chance: float | None
    recall_at_1: Interval
    concepts: Interval


class RepairPoint(RepairFigures):
    """At A_t = (1 - t) I + t A; ``distance`` is ||A_t - I|| / sqrt(dim)."""

    t: float
    distance: float


class RepairConfirmation(ResponseModel):
    """The part ``t`` that was best on the ``choosing`` half of the validation bags, with its gain there and on the
    ``confirming`` half; one-sided ``p`` of a sign-flip test of the latter; ``kept``: whether both show the gain."""

    t: float
    choosing: Interval
    confirming: Interval
    p: float
    kept: bool


class RepairStratum(ResponseModel):
    """The tried part of the map, on scenes with so many objects that it learned from (``familiar``)."""

    familiar: int
    scenes: int
    before: Interval
    after: Interval
    gain: Interval


class RepairModel(ResponseModel):
    """``id`` and ``repaired``, a model id, are null where no map was confirmed: ``t`` is 0 then, and ``path`` is that
    of the map that was tried. ``gain``: after minus before of the binding score, bag by bag of the test block.
    ``blocks``: the values that were held out. ``text_probe``: whether the text side holds the binding at all.
    ``baselines`` cost no training."""

    id: str | None
    model: str
    repaired: str | None
    space: str
    coverage: float
    seed: int
    limit: int
    template: str
    dim: int
    t: float
    confirmation: RepairConfirmation
    before: RepairPoint
    after: RepairPoint
    gain: Interval
    strata: list[RepairStratum]
    path: list[RepairPoint]
    baselines: dict[str, RepairFigures]
    blocks: dict[str, dict[str, list[str]]]
    text_probe: Binding
    train_scenes: int
    test_scenes: int
    train_objects: int
    test_objects: int
    chosen: dict[str, float]
    seconds: float = 0.0
    cached: bool = False
    snippet: str = ""
    provenance: Provenance


class RepairList(ResponseModel):
    repairs: list[RepairModel]


REPAIR = Endpoint("/v1/repairs", RepairRequest, RepairModel)
