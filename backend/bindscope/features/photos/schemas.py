"""One photo and two captions."""

from typing import Annotated

from pydantic import Field

from bindscope.core.wire import Endpoint, ModelId, Provenance, RequestModel, ResponseModel
from bindscope.features.verdicts.schemas import Outcome

Caption = Annotated[str, Field(min_length=1, max_length=2000)]


class PhotoRequest(RequestModel):
    """``image``: base64 or data URI (PNG, JPEG, WebP). The first of the two ``captions`` is the true one."""

    model: ModelId
    image: str = Field(min_length=1)
    captions: list[Caption] = Field(min_length=2, max_length=2)


class PhotoVerdict(ResponseModel):
    """``margin``: the true caption's cosine minus the other's. ``cut``: whether a caption is longer than the model
    reads. Nothing of the photo or the captions is kept."""

    outcome: Outcome
    margin: float
    noise_floor: float
    scores: list[float]
    same_words: bool
    cut: list[bool]
    milliseconds: float
    provenance: Provenance


PHOTO = Endpoint("/v1/photos/verdict", PhotoRequest, PhotoVerdict)
