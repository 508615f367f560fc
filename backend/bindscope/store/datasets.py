"""Uploads as folders: safetensors, JSON and picture files, written whole or not at all. An id is a hash of the content.

An upload holds labelled scenes with a vector or a picture each, or texts with a vector each, or both.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.core.hashing import Content, digest, digest_of_parts
from bindscope.scenes.concepts import ConceptSpace, space_from_mapping, space_to_mapping
from bindscope.scenes.labels import SceneLabels
from bindscope.store.files import move_whole, unfinished_folder

Kind = Literal["vectors", "pictures", "texts"]
ARRAYS, FACTS, TEXTS, PICTURES = "arrays.safetensors", "facts.json", "texts.json", "pictures"


@dataclass(frozen=True, eq=False)
class TextTable:
    """Texts and ``vectors`` float32 [text, dim]."""

    texts: tuple[str, ...]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PictureFile:
    """The name that its owner gave a picture, and how its bytes are read."""

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True, eq=False)
class Upload:
    """What an upload brings, checked. ``labels`` None: texts only. ``embeddings`` float32 [scene, dim] and
    ``pictures`` (one a scene) exclude each other; ``space`` None: values have numbers only."""

    name: str
    labels: SceneLabels | None = None
    space: ConceptSpace | None = None
    embeddings: NDArray[np.float32] | None = None
    pictures: tuple[PictureFile, ...] = ()
    texts: TextTable | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """``embeddings`` float32 [scene, dim], or None where the scenes are pictures."""

    id: str
    embeddings: NDArray[np.float32] | None
    labels: SceneLabels
    space: ConceptSpace | None


@dataclass(frozen=True)
class DatasetFacts:
    """What is known without reading the arrays. ``dim`` is None for pictures, ``text_dim`` without texts."""

    id: str
    scenes: int
    dim: int | None
    objects_per_scene: int
    values: tuple[int, ...]
    names: tuple[str, ...]
    name: str = ""
    kind: Kind = "vectors"
    space: ConceptSpace | None = None
    texts: int = 0
    text_dim: int | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def value_names(self) -> tuple[tuple[str, ...], ...]:
        """Names of each concept's values; numbers where nobody named them."""
        if self.space is not None:
            return tuple(concept.values for concept in self.space.concepts)
        return tuple(tuple(str(i) for i in range(size)) for size in self.values)


