"""What an analysis runs on: the scenes of a space as a model embeds them, or an uploaded dataset."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from bindscope.core.wire import ModelId, RequestModel

#: What the id of an upload looks like.
DATASET_ID = r"^[0-9a-f]{16}$"


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
    dataset: str | None = Field(None, pattern=DATASET_ID)

    @model_validator(mode="after")
    def _one_kind(self) -> "SourceModel":
        if self.dataset is not None and self.space is not None:
            raise ValueError('A source is {"model", "space", "modality"} or {"dataset"}: give one of them.')
        if self.dataset is None and self.model is None:
            raise ValueError('A source is {"model", "space", "modality"} or {"dataset"}: give one of them.')
        if self.dataset is None and (self.space is None or self.modality is None):
            raise ValueError("A model as a source needs a space and a modality (image or text).")
        return self


class ScenesSource(RequestModel):
    """Where scenes come from, for analyses that look at both towers: a space or an upload."""

    model: ModelId | None = None
    space: str | None = Field(None, max_length=64)
    dataset: str | None = Field(None, pattern=DATASET_ID)
    template: str | None = Field(None, min_length=1, max_length=200)
    objects: int | None = Field(None, ge=1, le=6)
    limit: int | None = Field(None, ge=2, le=200_000)

    @model_validator(mode="after")
    def _one_kind(self) -> "ScenesSource":
        if (self.dataset is None) == (self.space is None):
            raise ValueError("A source names either a space or a dataset.")
        return self


def _model_or_source(schema: dict[str, Any]) -> None:
    """The model of a question may stand in its source: the documentation asks for one of the two."""
    required = schema.get("required", [])
    if "model" in required:
        required.remove("model")
        schema["anyOf"] = [{"required": ["model"]}, {"required": ["source"]}]
        if not required:
            del schema["required"]


class ScenesRequest(RequestModel):
    """A question about both towers. ``source`` is the form of all endpoints: ``{"model", "space"}`` or ``{"model",
    "dataset"}``; its fields may also stand beside the others, as ``model``, ``space``, ``dataset``, ``template``."""

    model_config = ConfigDict(json_schema_extra=_model_or_source)

    source: ScenesSource | None = Field(None, exclude=True)
    space: str = Field("shapes2d", max_length=64)
    dataset: str | None = Field(
        None, pattern=DATASET_ID, description="Scenes of an upload, in place of those of ``space``."
    )
    template: str = Field("plain", min_length=1, max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _from_source(cls, given: Any) -> Any:
        """Fields of ``source`` take the places beside it. Raises ValueError where both are there and differ."""
        if not isinstance(given, Mapping) or given.get("source") is None:
            return given
        source = given["source"]
        if not isinstance(source, Mapping | ScenesSource):
            raise ValueError('A source is {"model", "space"} or {"model", "dataset"}.')
        source = ScenesSource.model_validate(source)
        fields = {name: value for name, value in given.items() if name != "source" and value is not None}
        if source.space is not None and "dataset" in fields:
            raise ValueError("The scenes are named twice: by the space of source and by dataset beside it.")
        for name, value in source.model_dump(exclude_none=True).items():
            if name not in cls.model_fields:
                raise ValueError(f"The source of this question has no {name}.")
            if fields.setdefault(name, value) != value:
                raise ValueError(f"{name} is given twice: in source and beside it.")
        return fields
