"""What an analysis runs on: the scenes of a space as a model embeds them, or an uploaded dataset."""

from typing import Literal

from pydantic import Field, model_validator

from bindscope.core.wire import ModelId, RequestModel


class SourceModel(RequestModel):
    """Either ``model``, ``space`` and ``modality``, or ``dataset`` (vectors as they were uploaded), or ``dataset`` and
    ``model``: the upload's pictures as the model sees them, or with modality text the captions of its scenes.

    A model's scenes are all ordered tuples of ``objects`` objects in slots from left to right, or a seeded sample
    of ``limit`` of them where there are more.
    """

    model: ModelId | None = None
    space: str | None = Field(None, max_length=64)
    modality: Literal["image", "text"] | None = None
    objects: int = Field(2, ge=1, le=4)
    limit: int = Field(10_000, ge=2, le=200_000)
    template: str = Field("plain", min_length=1, max_length=200)
    dataset: str | None = Field(None, pattern=r"^[0-9a-f]{16}$")

    @model_validator(mode="after")
    def _one_kind(self) -> "SourceModel":
        if self.dataset is not None and self.space is not None:
            raise ValueError('A source is {"model", "space", "modality"} or {"dataset"}: give one of them.')
        if self.dataset is None and self.model is None:
            raise ValueError('A source is {"model", "space", "modality"} or {"dataset"}: give one of them.')
        if self.dataset is None and (self.space is None or self.modality is None):
            raise ValueError("A model as a source needs a space and a modality (image or text).")
        return self
