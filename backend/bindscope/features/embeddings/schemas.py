"""Embedding requests and answers."""

from pydantic import Field, model_validator

from bindscope.core.wire import Endpoint, ImageText, ModelId, Provenance, RequestModel, ResponseModel, Text
from bindscope.scenes.wire import SceneModel

MAX_ITEMS = 1024


class EmbeddingRequest(RequestModel):
    """Exactly one of scenes, texts and images, each with 1 to 1,024 items."""

    model: ModelId
    scenes: list[SceneModel] | None = Field(None, min_length=1, max_length=MAX_ITEMS)
    texts: list[Text] | None = Field(None, min_length=1, max_length=MAX_ITEMS)
    images: list[ImageText] | None = Field(None, min_length=1, max_length=MAX_ITEMS)

    @model_validator(mode="after")
    def _one_kind(self) -> "EmbeddingRequest":
        given = [name for name in ("scenes", "texts", "images") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"Give exactly one of scenes, texts and images, got {' and '.join(given) or 'none'}.")
        return self


class EmbeddingResponse(ResponseModel):
    """Vectors [item, dim] as the model returns them (not normalised); ``cached`` of them came from the store."""

    embeddings: list[list[float]]
    dim: int
    cached: int
    provenance: Provenance


EMBEDDINGS = Endpoint("/v1/embeddings", EmbeddingRequest, EmbeddingResponse)
