"""Golden vectors: what a model must answer to fixed inputs. A folder may carry its own; changes of anything show here.

The inputs are texts and drawn scenes that every model of their modality can read.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bindscope.core.arrays import opened_npz
from bindscope.core.errors import BindscopeError, ModelUnavailable
from bindscope.encoders import folders
from bindscope.encoders.families import bundled
from bindscope.encoders.model_id import parse_model_id
from bindscope.encoders.protocol import Vectors
from bindscope.encoders.settings import EncoderSettings
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.scene import Scene, scene_in_slots

FILE = "golden.npz"
#: Distances of unit vectors above this are another answer, in float32 and in half precision. Rounding on another
#: processor moves a float32 vector by some 1e-6; GELU in place of QuickGELU moves the bundled models by 3e-3 or more.
MOST, MOST_HALF = 1e-3, 3e-2
#: The first five are about order and case as well; see ``features.model_checks.service``.
TEXTS: tuple[str, ...] = (
    "a red square and a blue circle",
    "a blue square and a red circle",
    "a blue circle and a red square",
    "A Red Square And A Blue Circle",
    "a green star",
    "red",
)


def scenes() -> list[Scene]:
    """Two drawn scenes; the second is the first after a swap."""
    space = BUILTIN_SPACES["shapes2d"]
    objects = [[{"color": a, "shape": "square"}, {"color": b, "shape": "circle"}] for a, b in _COLORS]
    return [scene_in_slots(space, [space.index(obj) for obj in own]) for own in objects]


_COLORS = (("red", "blue"), ("blue", "red"))


@dataclass(frozen=True, eq=False)
class Golden:
    """``texts`` [text, dim] and ``images`` [scene, dim]; None where the model reads no such thing."""

    texts: NDArray[np.float32] | None
    images: NDArray[np.float32] | None

    def to_bytes(self) -> bytes:
        """The .npz of it."""
        file = io.BytesIO()
        arrays = {"texts": self.texts, "images": self.images}
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})  # type: ignore[arg-type]
        return file.getvalue()

    def distance(self, other: "Golden") -> float:
        """The largest distance of a unit vector from its counterpart; 2, the largest there is, where shapes differ."""
        largest = 0.0
        for own, theirs in ((self.texts, other.texts), (self.images, other.images)):
            if own is None and theirs is None:
                continue
            if own is None or theirs is None or own.shape != theirs.shape:
                return 2.0
            largest = max(largest, float(np.linalg.norm(_unit(own) - _unit(theirs), axis=1).max()))
        return largest


def golden_from(data: bytes) -> Golden:
    """The inverse of ``to_bytes``. Raises ModelUnavailable for a damaged file."""
    try:
        with opened_npz(io.BytesIO(data)) as arrays:
            found = {name: np.asarray(arrays[name], np.float32) for name in arrays.files}
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise ModelUnavailable(f"The golden vectors cannot be read ({FILE}): write them anew.") from error
    return Golden(found.get("texts"), found.get("images"))


def model_folder(model_id: str, settings: EncoderSettings) -> Path | None:
    """The folder that a model is loaded from; None where there is none here, or its weights are not used."""
    try:
        model = parse_model_id(model_id)
    except BindscopeError:
        return None
    if model.seed is not None:
        return None
    if model.family == "bundled":
        return bundled.bundled_folder(model.name)
    if model.local:
        return folders.folder_below_roots(model.name, settings.model_roots)
    return None


def folder_golden(folder: Path) -> Golden | None:
    """What a folder carries. Raises ModelUnavailable."""
    file = folder / FILE
    return golden_from(file.read_bytes()) if file.is_file() else None


def _unit(rows: Vectors) -> NDArray[np.float64]:
    long = rows.astype(np.float64)
    norms = np.linalg.norm(long, axis=1, keepdims=True)
    scaled: NDArray[np.float64] = np.divide(long, norms, out=np.zeros_like(long), where=norms > 0)
    return scaled


def row_cosines(one: Vectors, other: Vectors) -> NDArray[np.float64]:
    """Cosine of each row with its counterpart; two zero rows are equal."""
    both_zero = (one == 0).all(1) & (other == 0).all(1)
    return np.where(both_zero, 1.0, (_unit(one) * _unit(other)).sum(1))
