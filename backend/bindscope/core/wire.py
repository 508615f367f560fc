"""What every wire type shares."""

from dataclasses import dataclass
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bindscope.core.binding_rules import Origin, Says

_Progress = TypeVar("_Progress", bound=BaseModel)
_Result = TypeVar("_Result", bound=BaseModel)
Asked = TypeVar("Asked", bound="RequestModel")
Answer = TypeVar("Answer", bound="ResponseModel")

ModelId = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
#: Base64 or data URI; 8 MiB of picture at most.
ImageText = Annotated[str, StringConstraints(min_length=1, max_length=11_200_000)]


class RequestModel(BaseModel):
    """A body that a client sends: unknown fields and non-finite numbers are errors."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class ResponseModel(BaseModel):
    """A body that the service sends: a newer service may add fields."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, from_attributes=True)

    @classmethod
    def of(cls, found: object, **others: Any) -> Self:
        """From a result whose attributes have the same names as the fields; ``others`` are the rest of them."""
        named = {name: getattr(found, name) for name in cls.model_fields if hasattr(found, name)}
        return cls.model_validate(named | others)


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
    support, by the rules in ``bindscope.core.binding_rules``."""

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
    seconds: float = 0.0
    provenance: Provenance


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


@dataclass(frozen=True)
class Endpoint(Generic[Asked, Answer]):
    """A question that is posted to ``path``: the body that asks it, and what answers it.

    Declared once beside its schemas; the route, the client, the command line and the dashboard read it from there.
    """

    path: str
    request: type[Asked]
    answer: type[Answer]

    @property
    def name(self) -> str:
        """``probes``, ``interventions/edit``: the path without what all paths begin with."""
        return self.path.removeprefix("/v1/")
