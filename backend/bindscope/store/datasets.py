"""Uploaded datasets as folders: safetensors and JSON, written whole or not at all. An id is a hash of the content."""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from bindscope.arrays import opened_npz
from bindscope.domain.concepts import RESERVED_NAMES
from bindscope.domain.labels import SceneLabels
from bindscope.errors import InvalidInput, PayloadTooLarge, UnknownName

_ARRAYS = ("embeddings", "scenes", "values")
MAX_OBJECTS_IN_ALL = 10_000
MAX_NAME = 64
#: The ways to pair the values of a scene are counted one by one: their number explodes beyond this.
MAX_OBJECTS_PER_SCENE = 8


@dataclass(frozen=True, eq=False)
class Dataset:
    """``embeddings`` float32 [scene, dim] and the labels of the scenes."""

    id: str
    embeddings: NDArray[np.float32]
    labels: SceneLabels


@dataclass(frozen=True)
class DatasetFacts:
    """What is known without reading the arrays."""

    id: str
    scenes: int
    dim: int
    objects_per_scene: int
    values: tuple[int, ...]
    names: tuple[str, ...]


class DatasetShelf:
    """Datasets below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, file: BinaryIO, *, max_bytes: int) -> DatasetFacts:
        """Stores an .npz upload. Raises InvalidInput, PayloadTooLarge; then nothing is stored."""
        embeddings, labels = read_npz(file, max_bytes=max_bytes)
        digest = _digest(embeddings, labels)
        scenes, dim = embeddings.shape
        facts = DatasetFacts(digest, scenes, dim, labels.slots, labels.values, labels.names)
        target = self._folder / digest
        if not target.is_dir():
            self._write(target, embeddings, labels=labels)
        return facts

    def all(self) -> list[DatasetFacts]:
        """Every stored dataset, by id."""
        return [self.facts(path.name) for path in sorted(self._folder.glob("*")) if (path / "facts.json").is_file()]

    def facts(self, dataset_id: str) -> DatasetFacts:
        """Raises UnknownName."""
        text = json.loads(self._existing(dataset_id).joinpath("facts.json").read_text(encoding="utf-8"))
        return DatasetFacts(
            dataset_id,
            int(text["scenes"]),
            int(text["dim"]),
            int(text["objects_per_scene"]),
            tuple(text["values"]),
            tuple(text["names"]),
        )

    def get(self, dataset_id: str) -> Dataset:
        """Raises UnknownName."""
        from safetensors.numpy import load_file

        facts = self.facts(dataset_id)
        arrays = load_file(self._existing(dataset_id) / "arrays.safetensors")
        labels = SceneLabels(arrays["scenes"], facts.values, facts.names)
        return Dataset(dataset_id, arrays["embeddings"], labels)

    def remove(self, dataset_id: str) -> None:
        """Raises UnknownName."""
        shutil.rmtree(self._existing(dataset_id))

    def _existing(self, dataset_id: str) -> Path:
        folder = self._folder / dataset_id
        plain = len(dataset_id) == 16 and all(c in "0123456789abcdef" for c in dataset_id)
        if not plain or not (folder / "facts.json").is_file():
            known = [path.name for path in sorted(self._folder.glob("*")) if (path / "facts.json").is_file()]
            raise UnknownName("dataset", dataset_id, known)
        return folder

    def _write(self, target: Path, embeddings: NDArray[np.float32], *, labels: SceneLabels) -> None:
        from safetensors.numpy import save_file

        self._folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=self._folder, prefix=".part-"))
        try:
            save_file({"embeddings": embeddings, "scenes": labels.scenes}, part / "arrays.safetensors")
            facts = {
                "scenes": len(labels),
                "dim": embeddings.shape[1],
                "objects_per_scene": labels.slots,
                "values": list(labels.values),
                "names": list(labels.names),
            }
            (part / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
            os.replace(part, target)
        except OSError:
            if not target.is_dir():  # another upload of the same content may have won the race
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)


def read_npz(file: BinaryIO, *, max_bytes: int) -> tuple[NDArray[np.float32], SceneLabels]:
    """``embeddings`` [scene, dim], ``scenes`` [scene, object, concept], ``values`` [concept], optional ``names``.

    Never unpickles. The unpacked size is checked before anything is unpacked.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > max_bytes:
            raise PayloadTooLarge(f"The arrays unpack to {size:,} bytes: at most {max_bytes:,} are allowed.")
        file.seek(0)
        with opened_npz(file) as data:
            missing = [name for name in _ARRAYS if name not in data.files]
            if missing:
                raise InvalidInput(f"The .npz lacks {', '.join(missing)}: it needs embeddings, scenes and values.")
            arrays = {name: data[name] for name in (*_ARRAYS, "names") if name in data.files}
            if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                raise ValueError("a member is no .npy file")  # numpy hands out its bytes
    except InvalidInput:
        raise
    except MemoryError as error:
        raise PayloadTooLarge("An array of the .npz claims more memory than there is: send fewer scenes.") from error
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError, RuntimeError) as error:
        raise InvalidInput("The file is not an .npz of plain arrays: save it with numpy.savez.") from error
    return _checked(arrays)


