"""The same-vector detector: captions whose meanings differ and whose embeddings do not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import cosines
from bindscope.analysis.near_duplicates import close_pairs
from bindscope.analysis.verdict import RESOLUTION
from bindscope.core.errors import InvalidInput, UnsupportedModality
from bindscope.core.wire import Interval
from bindscope.encoders.protocol import EncoderInfo
from bindscope.features.near_duplicates.schemas import (
    NEAR_DUPLICATES,
    NearDuplicate,
    NearDuplicatesRequest,
    NearDuplicatesResponse,
)
from bindscope.scenes.captions import Captioner
from bindscope.scenes.contests import valid_swaps
from bindscope.services.container import Services
from bindscope.services.noise import noise_floor
from bindscope.services.pools import ScenePool
from bindscope.services.provenance import provenance

#: Captions that are encoded again for the noise floor.
_AGAIN = 8


@dataclass(frozen=True, eq=False)
class Captions:
    """``texts``, ``meanings`` [caption] that tell which of them say the same, and their scenes where they have any."""

    texts: list[str]
    meanings: NDArray[np.int64]
    scenes: list[tuple[tuple[int, ...], ...]] | None

    def swap(self, first: int, second: int) -> bool | None:
        """Whether two captions are a scene and its swapped twin."""
        if self.scenes is None:
            return None
        one, other = self.scenes[first], self.scenes[second]
        return sorted(other) in [sorted(swap.objects) for swap in valid_swaps(one)]


class NearDuplicates:
    """Through the cache."""

    def __init__(self, parts: Services) -> None:
        self._parts, self._embedder = parts, parts.embedder

    def answer(self, asked: NearDuplicatesRequest) -> NearDuplicatesResponse:
        """Raises UnknownName, UnsupportedModality, InvalidInput."""
        info = self._embedder.models.info(asked.model)
        if not info.reads("text"):
            raise UnsupportedModality(
                f"Model {asked.model!r} reads images only: captions need a model with a text tower."
            )
        pool = self._pool(asked)
        numbers = info.fingerprint.digest if pool is None else pool.contents(asked.model)
        return self._parts.analyses.answer(
            NEAR_DUPLICATES, asked, numbers=numbers, compute=lambda: self._computed(asked, pool, info)
        )

    def _pool(self, asked: NearDuplicatesRequest) -> ScenePool | None:
        """The scenes whose captions are compared; None for pasted texts."""
        if asked.texts is not None:
            return None
        return self._parts.pools.asked(asked, objects=asked.objects, limit=asked.limit)

    def _computed(
        self, asked: NearDuplicatesRequest, pool: ScenePool | None, info: EncoderInfo
    ) -> NearDuplicatesResponse:
        captions = pasted(asked.texts or []) if pool is None else captions_of(pool, asked.limit)
        if len(captions.texts) < 2:
            raise InvalidInput("There is nothing to compare: give at least two captions.")
        vectors = self._embedder.texts(asked.model, captions.texts).vectors
        floor = self._floor(asked.model, captions.texts, vectors)
        least = 1 - max(floor, RESOLUTION) if asked.min_cosine is None else asked.min_cosine
        found = close_pairs(vectors, captions.meanings, least=least, most=asked.most)
        rows = zip(found.first.tolist(), found.second.tolist(), found.cosine.tolist(), strict=True)
        share = found.total / found.compared if found.compared else None
        return NearDuplicatesResponse(
            pairs=[
                NearDuplicate(
                    first=captions.texts[one],
                    second=captions.texts[other],
                    cosine=cosine,
                    swap=captions.swap(one, other),
                )
                for one, other, cosine in rows
            ],
            total=found.total,
            compared=found.compared,
            share=Interval(value=share, low=None, high=None, n=found.compared),
            captions=len(captions.texts),
            min_cosine=least,
            noise_floor=floor,
            provenance=provenance(info) if pool is None else pool.provenance(info, seed=None),
        )

    def _floor(self, model: str, texts: Sequence[str], vectors: NDArray[np.float32]) -> float:
        rows = np.unique(np.linspace(0, len(texts) - 1, _AGAIN).astype(np.int64)).tolist()
        some = [texts[row] for row in rows]
        return noise_floor(
            self._embedder, model, lambda encode: np.diag(cosines(vectors[rows], encode(some))), before=1.0
        )


def captions_of(pool: ScenePool, most: int) -> Captions:
    """Captions of the scenes of a pool, each once; a seeded sample of ``most`` where an upload has more. Raises
    InvalidInput."""
    scenes, captioner = pool.scenes(), Captioner(pool.template)
    if len(scenes) > most:
        rows = np.sort(np.random.default_rng(0).permutation(len(scenes))[:most])
        scenes = [scenes[row] for row in rows.tolist()]
    listed = list(dict.fromkeys(scene.values for scene in scenes))
    known: dict[tuple[tuple[int, ...], ...], int] = {}
    meanings = [known.setdefault(tuple(sorted(scene)), len(known)) for scene in listed]
    texts = [captioner.caption(pool.space, scene) for scene in listed]
    return Captions(texts, np.array(meanings, dtype=np.int64), listed)


def pasted(texts: Sequence[str]) -> Captions:
    """Texts that all mean different things, but for those that are equal up to space at the ends."""
    kept = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
    return Captions(kept, np.arange(len(kept), dtype=np.int64), None)
