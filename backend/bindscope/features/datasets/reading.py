"""One upload, whatever its form: which reader takes it, and how labels, vectors, pictures and texts are joined."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np
import yaml
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput
from bindscope.features.datasets.archive import PICTURES, Archive, matched
from bindscope.features.datasets.arrays import read_npz, read_vectors, text_table
from bindscope.features.datasets.label_tables import (
    ColumnMapping,
    LabelTable,
    Row,
    guessed_mapping,
    labelled,
    mapping_from,
    read_rows,
)
from bindscope.features.datasets.parquet import TEXT_VECTORS, VECTORS, ParquetTable, read_parquet
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.labels import SceneLabels
from bindscope.store.datasets import PictureFile, TextTable, Upload

_MAX_MAPPING = 64 * 1024
#: Files of an archive that hold the texts beside the scenes.
_TEXTS_CSV, _TEXTS_NPY = "texts.csv", "text_embeddings.npy"


@dataclass(frozen=True)
class Incoming:
    """The parts of an upload. ``labels`` (CSV) and ``mapping`` (YAML or JSON) may come beside ``file``.

    ``space``: the concept space of the labels; None makes one of the values that occur, called ``name``.
    """

    file: BinaryIO
    filename: str = ""
    labels: bytes | None = None
    mapping: bytes | None = None
    space: ConceptSpace | None = None
    name: str = ""


@dataclass(frozen=True)
class Limits:
    """``max_bytes`` once unpacked. ``check_pictures`` gets pictures as (names, bytes) and raises InvalidInput."""

    max_bytes: int
    check_pictures: Callable[[Sequence[PictureFile]], None]


def read_upload(incoming: Incoming, limits: Limits) -> Upload:
    """Reads and checks an upload: .npz, .parquet, .npy with ``labels``, or .zip. Raises InvalidInput."""
    name = incoming.name or space_name(incoming.filename)
    head = incoming.file.read(8)
    incoming.file.seek(0)
    suffix = PurePosixPath(incoming.filename).suffix.lower()
    if suffix == ".parquet" or head[:4] == b"PAR1":
        table = read_parquet(incoming.file.read(), incoming.filename or "The table", max_bytes=limits.max_bytes)
        return _from_parquet(table, incoming, name)
    if suffix == ".npy" or head[:6] == b"\x93NUMPY":
        return _from_array(incoming, name)
    if head[:2] == b"PK" and not _is_npz(incoming.file, limits):
        return _from_archive(Archive(incoming.file, max_bytes=limits.max_bytes), incoming, limits, name)
    return read_npz(incoming.file, max_bytes=limits.max_bytes, name=name, space=incoming.space)


def space_name(filename: str) -> str:
    """A name for a space, made of that of a file."""
    stem = re.sub(r"[^a-z0-9_-]+", "_", PurePosixPath(filename).stem.lower()).strip("_-")[:40]
    return stem if stem[:1].isalpha() else f"data_{stem}" if stem else "data"


def _is_npz(file: BinaryIO, limits: Limits) -> bool:
    names = Archive(file, max_bytes=2**62).names
    file.seek(0)
    return bool({"embeddings.npy", "scenes.npy", "text_embeddings.npy", "texts.npy"} & set(names)) and not any(
        name.endswith(".csv") for name in names
    )


def _from_parquet(table: ParquetTable, incoming: Incoming, name: str) -> Upload:
    what = incoming.filename or "The table"
    found = _table(table.rows, _mapping(incoming.mapping, table.rows), what, incoming, name)
    texts = None
    own = VECTORS if found.scenes is None else TEXT_VECTORS
    if found.texts is not None and own in table.vectors:
        texts = text_table(list(found.texts), table.vectors[own], what)
    return _joined(name, found, table.vectors.get(VECTORS) if found.scenes is not None else None, texts, what)


def _from_array(incoming: Incoming, name: str) -> Upload:
    what = incoming.filename or "The array"
    if incoming.labels is None:
        raise InvalidInput("A .npy holds vectors only: send the CSV with the labels or texts of its rows as 'labels'.")
    vectors = read_vectors(incoming.file.read(), what)
    rows = read_rows(incoming.labels, "The CSV")
    if len(rows) != len(vectors):
        raise InvalidInput(f"{what} has {len(vectors)} rows, the CSV has {len(rows)}: one row for each vector.")
    found = _table(rows, _mapping(incoming.mapping, rows), "The CSV", incoming, name)
    if found.scenes is None:
        return _joined(name, found, None, text_table(list(found.texts or ()), vectors, "The CSV"), what)
    return _joined(name, found, vectors, None, what)


def _from_archive(archive: Archive, incoming: Incoming, limits: Limits, name: str) -> Upload:
    tables = [n for n in archive.ending(".csv") if PurePosixPath(n).name != _TEXTS_CSV]
    if incoming.labels is None and len(tables) > 1:
        raise InvalidInput(f"The archive holds {len(tables)} CSV tables ({', '.join(tables[:5])}): one is needed.")
    if incoming.labels is None and not tables:
        raise InvalidInput("The archive has no CSV table: add labels.csv with a row for each picture or vector.")
    what = "The CSV" if incoming.labels is not None else tables[0]
    rows = read_rows(incoming.labels if incoming.labels is not None else archive.read(tables[0]), what)
    mapping = incoming.mapping
    inside = [n for n in archive.ending(".yaml", ".yml", ".json") if PurePosixPath(n).stem == "mapping"]
    if mapping is None and inside:
        mapping = archive.read(inside[0])
    found = _table(rows, _mapping(mapping, rows), what, incoming, name)
    texts = _texts_beside(archive)
    arrays = [n for n in archive.ending(".npy") if PurePosixPath(n).name != _TEXTS_NPY]
    if arrays:
        vectors = read_vectors(archive.read(arrays[0]), arrays[0])
        if len(vectors) != len(rows):
            raise InvalidInput(f"{arrays[0]} has {len(vectors)} rows, {what} has {len(rows)}: one row for each vector.")
        if found.scenes is None:
            return _joined(name, found, None, text_table(list(found.texts or ()), vectors, what), what)
        return _joined(name, found, vectors, texts, what)
    return _pictured(archive, found, texts, limits, what=what, name=name)


def _pictured(
    archive: Archive, found: LabelTable, texts: TextTable | None, limits: Limits, *, what: str, name: str
) -> Upload:
    there = archive.ending(*PICTURES)
    if found.scenes is None:
        raise InvalidInput(
            f"{what} has no columns of objects: name them object1_color, object1_shape, object2_color, ..., or send a "
            "mapping."
        )
    if found.files is None:
        raise InvalidInput(f"{what} has no column with the names of the pictures: call it filename, or send a mapping.")
    if not there:
        raise InvalidInput("The archive holds no pictures (PNG, JPEG or WebP) and no .npy of vectors.")
    files = matched(found.files, there, table=what)
    pictures = tuple(PictureFile(own, lambda own=own: archive.read(own)) for own in files)  # type: ignore[misc]
    limits.check_pictures(pictures)
    spare = len(there) - len(files)
    notes = (*found.notes, f"{spare} pictures of the archive are in no row: they were left out.") if spare else ()
    upload = _joined(name, found, None, texts, what)
    return Upload(name, upload.labels, upload.space, None, pictures, texts, notes or found.notes)


def _texts_beside(archive: Archive) -> TextTable | None:
    by_name = {PurePosixPath(n).name: n for n in archive.names}
    if _TEXTS_CSV not in by_name and _TEXTS_NPY not in by_name:
        return None
    if _TEXTS_CSV not in by_name or _TEXTS_NPY not in by_name:
        raise InvalidInput(f"{_TEXTS_CSV} and {_TEXTS_NPY} belong together: the archive has only one of them.")
    rows = read_rows(archive.read(by_name[_TEXTS_CSV]), _TEXTS_CSV)
    column = guessed_mapping(tuple(rows[0])).text or next(iter(rows[0]))
    vectors = read_vectors(archive.read(by_name[_TEXTS_NPY]), _TEXTS_NPY)
    return text_table([row[column] for row in rows], vectors, _TEXTS_CSV)


def _table(rows: Sequence[Row], mapping: ColumnMapping, what: str, incoming: Incoming, name: str) -> LabelTable:
    found = labelled(rows, mapping, what=what, space=incoming.space, name=name)
    if found.scenes is None and found.texts is None:
        raise InvalidInput(
            f"{what} has neither columns of objects (object1_color, object1_shape, object2_color, ...) nor a column "
            f"'text'. It has {', '.join(map(repr, rows[0]))}."
        )
    return found


def _mapping(data: bytes | None, rows: Sequence[Row]) -> ColumnMapping:
    if data is None:
        return guessed_mapping(tuple(rows[0]))
    if len(data) > _MAX_MAPPING:
        raise InvalidInput(f"A mapping has at most {_MAX_MAPPING // 1024} KiB.")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(data, Loader=yaml.SafeLoader)):
            raise InvalidInput("A mapping may not use YAML aliases.")
        body = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput("The mapping is not valid YAML or JSON.") from error
    given = mapping_from(body)
    guessed = guessed_mapping(tuple(rows[0])) if not given.objects or given.image is None else given
    return ColumnMapping(given.objects or guessed.objects, given.image or guessed.image, given.text or guessed.text)


def _joined(
    name: str, found: LabelTable, vectors: NDArray[np.float32] | None, texts: TextTable | None, what: str
) -> Upload:
    if found.scenes is None or found.space is None:
        return Upload(name, texts=texts, notes=found.notes)
    if len(found.scenes) < 2:
        raise InvalidInput(f"{what}: at least two scenes are needed, got {len(found.scenes)}.")
    labels = SceneLabels(found.scenes, found.space.values, found.space.names)
    return Upload(name, labels, found.space, vectors, (), texts, found.notes)
