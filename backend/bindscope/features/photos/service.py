"""One photo and two captions: which does the model prefer? Nothing of it is kept, not even in the cache."""

import time
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import cosines
from bindscope.analysis.verdict import RESOLUTION, outcome
from bindscope.core.errors import UnsupportedModality
from bindscope.encoders.protocol import EncoderInfo, Picture
from bindscope.features.photos.schemas import PhotoVerdict
from bindscope.scenes.exchanges import same_words
from bindscope.services.embedder import Embedder
from bindscope.services.model_pool import ModelPool
from bindscope.services.noise import Encode, noise_floor
from bindscope.services.provenance import provenance


def photo_verdict(embedder: Embedder, model_id: str, photo: Picture, *, captions: Sequence[str]) -> PhotoVerdict:
    """The first of two captions is the true one. Raises UnknownName, UnsupportedModality, ModelUnavailable."""
    started = time.perf_counter()
    info = embedder.models.info(model_id)
    _check_reads_both(info)

    def scored(encode: Encode) -> NDArray[np.float64]:
        table: NDArray[np.float64] = cosines(encode([photo]), encode(captions))
        return table

    def lead(table: NDArray[np.float64]) -> float:
        return float(table[0, 0] - table[0, 1])

    table = scored(partial(embedder.reencode, model_id, batch=1))
    margin = lead(table)
    moved = noise_floor(embedder, model_id, lambda encode: lead(scored(encode)), before=margin, batches=(32,))
    floor = max(moved, RESOLUTION)
    return PhotoVerdict(
        outcome=outcome(margin, noise_floor=floor, has_swap=captions[0] != captions[1]),
        margin=margin,
        noise_floor=floor,
        scores=table[0].tolist(),
        same_words=same_words(captions[0], captions[1]),
        cut=_cut(embedder.models, model_id, captions, info),
        milliseconds=round(1000 * (time.perf_counter() - started), 3),
        provenance=provenance(info, dataset="photo"),
    )


def _check_reads_both(info: EncoderInfo) -> None:
    if info.pixels is None or not (info.reads("image") and info.reads("text")):
        scenes = info.reads("image") and info.pixels is None
        can = "scenes, not pixels" if scenes else f"{' and '.join(info.modalities)} only"
        raise UnsupportedModality(f"Model {info.id!r} reads {can}: a photo needs a model of pictures and texts.")


def _cut(models: ModelPool, model_id: str, captions: Sequence[str], info: EncoderInfo) -> list[bool]:
    """Whether each caption is longer than the model reads."""
    from bindscope.encoders.protocol import TokenCounter

    encoder = models.queue(model_id).encoder
    if info.max_tokens is None or not isinstance(encoder, TokenCounter):
        return [False] * len(captions)
    return [count > info.max_tokens for count in encoder.token_counts(list(captions))]
