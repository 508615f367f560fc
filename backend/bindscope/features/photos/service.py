"""One photo and two captions: which does the model prefer? Nothing of it is kept, not even in the cache."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import cosines
from bindscope.analysis.verdict import RESOLUTION, Outcome, outcome
from bindscope.core.errors import UnsupportedModality
from bindscope.encoders.batching import Item, Kind
from bindscope.encoders.protocol import EncoderInfo, Picture
from bindscope.scenes.exchanges import same_words
from bindscope.services.model_pool import ModelPool
from bindscope.services.provenance import Provenance, provenance

#: Batch sizes in which the same inputs are encoded again: how far the margin moves is the noise floor.
_BATCHES = (1, 32)


@dataclass(frozen=True)
class PhotoVerdict:
    """``scores``: cosines of the photo with the captions. ``margin``: the true caption's minus the other's.

    ``same_words``: the captions are one bag of words, so that only an encoder that reads order can tell them apart.
    """

    outcome: Outcome
    margin: float
    noise_floor: float
    scores: list[float]
    same_words: bool
    cut: list[bool]
    milliseconds: float
    provenance: Provenance


def photo_verdict(models: ModelPool, model_id: str, photo: Picture, *, captions: Sequence[str]) -> PhotoVerdict:
    """The first of two captions is the true one. Raises UnknownName, UnsupportedModality, ModelUnavailable."""
    started = time.perf_counter()
    info = models.info(model_id)
    _check_reads_both(info)
    margins = []
    for batch in _BATCHES:
        texts = _encoded(models, model_id, "text", list(captions), batch)
        image = _encoded(models, model_id, "image", [photo], batch)
        margins.append(cosines(image, texts)[0])
    scores = margins[0]
    gaps = [float(own[0] - own[1]) for own in margins]
    floor = max(abs(gaps[1] - gaps[0]), RESOLUTION)
    return PhotoVerdict(
        outcome(gaps[0], noise_floor=floor, has_swap=captions[0] != captions[1]),
        gaps[0],
        floor,
        [float(score) for score in scores],
        same_words(captions[0], captions[1]),
        _cut(models, model_id, captions, info),
        round(1000 * (time.perf_counter() - started), 3),
        provenance(info, dataset="photo"),
    )


def _check_reads_both(info: EncoderInfo) -> None:
    if info.pixels is None or not (info.reads("image") and info.reads("text")):
        scenes = info.reads("image") and info.pixels is None
        can = "scenes, not pixels" if scenes else f"{' and '.join(info.modalities)} only"
        raise UnsupportedModality(f"Model {info.id!r} reads {can}: a photo needs a model of pictures and texts.")


def _encoded(models: ModelPool, model_id: str, kind: Kind, items: Sequence[Item], batch: int) -> NDArray[np.float32]:
    """Vectors [item, dim], each item in a batch of exactly ``batch`` of them, past the cache."""
    groups = [items[i : i + batch] for i in range(0, len(items), batch)]
    full = [[group[i % len(group)] for i in range(batch)] for group in groups]
    vectors: NDArray[np.float32] = np.concatenate(
        [models.encode(model_id, kind, group, alone=True)[: len(own)] for group, own in zip(full, groups, strict=True)]
    )
    return vectors


def _cut(models: ModelPool, model_id: str, captions: Sequence[str], info: EncoderInfo) -> list[bool]:
    """Whether each caption is longer than the model reads."""
    from bindscope.encoders.protocol import TokenCounter

    encoder = models.queue(model_id).encoder
    if info.max_tokens is None or not isinstance(encoder, TokenCounter):
        return [False] * len(captions)
    return [count > info.max_tokens for count in encoder.token_counts(list(captions))]
