"""The noise floor, of an encoder whose vectors depend on the size of their batch in a known way."""

import numpy as np
import pytest

from bindscope.encoders import registry
from bindscope.encoders.batching import BatchLimits
from bindscope.encoders.settings import EncoderSettings
from bindscope.services import model_pool
from bindscope.services.embedder import Embedder
from bindscope.services.model_pool import ModelPool
from bindscope.services.noise import noise_floor
from bindscope.store.cache import EmbeddingCache
from bindscope.store.connection import Store

MODEL = "synthetic:additive"
TEXTS = ["a red square", "a blue circle", "a green star"]


@pytest.fixture
def noisy(monkeypatch):
    """An embedder, and the batches that its encoder saw: its first coordinate is the size of the batch."""
    batches = []

    def load(model_id, *, settings):
        encoder = registry.load_encoder(model_id, settings=settings)
        plain = encoder.encode_texts

        def encode_texts(texts):
            batches.append(list(texts))
            vectors = plain(texts).copy()
            vectors[:, 0] = len(texts)
            return vectors

        encoder.encode_texts = encode_texts
        return encoder

    monkeypatch.setattr(model_pool, "load_encoder", load)
    pool, cache = ModelPool(EncoderSettings(), BatchLimits(window_ms=0), max_loaded=1), EmbeddingCache(Store())
    yield Embedder(pool, cache), batches
    pool.close()
    cache.close()


def test_inputs_are_encoded_again_in_batches_of_exactly_that_size(noisy) -> None:
    embedder, batches = noisy
    known = embedder.texts(MODEL, TEXTS).vectors
    del batches[:]
    again = embedder.reencode(MODEL, TEXTS, batch=2)
    assert batches == [TEXTS[:2], [TEXTS[2]] * 2]
    assert np.array_equal(again[:, 1:], known[:, 1:])
    assert (again[:, 0] == 2).all()


def test_the_floor_is_the_largest_change_over_all_batch_sizes(noisy) -> None:
    embedder, _ = noisy
    assert noise_floor(embedder, MODEL, lambda encode: encode(TEXTS)[:, 0], before=3.0) == 29.0
    assert noise_floor(embedder, MODEL, lambda encode: encode(TEXTS)[:, 0], before=np.full(3, 3.0), batches=(1,)) == 2.0
    assert noise_floor(embedder, MODEL, lambda encode: 0.5, before=0.5) == 0.0
