"""Captions whose meanings differ and whose embeddings do not."""

from typing import Annotated

from pydantic import Field, model_validator

from bindscope.core.wire import AnalysisResponse, Endpoint, Interval, ModelId, ResponseModel
from bindscope.scenes.sources import ScenesRequest

LongText = Annotated[str, Field(min_length=1, max_length=2000)]


class NearDuplicatesRequest(ScenesRequest):
    """The captions of the scenes of a ``space`` or of an upload (a seeded sample of ``limit`` of them), or ``texts``
    that all mean different things.

    ``min_cosine``: which pairs are too close; left out, those that are no farther apart than one text encoded twice.
    """

    model: ModelId
    space: str | None = Field(None, max_length=64)  # type: ignore[assignment]
    texts: list[LongText] | None = Field(None, max_length=20_000)
    min_cosine: float | None = Field(None, ge=-1, le=1)
    objects: int = Field(2, ge=1, le=4)
    limit: int = Field(2000, ge=2, le=20_000)
    most: int = Field(200, ge=1, le=2000)

    @model_validator(mode="after")
    def _one_kind(self) -> "NearDuplicatesRequest":
        if sum(given is not None for given in (self.space, self.dataset, self.texts)) != 1:
            raise ValueError("Give either a space, a dataset or texts to compare.")
        return self


class NearDuplicate(ResponseModel):
    """Two captions with different meanings. ``swap``: one is the other after a swap; null for pasted texts."""

    first: str
    second: str
    cosine: float
    swap: bool | None


class NearDuplicatesResponse(AnalysisResponse):
    """The closest of ``total`` pairs at ``min_cosine`` or above, among ``compared`` with different meanings. ``share``
    is counted over all these pairs, which are no independent trials, so it has no interval."""

    pairs: list[NearDuplicate]
    total: int
    compared: int
    share: Interval
    captions: int
    min_cosine: float
    noise_floor: float


NEAR_DUPLICATES = Endpoint("/v1/near-duplicates", NearDuplicatesRequest, NearDuplicatesResponse)