def _checked(arrays: dict[str, NDArray[np.generic]]) -> tuple[NDArray[np.float32], SceneLabels]:
    embeddings, scenes, values = (arrays[name] for name in _ARRAYS)
    if embeddings.ndim != 2 or embeddings.dtype.kind != "f" or embeddings.shape[1] < 1:
        raise InvalidInput(
            f"embeddings must be floating point [scene, dim], got {embeddings.dtype} {embeddings.shape}."
        )
    if values.ndim != 1 or values.dtype.kind not in "iu" or not 1 <= len(values) <= 8 or (values < 1).any():  # type: ignore[operator]
        raise InvalidInput("values must be a list of the number of values of each concept (1 to 8 concepts).")
    if scenes.ndim != 3 or scenes.dtype.kind not in "iu":
        raise InvalidInput(f"scenes must be integers [scene, object, concept], got {scenes.dtype} {scenes.shape}.")
    if scenes.shape[1] > MAX_OBJECTS_PER_SCENE:
        raise InvalidInput(f"A scene may hold at most {MAX_OBJECTS_PER_SCENE} objects, got {scenes.shape[1]}.")
    if len(embeddings) != len(scenes):
        raise InvalidInput(f"There are {len(embeddings)} embeddings but {len(scenes)} scenes: one row for each scene.")
    if len(embeddings) < 2:
        raise InvalidInput(f"At least two scenes are needed, got {len(embeddings)}.")
    sizes = tuple(int(v) for v in values.tolist())
    names = _names(arrays["names"]) if "names" in arrays else _default_names(len(sizes))
    labels = SceneLabels(np.ascontiguousarray(scenes, dtype=np.int64), sizes, names)
    if labels.object_count > MAX_OBJECTS_IN_ALL:
        raise InvalidInput(f"The concepts allow {labels.object_count} objects: at most {MAX_OBJECTS_IN_ALL}.")
    vectors = np.ascontiguousarray(embeddings, dtype=np.float32)
    if not np.isfinite(vectors).all():
        rows = np.flatnonzero(~np.isfinite(vectors).all(1))
        raise InvalidInput(f"{len(rows)} embeddings are not finite (the first is row {rows[0]}): leave them out.")
    return vectors, labels


def _names(array: NDArray[np.generic]) -> tuple[str, ...]:
    """Names become fields of every result, so each must be its own and none may stand for something else there."""
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise InvalidInput(f"names must be a list of text, one name for each concept, got {array.dtype} {array.shape}.")
    try:
        names = tuple(n.decode("utf-8") if isinstance(n, bytes) else str(n) for n in array.tolist())
    except UnicodeDecodeError as error:
        raise InvalidInput("names must be UTF-8 text.") from error
    for name in names:
        if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
            raise InvalidInput(f"Concept name {name!r} must be 1 to {MAX_NAME} printable characters.")
        if name in RESERVED_NAMES:
            raise InvalidInput(f"Concept name {name!r} is taken by the results: choose another one.")
    if len(set(names)) != len(names):
        raise InvalidInput(f"Each concept needs its own name, got {', '.join(names)}.")
    return names


def _default_names(count: int) -> tuple[str, ...]:
    return tuple(f"concept_{k + 1}" for k in range(count))


def _digest(embeddings: NDArray[np.float32], labels: SceneLabels) -> str:
    hasher = hashlib.blake2b(digest_size=8)
    head = json.dumps([list(embeddings.shape), list(labels.scenes.shape), list(labels.values), list(labels.names)])
    for part in (head.encode(), embeddings.tobytes(), labels.scenes.tobytes()):
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.hexdigest()
