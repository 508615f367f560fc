"""User uploads: labelled vectors, labelled pictures, texts with vectors."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile

from bindscope.api.dependencies import Parts
from bindscope.api.streaming import NDJSON, answered
from bindscope.core.config import Settings
from bindscope.core.errors import PayloadTooLarge
from bindscope.features.datasets.schemas import (
    DatasetEmbedding,
    DatasetEmbeddingRequest,
    DatasetList,
    DatasetModel,
    DatasetPreview,
    DatasetRows,
    EmbeddingLine,
)
from bindscope.features.datasets.service import Uploads, dataset_model, thumbnail
from bindscope.scenes.scene import Origin
from bindscope.services.container import Services
from bindscope.services.pictures import uploaded_pictures
from bindscope.store.datasets import Upload

_MAX_TABLE = 64 * 1024 * 1024
_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}

_Upload = Annotated[UploadFile, File(description=".npz, .parquet, .npy (with labels), or .zip (pictures and a CSV).")]
_Labels = Annotated[UploadFile | None, File(description="A CSV with the labels or texts of the rows.")]
_Mapping = Annotated[UploadFile | None, File(description="YAML or JSON: which column of the CSV holds what.")]
_Space = Annotated[str | None, Form(max_length=64, description="Concept space of the labels; none: made of them.")]
_Name = Annotated[str, Form(max_length=40, pattern=r"^([a-z][a-z0-9_-]*)?$", description="Name of that space.")]


def routes(settings: Settings) -> APIRouter:
    """The routes; an upload may be larger than other requests."""
    router = APIRouter(prefix="/v1/datasets", tags=["datasets"])
    limit = settings.max_upload_mb * 1024 * 1024
    router.get("")(list_datasets)
    router.post("", status_code=201, max_body_size=limit)(add_dataset)
    router.post("/check", max_body_size=limit)(check_dataset)
    router.get("/{dataset_id}")(get_dataset)
    router.delete("/{dataset_id}", status_code=204)(delete_dataset)
    router.get("/{dataset_id}/rows")(dataset_rows)
    router.get("/{dataset_id}/pictures/{row}", response_class=Response, responses=_PNG)(dataset_picture)
    router.post(
        "/{dataset_id}/embeddings", response_model=DatasetEmbedding, responses={200: {"content": {NDJSON: {}}}}
    )(embed_dataset)
    return router


def list_datasets(parts: Parts) -> DatasetList:
    """All uploads."""
    return DatasetList(datasets=[dataset_model(facts) for facts in parts.datasets.all()])


def add_dataset(
    file: _Upload,
    parts: Parts,
    labels: _Labels = None,
    mapping: _Mapping = None,
    space: _Space = None,
    name: _Name = "",
) -> DatasetModel:
    """Keeps an upload. The same content again gives the same id; nothing is kept of a file that has a fault."""
    return dataset_model(parts.of(Uploads).keep(_read(parts, file, labels, mapping, space, name)))


def check_dataset(
    file: _Upload,
    parts: Parts,
    labels: _Labels = None,
    mapping: _Mapping = None,
    space: _Space = None,
    name: _Name = "",
) -> DatasetPreview:
    """Reads an upload to its end, every picture included, and says what it is. Nothing is kept."""
    return parts.of(Uploads).preview(_read(parts, file, labels, mapping, space, name))


def get_dataset(dataset_id: str, parts: Parts) -> DatasetModel:
    """Shape and concepts of one upload."""
    return dataset_model(parts.datasets.facts(dataset_id))


def delete_dataset(dataset_id: str, parts: Parts) -> Response:
    """Removes an upload."""
    parts.datasets.remove(dataset_id)
    parts.models.forget(f"precomputed:{dataset_id}")
    return Response(status_code=204)


def dataset_rows(
    dataset_id: str,
    parts: Parts,
    start: Annotated[int, Query(ge=0)] = 0,
    count: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> DatasetRows:
    """Scenes of an upload, as their labels say."""
    rows = parts.of(Uploads).rows(dataset_id, start=start, count=count)
    return DatasetRows(rows=rows)


def dataset_picture(
    dataset_id: str, row: int, parts: Parts, pixels: Annotated[int, Query(ge=16, le=1024)] = 224
) -> Response:
    """A picture of an upload as PNG, its longer side at most ``pixels``."""
    return picture_answer(parts, Origin(dataset_id, row), pixels)


def embed_dataset(
    dataset_id: str, body: DatasetEmbeddingRequest, request: Request, parts: Parts
) -> DatasetEmbedding | Response:
    """Embeds an upload's pictures into the cache, so that analyses of it start at once. With ``Accept:
    application/x-ndjson``: progress lines, then the result."""
    return answered(request, parts.of(Uploads).embed(dataset_id, body.model), EmbeddingLine, DatasetEmbedding)


def picture_answer(parts: Services, origin: Origin, pixels: int) -> Response:
    """The PNG of an uploaded scene."""
    (picture,) = uploaded_pictures(parts.datasets, parts.pictures, [origin])
    return Response(thumbnail(picture, pixels), media_type="image/png")


def _table(file: UploadFile | None) -> bytes | None:
    if file is None:
        return None
    data = file.file.read(_MAX_TABLE + 1)
    if len(data) > _MAX_TABLE:
        raise PayloadTooLarge(f"The table has more than {_MAX_TABLE // 2**20} MiB: send fewer rows at a time.")
    return data


def _read(
    parts: Services,
    file: UploadFile,
    labels: UploadFile | None,
    mapping: UploadFile | None,
    space: str | None,
    name: str,
) -> Upload:
    return parts.of(Uploads).read(
        file.file,
        filename=file.filename or "",
        labels=_table(labels),
        mapping=_table(mapping),
        space=space or None,
        name=name,
    )
