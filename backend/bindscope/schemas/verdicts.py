"""The verdict on one scene, and over many."""

from typing import Literal

from pydantic import Field

from bindscope.schemas.base import (
    Binding,
    Interval,
    ProgressLine,
    Provenance,
    Recognition,
    RequestModel,
    ResponseModel,
    SceneModel,
    StrictChance,
)
from bindscope.schemas.embeddings import ModelId

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


class VerdictBatchRequest(RequestModel):
    """``count`` seeded random scenes. ``only_valid_swaps``: draw only scenes that have a valid swap.

    ``control``: shuffle the pixels, or show a blank picture; both must lose the answer. ``dataset``: scenes of an
    upload, each at most once, in place of drawn ones of ``space``. ``robust_scenes``: how many scenes are changed by a
    hair to see whether their winner survives."""

    model: ModelId
    space: str = Field("shapes2d", max_length=64)
    count: int = Field(200, ge=1, le=5000)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    objects: int = Field(2, ge=1, le=6)
    layout: Literal["random", "slots"] = "random"
    only_valid_swaps: bool = False
    template: str = Field("plain", min_length=1, max_length=200)
    articles: Articles = "a"
    orders: Orders = "all"
    control: Literal["none", "shuffled_pixels", "blank"] = "none"
    dataset: str | None = Field(None, pattern=r"^[0-9a-f]{16}$")
    robust_scenes: int = Field(12, ge=0, le=200)


class AtlasCell(ResponseModel):
    """Contests in which an object that truly has ``value`` is said to have ``other``: how often the swapped caption
    won. Of the two objects the one that comes first by its other concepts gives the direction, so that a scene and its
    twin fall in two cells. ``shrunk``: the share drawn towards the mean of the concept by what few trials can show;
    ``shown``: its interval leaves that mean out, over at least 10 trials. ``example``: the scene with the lowest
    lead."""

    concept: str
    value: str
    other: str
    swapped: Interval
    shrunk: Interval
    shown: bool
    undecided: int
    mean_margin: float
    example: SceneModel


class VerdictBatch(ResponseModel):
    """``binding`` is the headline: captions of each scene against those of its swap, both directions, the same orders
    of mention; chance is 1/2. ``twins`` swapped scenes were shown beside the ``scenes`` for it.

    ``swap_accuracy``: how often a true caption scores best of all, over the scenes with a valid swap (its n counts
    these); undecided ones are not correct and are also counted apart. ``swap_accuracy_chance``: what it is where all
    captions are alike. ``order_against_meaning`` (text-only models): the true caption in another order of mention
    against the swapped one in the anchor's own. ``chance``: recognition by random scores; ``object_chance``: strict
    levels of object recognition where a valid swap exists. ``robust``: share of a few scenes whose winner survives a
    change by a hair. ``atlas_needed``: how many scenes give a cell of the atlas 30 trials on average. All intervals are
    over bags, which n counts elsewhere."""

    scenes: int
    twins: int
    anchor: Literal["image", "text"]
    noise_floor: float
    binding: Binding
    order_against_meaning: Interval | None = None
    swap_accuracy: Interval
    swap_accuracy_chance: float | None
    undecided: Interval
    no_valid_swap: int
    recognition: Recognition
    chance: dict[str, float]
    object_chance: StrictChance
    robust: Interval | None = None
    atlas: list[AtlasCell]
    atlas_needed: int | None = None
    failures: list[SceneModel]
    milliseconds: float
    provenance: Provenance


class BatchProgress(ResponseModel):
    """One line of the streamed form: scenes done of total, and the running accuracy."""

    done: int
    total: int
    swap_accuracy: Interval


BatchLine = ProgressLine[BatchProgress, VerdictBatch]