class DatasetRepository:
    """Datasets below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, upload: Upload) -> DatasetFacts:
        """Stores an upload; the same content again is found, not stored. Raises DiskFull, then nothing is stored."""
        with unfinished_folder(self._folder) as part:
            hashes = _copied(upload.pictures, part / PICTURES)
            facts = described(upload, _digest(upload, hashes))
            target = self._folder / facts.id
            if not target.is_dir():
                _write(part, upload, facts)
                move_whole(part, target)
            return self.facts(facts.id)

    def all(self) -> list[DatasetFacts]:
        """Every stored dataset, by id."""
        return [self.facts(path.name) for path in sorted(self._folder.glob("*")) if (path / FACTS).is_file()]

    def facts(self, dataset_id: str) -> DatasetFacts:
        """Raises UnknownName."""
        body = json.loads(self._existing(dataset_id).joinpath(FACTS).read_text(encoding="utf-8"))
        return DatasetFacts(
            dataset_id,
            int(body["scenes"]),
            None if body["dim"] is None else int(body["dim"]),
            int(body["objects_per_scene"]),
            tuple(body["values"]),
            tuple(body["names"]),
            body.get("name", ""),
            body.get("kind", "vectors"),
            space_from_mapping(body["space"]) if body.get("space") else None,
            int(body.get("texts", 0)),
            body.get("text_dim"),
            tuple(body.get("notes", ())),
        )

    def get(self, dataset_id: str) -> Dataset:
        """Raises UnknownName, and InvalidInput for an upload without scenes."""
        from safetensors.numpy import load_file

        facts = self.facts(dataset_id)
        if not facts.scenes:
            raise InvalidInput(f"Upload {dataset_id!r} holds texts only: use it as model 'precomputed:{dataset_id}'.")
        arrays = load_file(self._existing(dataset_id) / ARRAYS)
        labels = SceneLabels(arrays["scenes"], facts.values, facts.names)
        return Dataset(dataset_id, arrays.get("embeddings"), labels, facts.space)

    def texts(self, dataset_id: str) -> TextTable | None:
        """The texts of an upload, if it has any. Raises UnknownName."""
        from safetensors.numpy import load_file

        folder = self._existing(dataset_id)
        if not self.facts(dataset_id).texts:
            return None
        listed = json.loads((folder / TEXTS).read_text(encoding="utf-8"))
        return TextTable(tuple(listed), load_file(folder / ARRAYS)["text_embeddings"])

    def picture(self, dataset_id: str, row: int) -> bytes:
        """The file of one scene. Raises UnknownName, InvalidInput."""
        folder = self._existing(dataset_id) / PICTURES
        file = folder / f"{row:07d}"
        if row < 0 or not file.is_file():
            raise InvalidInput(f"Upload {dataset_id!r} has no picture in row {row}.")
        return file.read_bytes()

    def picture_names(self, dataset_id: str) -> tuple[str, ...]:
        """What the pictures were called, by row; none for vectors."""
        file = self._existing(dataset_id) / PICTURES / "names.json"
        return tuple(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else ()

    def remove(self, dataset_id: str) -> None:
        """Raises UnknownName."""
        shutil.rmtree(self._existing(dataset_id))

    def _existing(self, dataset_id: str) -> Path:
        folder = self._folder / dataset_id
        plain = len(dataset_id) == 16 and all(c in "0123456789abcdef" for c in dataset_id)
        if not plain or not (folder / FACTS).is_file():
            known = [path.name for path in sorted(self._folder.glob("*")) if (path / FACTS).is_file()]
            raise UnknownName("dataset", dataset_id, known)
        return folder


def described(upload: Upload, dataset_id: str) -> DatasetFacts:
    """The facts of an upload."""
    labels, texts = upload.labels, upload.texts
    kind: Kind = "pictures" if upload.pictures else "vectors" if upload.embeddings is not None else "texts"
    return DatasetFacts(
        dataset_id,
        len(labels) if labels is not None else 0,
        None if upload.embeddings is None else int(upload.embeddings.shape[1]),
        labels.slots if labels is not None else 0,
        labels.values if labels is not None else (),
        labels.names if labels is not None else (),
        upload.name,
        kind,
        upload.space,
        len(texts.texts) if texts is not None else 0,
        int(texts.vectors.shape[1]) if texts is not None else None,
        upload.notes,
    )


def _copied(pictures: Sequence[PictureFile], folder: Path) -> list[str]:
    """Hashes of the files, written by row."""
    if not pictures:
        return []
    folder.mkdir()
    hashes = []
    for row, picture in enumerate(pictures):
        data = picture.read()
        hashes.append(digest(data))
        (folder / f"{row:07d}").write_bytes(data)
    (folder / "names.json").write_text(json.dumps([p.name for p in pictures], ensure_ascii=False), encoding="utf-8")
    return hashes


def _write(part: Path, upload: Upload, facts: DatasetFacts) -> None:
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {}
    if upload.labels is not None:
        arrays["scenes"] = upload.labels.scenes
    if upload.embeddings is not None:
        arrays["embeddings"] = upload.embeddings
    if upload.texts is not None:
        arrays["text_embeddings"] = upload.texts.vectors
        (part / TEXTS).write_text(json.dumps(upload.texts.texts, ensure_ascii=False), encoding="utf-8")
    # Bytes first: the library's own writer hides that the disk is full.
    (part / ARRAYS).write_bytes(save(arrays))
    body: Mapping[str, object] = {
        "scenes": facts.scenes,
        "dim": facts.dim,
        "objects_per_scene": facts.objects_per_scene,
        "values": list(facts.values),
        "names": list(facts.names),
        "name": facts.name,
        "kind": facts.kind,
        "space": space_to_mapping(facts.space) if facts.space is not None else None,
        "texts": facts.texts,
        "text_dim": facts.text_dim,
        "notes": list(facts.notes),
    }
    (part / FACTS).write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")


def _digest(upload: Upload, pictures: Sequence[str]) -> str:
    """Of all that changes a number; the name and the notes do not."""
    labels = upload.labels
    head: list[object] = []
    if labels is not None:
        shape = list(upload.embeddings.shape) if upload.embeddings is not None else [len(labels)]
        head = [shape, list(labels.scenes.shape), list(labels.values), list(labels.names)]
    parts: list[Content] = [json.dumps(head)]
    if upload.embeddings is not None:
        parts.append(_bytes(upload.embeddings))
    if labels is not None:
        parts.append(_bytes(labels.scenes))
    if upload.space is not None:
        parts.append(json.dumps(space_to_mapping(upload.space), sort_keys=True))
    if pictures:
        parts.append(json.dumps(list(pictures)))
    if upload.texts is not None:
        parts += [json.dumps(upload.texts.texts), _bytes(upload.texts.vectors)]
    return digest_of_parts(parts, size=8)


def _bytes(array: NDArray[Any]) -> memoryview:
    """As they lie in memory: an upload may take a gigabyte."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
