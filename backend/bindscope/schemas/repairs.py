"""Repair of a text tower by a linear map."""

from pydantic import Field

from bindscope.schemas.base import Interval, Provenance, RequestModel, ResponseModel
from bindscope.schemas.embeddings import ModelId


class RepairRequestModel(RequestModel):
    """``coverage``: share of the objects that the map is trained on. ``limit``: most scenes, a seeded sample.
    ``dataset``: the pictures of an upload in place of drawn scenes of ``space``."""

    model: ModelId
    space: str = Field("clevr2d", max_length=64)
    dataset: str | None = Field(None, pattern=r"^[0-9a-f]{16}$")
    coverage: float = Field(0.6, gt=0, lt=1)
    limit: int = Field(4000, ge=4, le=20_000)
    template: str = Field("plain", min_length=1, max_length=200)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class RepairFigures(ResponseModel):
    """Of scenes made only of unseen objects. ``recall_at_1``: ordinary retrieval, text to image, without twins."""

    swap_accuracy: Interval
    recall_at_1: Interval
    concepts: Interval


class RepairPoint(RepairFigures):
    """At A_t = (1 - t) I + t A; ``distance`` is ||A_t - I|| / sqrt(dim)."""

    t: float
    distance: float


class RepairModel(ResponseModel):
    """``t`` was chosen on scenes of training objects. ``baselines`` cost no training. ``repaired`` is a model id."""

    id: str
    model: str
    repaired: str
    space: str
    coverage: float
    seed: int
    limit: int
    template: str
    dim: int
    t: float
    before: RepairPoint
    after: RepairPoint
    path: list[RepairPoint]
    baselines: dict[str, RepairFigures]
    train_scenes: int
    test_scenes: int
    train_objects: int
    chosen: dict[str, float]
    seconds: float = 0.0
    cached: bool = False
    snippet: str = ""
    provenance: Provenance


class RepairList(ResponseModel):
    repairs: list[RepairModel]
