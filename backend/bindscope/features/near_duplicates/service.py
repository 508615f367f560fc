"""The same-vector detector: captions whose meanings differ and whose embeddings do not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import cosines
from bindscope.analysis.near_duplicates import ClosePairs, close_pairs
from bindscope.analysis.verdict import RESOLUTION
from bindscope.core.errors import InvalidInput, UnsupportedModality
from bindscope.encoders.protocol import EncoderInfo
from bindscope.scenes.captions import Captioner
from bindscope.scenes.swaps import valid_swaps
from bindscope.services.container import Services
from bindscope.services.noise import noise_floor
from bindscope.services.sources import scene_labels

#: Captions that are encoded again for the noise floor.
_AGAIN = 8


@dataclass(frozen=True, eq=False)
class Captions:
    """``texts``, ``meanings`` [caption] that tell which of them say the same, and their scenes where they have any."""

    texts: list[str]
    meanings: NDArray[np.int64]
    scenes: list[tuple[tuple[int, ...], ...]] | None


@dataclass(frozen=True, eq=False)
class NearDuplicatesFound:
    """``noise_floor``: largest 1 - cosine of a caption with itself, encoded in another batch size."""

    captions: Captions
    pairs: ClosePairs
    least: float
    noise_floor: float
    info: EncoderInfo

    def swap(self, number: int) -> bool | None:
        """Whether the two captions of a pair are a scene and its swapped twin."""
        scenes = self.captions.scenes
        if scenes is None:
            return None
        one, other = (scenes[int(rows[number])] for rows in (self.pairs.first, self.pairs.second))
        return sorted(other) in [sorted(swap.objects) for swap in valid_swaps(one)]


class NearDuplicates:
    """Through the cache."""

    def __init__(self, parts: Services) -> None:
        self._embedder, self._spaces = parts.embedder, parts.spaces

    def captions_of(self, space_name: str, *, objects: int, limit: int, template: str) -> Captions:
        """Captions of all ordered scenes of a space, or of a sample. Raises UnknownName, InvalidInput."""
        space, captioner = self._spaces.get(space_name), Captioner(template)
        scenes = [tuple(map(tuple, row)) for row in scene_labels(space, objects, limit=limit).tolist()]
        known: dict[tuple[tuple[int, ...], ...], int] = {}
        meanings = [known.setdefault(tuple(sorted(scene)), len(known)) for scene in scenes]
        texts = [captioner.caption(space, scene) for scene in scenes]
        return Captions(texts, np.array(meanings, dtype=np.int64), scenes)

    def find(self, model: str, captions: Captions, *, least: float | None, most: int) -> NearDuplicatesFound:
        """Raises UnknownName, UnsupportedModality, InvalidInput."""
        info = self._embedder.models.info(model)
        if not info.reads("text"):
            raise UnsupportedModality(f"Model {model!r} reads images only: captions need a model with a text tower.")
        if len(captions.texts) < 2:
            raise InvalidInput("There is nothing to compare: give at least two captions.")
        vectors = self._embedder.texts(model, captions.texts).vectors
        floor = self._floor(model, captions.texts, vectors)
        edge = 1 - max(floor, RESOLUTION) if least is None else least
        return NearDuplicatesFound(
            captions, close_pairs(vectors, captions.meanings, least=edge, most=most), edge, floor, info
        )

    def _floor(self, model: str, texts: Sequence[str], vectors: NDArray[np.float32]) -> float:
        rows = np.unique(np.linspace(0, len(texts) - 1, _AGAIN).astype(np.int64)).tolist()
        some = [texts[row] for row in rows]
        return noise_floor(
            self._embedder, model, lambda encode: np.diag(cosines(vectors[rows], encode(some))), before=1.0
        )


def pasted(texts: Sequence[str]) -> Captions:
    """Texts that all mean different things, but for those that are equal up to space at the ends."""
    kept = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
    return Captions(kept, np.arange(len(kept), dtype=np.int64), None)
