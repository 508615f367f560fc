"""``repaired:ID``: a model whose text tower is followed by a learned linear map; ``repaired:ID@T`` uses a part of it.

Pictures are read as the model reads them. Texts keep their length: only their direction is mapped.
"""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bindscope.core.arrays import opened_npz
from bindscope.core.errors import ModelUnavailable, UnknownName
from bindscope.core.hashing import digest_of_parts
from bindscope.encoders.model_id import ModelId
from bindscope.encoders.protocol import (
    Encoder,
    EncoderInfo,
    Picture,
    PicturePreparer,
    PreparedPicture,
    SceneReader,
    TokenCounter,
    Vectors,
)
from bindscope.encoders.settings import RunFiles
from bindscope.scenes.scene import Scene

MAP, RECORD = "map.npz", "repair.json"
#: Of records. Maps of version 2 and before were kept without a confirmation that counts.
VERSION = 3

Load = Callable[[str], Encoder | SceneReader]


@dataclass(frozen=True)
class RepairFacts:
    """What a repair belongs to."""

    id: str
    model: str
    dim: int
    fingerprint: str
    t: float


def listed(repairs: RunFiles | None) -> Iterator[RepairFacts]:
    """All repairs; those whose files are damaged are left out."""
    if repairs is None:
        return
    for repair_id in repairs.ids():
        try:
            yield described(repairs, repair_id)
        except (ModelUnavailable, UnknownName):
            continue


def described(repairs: RunFiles, repair_id: str) -> RepairFacts:
    """Raises UnknownName, ModelUnavailable."""
    try:
        record = json.loads(repairs.read(repair_id, RECORD))
        if record.get("version") != VERSION:
            raise ModelUnavailable(
                f"Repair {repair_id!r} is of an earlier version, which kept maps that do not hold on unseen objects: "
                f"delete it and repair {record['model']!r} again."
            )
        return RepairFacts(repair_id, record["model"], record["dim"], record["fingerprint"], record["t"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(f"Repair {repair_id!r} cannot be read: delete it and repair again.") from error


def load(model: ModelId, repairs: RunFiles | None, load_base: Load) -> Encoder | SceneReader:
    """The repaired model. Raises UnknownName; ModelUnavailable where the model is no longer the one repaired."""
    repair_id, _, part = model.name.partition("@")
    if repairs is None or repair_id not in repairs.ids():
        raise UnknownName("repair", repair_id, [found.id for found in listed(repairs)])
    facts = described(repairs, repair_id)
    t = float(part) if part else facts.t
    if model.seed is not None:
        raise UnknownName("model", model.text, [f"random:{facts.model}"])
    base = load_base(facts.model)
    if base.info.fingerprint.digest != facts.fingerprint:
        raise ModelUnavailable(
            f"Model {facts.model!r} has changed since repair {repair_id!r} was made: repair it again."
        )
    if not isinstance(base, Encoder):
        raise ModelUnavailable(f"Model {facts.model!r} reads no text, so there is nothing to repair.")
    kind = RepairedReader if isinstance(base, SceneReader) else RepairedEncoder
    return kind(model.text, base, _map(repairs.read(repair_id, MAP), facts, t))


def _map(data: bytes, facts: RepairFacts, t: float) -> NDArray[np.float64]:
    try:
        with opened_npz(io.BytesIO(data)) as arrays:
            matrix = np.asarray(arrays["A"], dtype=np.float64)
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise ModelUnavailable(f"The map of repair {facts.id!r} cannot be read: repair again.") from error
    if matrix.shape != (facts.dim, facts.dim) or not np.isfinite(matrix).all():
        raise ModelUnavailable(f"The map of repair {facts.id!r} is damaged: repair again.")
    mixed: NDArray[np.float64] = (1 - t) * np.eye(facts.dim) + t * matrix
    return mixed


class RepairedEncoder:
    """A repaired model that reads pixels."""

    def __init__(self, name: str, base: Encoder, matrix: NDArray[np.float64]) -> None:
        self.info = _info(name, base.info, matrix)
        self._base, self._matrix = base, matrix

    def encode_images(self, images: Sequence[Picture | PreparedPicture]) -> Vectors:
        """As the model does."""
        return self._base.encode_images(images)

    def prepared(self, image: Picture) -> Picture | PreparedPicture:
        """As the model does."""
        return self._base.prepared(image) if isinstance(self._base, PicturePreparer) else image

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Mapped; each as long as the model's own."""
        rows = self._base.encode_texts(texts).astype(np.float64)
        mapped = rows @ self._matrix.T
        length, new = (np.linalg.norm(own, axis=1, keepdims=True) for own in (rows, mapped))
        scaled = np.divide(mapped * length, new, out=np.zeros_like(mapped), where=new > 0)
        return np.asarray(scaled, dtype=np.float32)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """As the model counts them."""
        return self._base.token_counts(texts) if isinstance(self._base, TokenCounter) else [0] * len(texts)


class RepairedReader(RepairedEncoder):
    """A repaired model that reads scenes."""

    def encode_scenes(self, scenes: Sequence[Scene]) -> Vectors:
        """As the model does."""
        assert isinstance(self._base, SceneReader)
        return self._base.encode_scenes(scenes)


def _info(name: str, base: EncoderInfo, matrix: NDArray[np.float64]) -> EncoderInfo:
    own = base.fingerprint
    weights = digest_of_parts([own.weights, matrix.astype(np.float32).tobytes().hex()])
    fingerprint = replace(own, family="repaired", weights=weights, code=f"{own.code} repaired/1")
    return replace(base, id=name, family="repaired", fingerprint=fingerprint)
