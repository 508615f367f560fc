"""What every wire type shares."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bindscope.domain.binding import Origin, Says
from bindscope.domain.scenes import MAX_OBJECTS

_Progress = TypeVar("_Progress", bound=BaseModel)
_Result = TypeVar("_Result", bound=BaseModel)


class RequestModel(BaseModel):
    """A body that a client sends: unknown fields and non-finite numbers are errors."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class ResponseModel(BaseModel):
    """A body that the service sends: a newer service may add fields."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, from_attributes=True)


class Interval(ResponseModel):
    """A figure with its 95 % interval over n independent units (bags, held-out objects, scenes); null without one."""

    value: float | None
    low: float | None
    high: float | None
    n: int


#: ``{"<concept>": interval, ..., "concepts": all at once, "object": ..., "object_on_valid_swaps": ...}``
Recognition = dict[str, Interval]


class Unpaired(ResponseModel):
    """Scenes against all their swaps, whether these are among the data or not, beside what the labels' habits reach."""

    forced_choice: Interval
    bag_baseline: Interval
    difference: Interval


class Twin(ResponseModel):
    """The same model with random weights (``seeds`` initialisations), and whether training made the difference.

    ``train_ratio``: the share of training scenes behind both where it is not that of the main figure."""

    forced_choice: Interval
    difference: Interval
    origin: Origin
    seeds: int = 1
    train_ratio: float | None = None


class Control(ResponseModel):
    """Of vectors that labels helped to make (rebuilt, edited, with parts taken out): the same analysis after the
    vectors of each bag were dealt out anew among its scenes, and the difference from it, on which ``says`` rests."""

    forced_choice: Interval
    difference: Interval


class Binding(ResponseModel):
    """The binding score: paired forced choice between a scene and its swap. Chance is exactly 1/2; n counts bags.

    ``unpaired`` stands beside it where fewer than ten bags hold a scene and its swap. ``says`` is what the figures
    support, by the rules in ``bindscope.domain.binding``."""

    forced_choice: Interval | None
    undecided: Interval
    says: Says
    unpaired: Unpaired | None = None
    twin: Twin | None = None
    double_difference: Interval | None = None
    control: Control | None = None


class StrictChance(ResponseModel):
    """What strict recognition of objects reaches without binding: random scores over all objects; over the objects that
    the scene's values allow; and always naming the most frequent pairing of the values, which needs no binding."""

    unconditional: float | None
    given_bag: float | None
    ceiling_bag: float | None


class Provenance(ResponseModel):
    """What a number was made with."""

    model: str
    fingerprint: str
    preprocessing: str
    dtype: str
    device: str
    space: str | None = None
    template: str | None = None
    renderer: str | None = None
    seed: int | None = None
    dataset: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)


class AnalysisResponse(ResponseModel):
    """What every analysis says about itself. ``cached``: the answer was kept since ``computed_at`` (UTC)."""

    cached: bool = False
    computed_at: str | None = None
    seconds: float
    provenance: Provenance


class PlacedObject(RequestModel):
    """One object of a scene. ``x y`` are the centre, ``size`` the side, all as shares of the canvas."""

    values: dict[str, str] = Field(description="Value of each concept, by name.", max_length=8)
    x: float | None = Field(None, ge=0, le=1)
    y: float | None = Field(None, ge=0, le=1)
    size: float | None = Field(None, gt=0, le=1)


class SceneModel(RequestModel):
    """A scene. Objects without a place stand in slots from left to right; list order is the order of mention.

    ``dataset`` and ``row`` name a scene of an upload instead: its labels are the objects then, and places say nothing.
    ``dataset`` and ``objects`` without a row mean its first scene with these objects in this order.
    """

    space: str = Field("shapes2d", max_length=64)
    objects: list[PlacedObject] = Field(default_factory=list, max_length=MAX_OBJECTS)
    dataset: str | None = Field(None, pattern=r"^[0-9a-f]{16}$")
    row: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _drawn_or_uploaded(self) -> "SceneModel":
        if self.dataset is None and self.row is not None:
            raise ValueError("A row belongs to a dataset: name it.")
        if self.row is None and not self.objects:
            raise ValueError("A scene without objects: list at least one.")
        return self


class Problem(ResponseModel):
    """An error (RFC 9457). ``known`` lists the valid names where a name was unknown."""

    type: str
    title: str
    status: int
    detail: str
    known: list[str] | None = None
    errors: list[dict[str, str]] | None = None


class ProgressLine(ResponseModel, Generic[_Progress, _Result]):
    """A line of ``application/x-ndjson``: progress, then exactly one result or error."""

    progress: _Progress | None = None
    result: _Result | None = None
    error: dict[str, object] | None = None
