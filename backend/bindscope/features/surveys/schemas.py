"""The verdict over many scenes."""

from typing import Literal

from pydantic import Field

from bindscope.core.wire import (
    AnalysisResponse,
    Binding,
    Endpoint,
    Interval,
    ModelId,
    ProgressLine,
    Recognition,
    ResponseModel,
    StrictChance,
)
from bindscope.features.verdicts.schemas import Articles, Orders
from bindscope.scenes.sources import ScenesRequest
from bindscope.scenes.wire import SceneModel


class VerdictBatchRequest(ScenesRequest):
    """``count`` seeded random scenes. ``only_valid_swaps``: draw only scenes that have a valid swap.

    ``control``: shuffle the pixels, or show a blank picture; both must lose the answer. ``dataset``: scenes of an
    upload, each at most once, in place of drawn ones of ``space``. ``robust_scenes``: how many scenes are changed by a
    hair to see whether their winner survives."""

    model: ModelId
    count: int = Field(200, ge=1, le=5000)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    objects: int = Field(2, ge=1, le=6)
    layout: Literal["random", "slots"] = "random"
    only_valid_swaps: bool = False
    articles: Articles = "a"
    orders: Orders = "all"
    control: Literal["none", "shuffled_pixels", "blank"] = "none"
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


class VerdictBatch(AnalysisResponse):
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


class BatchProgress(ResponseModel):
    """One line of the streamed form: scenes done of total, and the running accuracy."""

    done: int
    total: int
    swap_accuracy: Interval


BatchLine = ProgressLine[BatchProgress, VerdictBatch]

SURVEY = Endpoint("/v1/verdicts/batch", VerdictBatchRequest, VerdictBatch)
