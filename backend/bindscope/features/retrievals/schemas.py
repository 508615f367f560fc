"""Retrieval with swapped twins in the gallery, and captions that share a vector."""

from typing import Literal

from pydantic import Field

from bindscope.core.wire import AnalysisResponse, Binding, Endpoint, Interval, ModelId, ResponseModel
from bindscope.scenes.sources import ScenesRequest
from bindscope.scenes.wire import SceneModel

Direction = Literal["text_to_image", "image_to_text", "text_to_text"]


class RetrievalRequest(ScenesRequest):
    """``queries`` seeded scenes that have a swapped twin are searched for among ``distractors``: ``swaps``, the queried
    scenes and their twins, or ``all`` scenes of the space (``limit`` of them where there are more).

    ``text_to_text`` asks by a caption and finds the same scene in another order of mention; models that read text only
    are always asked so. ``dataset``: an upload with pictures, or with the model's own image vectors, of scenes of the
    space, in place of pictures drawn here. ``approximate`` searches by a graph index (faiss) and says how much of the
    exact answer it finds.
    """

    model: ModelId
    space: str = Field("clevr2d", max_length=64)
    direction: Direction = "text_to_image"
    k: int = Field(10, ge=1, le=1000)
    distractors: Literal["swaps", "all"] = "swaps"
    queries: int = Field(200, ge=1, le=5000)
    limit: int = Field(10_000, ge=2, le=200_000)
    objects: int = Field(2, ge=2, le=4)
    approximate: bool = False
    seed: int = Field(0, ge=0, le=2**31 - 1)


class RetrievedItem(ResponseModel):
    """One result: a picture (``text`` null) or a caption. ``right``: the same objects; ``twin``: after a swap."""

    scene: SceneModel
    text: str | None
    score: float
    right: bool
    twin: bool


class RetrievalItem(ResponseModel):
    """One query. ``rank`` of the first right item, from 1; ``text`` null where the picture was the query."""

    scene: SceneModel
    text: str | None
    rank: int
    right_score: float
    twin_score: float | None
    results: list[RetrievedItem]


class RetrievalResponse(AnalysisResponse):
    """``binding``: is the right scene ahead of its swapped twin? Each pair of twins is asked from both sides, so chance
    is exactly 1/2. ``recall`` at 1, 5, 10 and k; intervals count bags.

    ``swapped_first``: the twin scores higher than every right item by more than the noise floor; ``undecided``: neither
    does. Where a query has more twins than right items, chance favours the twins: ``swapped_first_chance`` is the level
    without binding. ``items``: some queries, the worst ranks first."""

    direction: Direction
    binding: Binding
    recall: dict[str, Interval]
    swapped_first: Interval
    swapped_first_chance: float | None
    undecided: Interval
    noise_floor: float
    gallery: int
    queries: int
    approximate_recall: Interval | None = None
    items: list[RetrievalItem]


RETRIEVAL = Endpoint("/v1/retrievals", RetrievalRequest, RetrievalResponse)
