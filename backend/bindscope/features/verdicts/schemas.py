"""The verdict on one scene, and over many."""

from typing import Literal

from pydantic import Field

from bindscope.core.wire import (
    Endpoint,
    ModelId,
    Provenance,
    RequestModel,
    ResponseModel,
)
from bindscope.scenes.wire import SceneModel

Outcome = Literal["binds", "swaps", "undecided", "no_valid_swap"]
Diagnosis = Literal["binds", "bag_of_concepts", "blind", "undecided"]
Orders = Literal["all", "given"]
Articles = Literal["a", "a_or_an"]


class SceneQuestion(RequestModel):
    """A model and a scene. ``orders``: whether captions mention the objects in all orders or only as listed."""

    model: ModelId
    scene: SceneModel
    template: str = Field("plain", min_length=1, max_length=200)
    articles: Articles = "a"
    orders: Orders = "all"


class VerdictRequest(SceneQuestion):
    """``robustness``: ask about copies of the scene that differ by a hair, and about its twin, too. Without it the
    answer is quicker (while something is dragged), and a winner may be one that a hair changes."""

    robustness: bool = True


class CaptionScore(ResponseModel):
    text: str
    kind: Literal["true", "swap"]
    score: float


class Contest(ResponseModel):
    """``margin`` = best true caption - best swapped caption; null without a valid swap. Undecided: the margin lies
    inside the noise floor, or too few copies of the scene have the same winner."""

    outcome: Outcome
    margin: float | None
    noise_floor: float
    captions: list[CaptionScore]


class Robustness(ResponseModel):
    """How many of ``copies`` have the winner of the scene itself: the picture with everything moved by a hair
    (``places``), or the captions in other templates. Below ``stable`` the contest is undecided. It says whether this
    winner is stable, not whether the model binds."""

    same: int
    copies: int
    kind: Literal["places", "templates"]
    stable: bool


class ConceptScore(ResponseModel):
    concept: str
    value: str
    present: bool
    score: float


class ConceptScores(ResponseModel):
    """``recognised`` when every concept is."""

    recognised: bool
    by_concept: dict[str, bool]
    scores: list[ConceptScore]


class ObjectScore(ResponseModel):
    values: dict[str, str]
    present: bool
    score: float


class ObjectScores(ResponseModel):
    recognised: bool
    scores: list[ObjectScore]


class Verdict(ResponseModel):
    """``anchor`` says what the captions are compared with: the picture, or (text-only models) the caption as listed.
    ``answer`` is the verdict in one plain sentence. ``twin_margin``: the margin of the scene with the values exchanged
    as in the best swapped caption; null where it was not asked, and for uploads."""

    diagnosis: Diagnosis
    answer: str
    anchor: Literal["image", "text"]
    anchor_text: str | None
    contest: Contest
    robustness: Robustness | None = None
    twin_margin: float | None = None
    concepts: ConceptScores
    objects: ObjectScores
    cached: int
    milliseconds: float
    provenance: Provenance


VERDICT = Endpoint("/v1/verdicts", VerdictRequest, Verdict)
