"""User uploads: labelled vectors, labelled pictures, texts with vectors."""

from typing import Literal

from pydantic import Field

from bindscope.core.wire import ModelId, ProgressLine, RequestModel, ResponseModel


class DatasetModel(ResponseModel):
    """``values`` is the number of values of each concept, in the order of ``names``; ``value_names`` their names.

    ``kind``: ``vectors`` and ``pictures`` are scenes, ``texts`` holds texts only. ``dim`` is 0 for pictures and texts;
    ``model`` is the id under which the upload's texts (and vectors) can be asked as a model. ``notes``: what was
    decided while reading.
    """

    id: str
    scenes: int
    dim: int
    concepts: int
    objects_per_scene: int
    values: list[int]
    names: list[str]
    name: str = ""
    kind: Literal["vectors", "pictures", "texts"] = "vectors"
    space: str | None = None
    value_names: list[list[str]] = Field(default_factory=list)
    texts: int = 0
    text_dim: int | None = None
    model: str | None = None
    notes: list[str] = Field(default_factory=list)


class DatasetList(ResponseModel):
    datasets: list[DatasetModel]


class DatasetRow(ResponseModel):
    """One scene: its objects as value names by concept, and what its picture was called."""

    row: int
    objects: list[dict[str, str]]
    picture: str | None = None


class DatasetRows(ResponseModel):
    rows: list[DatasetRow]


class DatasetPreview(ResponseModel):
    """What an upload would be. Nothing was kept: ``dataset.id`` is empty. ``counts``: how often each value occurs."""

    dataset: DatasetModel
    rows: list[DatasetRow]
    counts: dict[str, dict[str, int]]
    texts: list[str]


class DatasetEmbeddingRequest(RequestModel):
    model: ModelId


class DatasetEmbeddingProgress(ResponseModel):
    """``cached`` of the ``done`` pictures were known already."""

    done: int
    total: int
    cached: int


class DatasetEmbedding(DatasetEmbeddingProgress):
    """All pictures are embedded."""


EmbeddingLine = ProgressLine[DatasetEmbeddingProgress, DatasetEmbedding]


class TextList(ResponseModel):
    """Texts that the analyses of a space ask about: captions in all orders, concept queries, object queries."""

    texts: list[str]
