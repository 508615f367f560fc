"""Arrays of uploads: .npz and .npy without objects, and vectors in Parquet columns."""

import io
import zipfile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bindscope.core.arrays import opened_npz, read_npy
from bindscope.core.errors import InvalidInput, PayloadTooLarge
from bindscope.features.datasets.label_tables import space_of_values
from bindscope.scenes.concepts import RESERVED_NAMES, ConceptSpace
from bindscope.scenes.labels import SceneLabels
from bindscope.store.datasets import TextTable, Upload

_ARRAYS = ("embeddings", "scenes", "values")
_OTHERS = ("names", "value_names", "texts", "text_embeddings")
MAX_OBJECTS_IN_ALL = 10_000
MAX_NAME = 64
MAX_TEXT = 2_000
#: The ways to pair the values of a scene are counted one by one: their number explodes beyond this.
MAX_OBJECTS_PER_SCENE = 8


def read_npz(file: BinaryIO, *, max_bytes: int, name: str = "", space: ConceptSpace | None = None) -> Upload:
    """``embeddings`` [scene, dim], ``scenes`` [scene, object, concept], ``values`` [concept], optional ``names`` and
    ``value_names`` (all values, concept after concept), and ``texts`` with ``text_embeddings`` [text, dim] beside them
    or alone. Never unpickles. The unpacked size is checked before anything is unpacked.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > max_bytes:
            raise PayloadTooLarge(f"The arrays unpack to {size:,} bytes: at most {max_bytes:,} are allowed.")
        file.seek(0)
        with opened_npz(file) as data:
            arrays = {key: data[key] for key in (*_ARRAYS, *_OTHERS) if key in data.files}
            if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                raise ValueError("a member is no .npy file")  # numpy hands out its bytes
    except InvalidInput:
        raise
    except MemoryError as error:
        raise PayloadTooLarge("An array of the .npz claims more memory than there is: send fewer scenes.") from error
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError, RuntimeError) as error:
        raise InvalidInput("The file is not an .npz of plain arrays: save it with numpy.savez.") from error
    texts = _text_table(arrays)
    if texts is not None and not set(_ARRAYS) & set(arrays):
        return Upload(name, texts=texts)
    missing = [key for key in _ARRAYS if key not in arrays]
    if missing:
        raise InvalidInput(
            f"The .npz lacks {', '.join(missing)}: it needs embeddings, scenes and values, or texts and "
            "text_embeddings."
        )
    vectors, labels = _checked(arrays)
    known = _space(arrays, labels, name, space)
    if known is not None:
        labels = SceneLabels(labels.scenes, labels.values, known.names)
    return Upload(name, labels, known, vectors, texts=texts)


def read_vectors(data: bytes, what: str) -> NDArray[np.float32]:
    """A .npy of vectors [row, dim]. Raises InvalidInput."""
    try:
        array: NDArray[Any] = read_npy(io.BytesIO(data))
    except MemoryError as error:
        raise PayloadTooLarge(f"{what} claims more memory than there is: send fewer rows.") from error
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        raise InvalidInput(f"{what} is not a .npy file of plain numbers: write one with numpy.save.") from error
    return finite_vectors(array, what)


def finite_vectors(array: NDArray[Any], what: str) -> NDArray[np.float32]:
    """float32 [row, dim]. Raises InvalidInput that names the first row that is not finite."""
    if array.ndim != 2 or array.dtype.kind != "f" or array.shape[1] < 1:
        raise InvalidInput(f"{what} must be floating point [row, dim], got {array.dtype} {array.shape}.")
    with np.errstate(over="ignore"):
        vectors = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(vectors).all():
        rows = np.flatnonzero(~np.isfinite(vectors).all(1))
        raise InvalidInput(f"{len(rows)} {what} are not finite (the first is row {rows[0]}): leave them out.")
    return vectors


def text_table(texts: list[str], vectors: NDArray[np.float32], what: str) -> TextTable:
    """Each text once. Raises InvalidInput for counts that differ, and for one text with two vectors."""
    if len(texts) != len(vectors):
        raise InvalidInput(f"{what}: {len(texts)} texts but {len(vectors)} vectors: one row for each text.")
    first: dict[str, int] = {}
    for row, text in enumerate(texts):
        if not text or len(text) > MAX_TEXT:
            raise InvalidInput(f"{what}, row {row + 1}: a text has 1 to {MAX_TEXT:,} characters.")
        before = first.setdefault(text, row)
        if before != row and not np.array_equal(vectors[before], vectors[row]):
            raise InvalidInput(f"{what}: rows {before + 1} and {row + 1} say {text!r} with different vectors.")
    rows = list(first.values())
    return TextTable(tuple(first), np.ascontiguousarray(vectors[rows]))


def _text_table(arrays: dict[str, NDArray[np.generic]]) -> TextTable | None:
    if "texts" not in arrays and "text_embeddings" not in arrays:
        return None
    if "texts" not in arrays or "text_embeddings" not in arrays:
        lacking = "texts" if "texts" not in arrays else "text_embeddings"
        raise InvalidInput(f"The .npz lacks {lacking}: texts and text_embeddings belong together.")
    texts = _strings(arrays["texts"], "texts")
    return text_table(texts, finite_vectors(arrays["text_embeddings"], "text_embeddings"), "texts")


def _strings(array: NDArray[np.generic], what: str) -> list[str]:
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise InvalidInput(f"{what} must be a list of text, got {array.dtype} {array.shape}.")
    try:
        return [item.decode("utf-8") if isinstance(item, bytes) else str(item) for item in array.tolist()]
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{what} must be UTF-8 text.") from error


def _checked(arrays: dict[str, NDArray[np.generic]]) -> tuple[NDArray[np.float32], SceneLabels]:
    embeddings, scenes, values = (arrays[key] for key in _ARRAYS)
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
    names = _names(arrays["names"]) if "names" in arrays else tuple(f"concept_{k + 1}" for k in range(len(sizes)))
    labels = SceneLabels(np.ascontiguousarray(scenes, dtype=np.int64), sizes, names)
    if labels.object_count > MAX_OBJECTS_IN_ALL:
        raise InvalidInput(f"The concepts allow {labels.object_count} objects: at most {MAX_OBJECTS_IN_ALL}.")
    return finite_vectors(embeddings, "embeddings"), labels


def _space(
    arrays: dict[str, NDArray[np.generic]], labels: SceneLabels, name: str, space: ConceptSpace | None
) -> ConceptSpace | None:
    """Names of the values: those of the space that was named, or of ``value_names``."""
    if space is not None:
        if space.values != labels.values:
            raise InvalidInput(
                f"The upload has concepts of {list(labels.values)} values, space {space.name!r} has "
                f"{list(space.values)}: choose another space."
            )
        return space
    if "value_names" not in arrays:
        return None
    every = _strings(arrays["value_names"], "value_names")
    if len(every) != sum(labels.values):
        raise InvalidInput(f"value_names lists {len(every)} values, the concepts have {sum(labels.values)} in all.")
    cuts = np.cumsum((0, *labels.values)).tolist()
    own = zip(labels.names, cuts[:-1], cuts[1:], strict=True)
    return space_of_values(name, {key: every[a:b] for key, a, b in own})


def _names(array: NDArray[np.generic]) -> tuple[str, ...]:
    """Names become fields of every result, so each must be its own and none may stand for something else there."""
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise InvalidInput(f"names must be a list of text, one name for each concept, got {array.dtype} {array.shape}.")
    names = tuple(_strings(array, "names"))
    for name in names:
        if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
            raise InvalidInput(f"Concept name {name!r} must be 1 to {MAX_NAME} printable characters.")
        if name in RESERVED_NAMES:
            raise InvalidInput(f"Concept name {name!r} is taken by the results: choose another one.")
    if len(set(names)) != len(names):
        raise InvalidInput(f"Each concept needs its own name, got {', '.join(names)}.")
    return names
