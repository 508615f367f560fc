"""Uploaded embeddings with labels."""

from bindscope.schemas.base import ResponseModel


class DatasetModel(ResponseModel):
    """``values`` is the number of values of each concept, in the order of ``names``."""

    id: str
    scenes: int
    dim: int
    concepts: int
    objects_per_scene: int
    values: list[int]
    names: list[str]


class DatasetList(ResponseModel):
    datasets: list[DatasetModel]
