"""Uploaded embeddings with labels."""

from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from bindscope.api.dependencies import Parts
from bindscope.schemas.datasets import DatasetList, DatasetModel
from bindscope.store.datasets import DatasetFacts


def routes(*, max_upload_mb: int) -> APIRouter:
    """The routes; an upload may be larger than other requests."""
    router = APIRouter(prefix="/v1/datasets", tags=["datasets"])
    router.get("")(list_datasets)
    router.post("", status_code=201, max_body_size=max_upload_mb * 1024 * 1024)(add_dataset)
    router.get("/{dataset_id}")(get_dataset)
    router.delete("/{dataset_id}", status_code=204)(delete_dataset)
    return router


def list_datasets(parts: Parts) -> DatasetList:
    """All uploads."""
    return DatasetList(datasets=[_model(facts) for facts in parts.datasets.all()])


def add_dataset(file: Annotated[UploadFile, File(description="An .npz file.")], parts: Parts) -> DatasetModel:
    """``embeddings`` [scene, dim], ``scenes`` [scene, object, concept], ``values`` [concept], optional ``names``.

    The same content again gives the same id.
    """
    return _model(parts.datasets.add(file.file, max_bytes=parts.settings.max_upload_mb * 1024 * 1024))


def get_dataset(dataset_id: str, parts: Parts) -> DatasetModel:
    """Shape and concepts of one upload."""
    return _model(parts.datasets.facts(dataset_id))


def delete_dataset(dataset_id: str, parts: Parts) -> Response:
    """Removes an upload."""
    parts.datasets.remove(dataset_id)
    return Response(status_code=204)


def _model(facts: DatasetFacts) -> DatasetModel:
    return DatasetModel(
        id=facts.id,
        scenes=facts.scenes,
        dim=facts.dim,
        concepts=len(facts.values),
        objects_per_scene=facts.objects_per_scene,
        values=list(facts.values),
        names=list(facts.names),
    )
