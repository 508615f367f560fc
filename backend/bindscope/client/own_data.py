"""Client methods for what you bring: uploads, their pictures, and the texts that an analysis needs."""

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bindscope.client.connection import Connection
from bindscope.features.caption_tests.schemas import CaptionTestLine, CaptionTestProgress, CaptionTestResponse
from bindscope.features.datasets.schemas import (
    DatasetEmbedding,
    DatasetEmbeddingProgress,
    DatasetList,
    DatasetModel,
    DatasetPreview,
    DatasetRow,
    DatasetRows,
    EmbeddingLine,
    TextList,
)
from bindscope.features.photos.schemas import PhotoVerdict

FileLike = bytes | Path


class OwnData(Connection):
    """An upload is an .npz, a .parquet, a .npy with ``labels`` (CSV), or a .zip of pictures or arrays and a CSV."""

    def add_dataset(
        self,
        file: FileLike,
        *,
        labels: FileLike | None = None,
        mapping: FileLike | None = None,
        space: str | None = None,
        name: str = "",
        filename: str = "",
    ) -> DatasetModel:
        """Uploads labelled vectors or pictures, or texts with vectors. ``space``: the concept space of the labels;
        without it one is made of the values that occur, called ``name``."""
        parts = _parts(file, labels, mapping, space, name, filename)
        return self._ask(DatasetModel, "POST", "/v1/datasets", **parts)

    def check_dataset(
        self,
        file: FileLike,
        *,
        labels: FileLike | None = None,
        mapping: FileLike | None = None,
        space: str | None = None,
        name: str = "",
        filename: str = "",
    ) -> DatasetPreview:
        """Reads an upload to its end and says what it is, without keeping it. Arguments as of ``add_dataset``."""
        parts = _parts(file, labels, mapping, space, name, filename)
        return self._ask(DatasetPreview, "POST", "/v1/datasets/check", **parts)

    def datasets(self) -> list[DatasetModel]:
        """All uploads."""
        return self._ask(DatasetList, "GET", "/v1/datasets").datasets

    def dataset(self, dataset_id: str) -> DatasetModel:
        """One upload."""
        return self._ask(DatasetModel, "GET", f"/v1/datasets/{dataset_id}")

    def delete_dataset(self, dataset_id: str) -> None:
        """Removes an upload."""
        self._send("DELETE", f"/v1/datasets/{dataset_id}")

    def dataset_rows(self, dataset_id: str, *, start: int = 0, count: int = 50) -> list[DatasetRow]:
        """Labels of some scenes."""
        path = f"/v1/datasets/{dataset_id}/rows"
        return self._ask(DatasetRows, "GET", path, params={"start": start, "count": count}).rows

    def dataset_picture(self, dataset_id: str, row: int, pixels: int = 224) -> bytes:
        """The picture of one scene as PNG."""
        return self._send("GET", f"/v1/datasets/{dataset_id}/pictures/{row}", params={"pixels": pixels}).content

    def embed_dataset(
        self, dataset_id: str, model: str, *, on_progress: Callable[[DatasetEmbeddingProgress], None] | None = None
    ) -> DatasetEmbedding:
        """Embeds an upload's pictures ahead of its analyses; ``on_progress`` is called while it runs."""
        path, body = f"/v1/datasets/{dataset_id}/embeddings", {"model": model}
        if on_progress is None:
            return self._ask(DatasetEmbedding, "POST", path, json=body)
        return self._followed(EmbeddingLine, path, body, on_progress)

    def photo_verdict(self, model: str, photo: FileLike, captions: Sequence[str]) -> PhotoVerdict:
        """Which of two captions does the model prefer? The first is the true one. Nothing is kept."""
        image = base64.b64encode(_read(photo)).decode()
        body = {"model": model, "image": image, "captions": list(captions)}
        return self._ask(PhotoVerdict, "POST", "/v1/photos/verdict", json=body)

    def caption_test(
        self, model: str, archive: FileLike, *, on_progress: Callable[[CaptionTestProgress], None] | None = None
    ) -> CaptionTestResponse:
        """SugarCrepe, Winoground or ARO: a zip of its annotation files and pictures."""
        parts: dict[str, Any] = {"files": {"file": ("test.zip", _read(archive))}, "data": {"model": model}}
        if on_progress is None:
            return self._ask(CaptionTestResponse, "POST", "/v1/caption-tests", **parts)
        return self._followed(CaptionTestLine, "/v1/caption-tests", None, on_progress, **parts)

    def space_texts(self, space: str, **options: Any) -> list[str]:
        """Texts that analyses of a space ask about, for embedding elsewhere. Options: objects, template, limit."""
        return self._ask(TextList, "GET", f"/v1/spaces/{space}/texts", params=options).texts


def _parts(
    file: FileLike,
    labels: FileLike | None,
    mapping: FileLike | None,
    space: str | None,
    name: str,
    filename: str,
) -> dict[str, Any]:
    called = filename or (file.name if isinstance(file, Path) else "dataset")
    files: dict[str, tuple[str, bytes]] = {"file": (called, _read(file))}
    for key, given in (("labels", labels), ("mapping", mapping)):
        if given is not None:
            files[key] = (given.name if isinstance(given, Path) else key, _read(given))
    data = {key: text for key, text in (("space", space), ("name", name)) if text}
    return {"files": files, "data": data}


def _read(file: FileLike) -> bytes:
    return file.read_bytes() if isinstance(file, Path) else file
