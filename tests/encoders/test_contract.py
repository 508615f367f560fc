from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bindscope.core.errors import InvalidInput, UnsupportedModality
from bindscope.encoders.families.synthetic import ORACLES
from bindscope.encoders.protocol import Encoder, EncoderInfo, SceneReader, TokenCounter, Vectors
from bindscope.encoders.registry import EncoderSettings, list_models, load_encoder
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.sampling import sample_scenes

FOLDERS = {
    "open_clip_folder": "open_clip",
    "open_clip_words_folder": "open_clip",
    "clip_folder": "hf",
    "siglip_folder": "hf",
    "siglip2_folder": "hf",
    "dinov2_folder": "hf",
    "sentence_folder": "hf",
}
BUNDLED = [
    *(f"bundled:{name}" for name in ("tiny-bag", "tiny-bind", "tiny-split", "tiny-table", "all-minilm-l6-v2")),
    "random:bundled:tiny-bind",
]
SYNTHETIC = [f"synthetic:{name}" for name in ORACLES]
RUNS = ["controlled:tokens", "controlled:pictures", "random:controlled:tokens"]
TWINS = [f"random {name}" for name in FOLDERS]
SCENES = sample_scenes(BUILTIN_SPACES["shapes2d"], 5, seed=1, only_valid_swaps=True)


@pytest.fixture(scope="module", params=[*FOLDERS, *TWINS, *BUNDLED, *SYNTHETIC, *RUNS])
def encoder(request: pytest.FixtureRequest, settings: EncoderSettings) -> Encoder | SceneReader:
    which: str = request.param
    if which in RUNS:
        return load_encoder(which, settings=request.getfixturevalue("run_settings"))
    if ":" not in which:
        name = which.removeprefix("random ")
        folder: Path = request.getfixturevalue(name)
        prefix = "random:" if which != name else ""
        return load_encoder(f"{prefix}{FOLDERS[name]}:local-dir:{folder}", settings=settings)
    if which.startswith(("bundled", "random")) and not {e.id: e.available for e in list_models(settings)}[which]:
        pytest.skip(f"the files of {which} are not here")
    return load_encoder(which, settings=settings)


def towers(encoder: Encoder | SceneReader, texts: list[str]) -> list[tuple[object, list[object]]]:
    found: list[tuple[object, list[object]]] = []
    info = encoder.info
    if info.reads("text"):
        found.append((encoder.encode_texts, list(texts)))  # type: ignore[union-attr]
    if isinstance(encoder, SceneReader):
        found.append((encoder.encode_scenes, list(SCENES)))
    elif info.reads("image"):
        side = info.pixels or 0
        rng = np.random.default_rng(3)
        shapes = [(side, side), (50, 70), (side, side), (9, 8)]
        found.append((encoder.encode_images, [rng.integers(0, 256, (*s, 3), dtype=np.uint8) for s in shapes]))
    return found


def test_vectors_are_finite_float32_of_the_stated_size(encoder: Encoder | SceneReader, texts: list[str]) -> None:
    for encode, items in towers(encoder, texts):
        vectors: Vectors = encode(items)  # type: ignore[operator]
        assert vectors.shape == (len(items), encoder.info.dim)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()
        assert (np.linalg.norm(vectors, axis=1) > 0).all()
        assert encode([]).shape == (0, encoder.info.dim)  # type: ignore[operator]


def test_a_batch_equals_its_items_in_their_order(encoder: Encoder | SceneReader, texts: list[str]) -> None:
    for encode, items in towers(encoder, texts):
        together: Vectors = encode(items)  # type: ignore[operator]
        single = np.concatenate([encode([item]) for item in items])  # type: ignore[operator]
        scale = max(1.0, float(np.abs(together).max()))
        assert_allclose(together, single, rtol=0, atol=1e-5 * scale)
        assert_allclose(encode(items[::-1])[::-1], together, rtol=0, atol=1e-5 * scale)  # type: ignore[operator]


def test_the_same_input_gives_the_same_bits(encoder: Encoder | SceneReader, texts: list[str]) -> None:
    for encode, items in towers(encoder, texts):
        assert np.array_equal(encode(items), encode(items))  # type: ignore[operator]


def test_a_missing_tower_says_what_the_model_reads(encoder: Encoder | SceneReader) -> None:
    if not encoder.info.reads("text"):
        with pytest.raises(UnsupportedModality, match="images only"):
            encoder.encode_texts(["red"])  # type: ignore[union-attr]
    if not encoder.info.reads("image"):
        with pytest.raises(UnsupportedModality, match="text only"):
            encoder.encode_images([np.zeros((8, 8, 3), dtype=np.uint8)])  # type: ignore[union-attr]


def test_the_info_is_complete(encoder: Encoder | SceneReader) -> None:
    info: EncoderInfo = encoder.info
    assert info.dtype == "float32"
    assert info.device == "cpu"
    assert len(info.fingerprint.digest) == 32
    assert info.reads("image") or info.reads("text")
    assert (info.pixels is not None) == (info.reads("image") and not isinstance(encoder, SceneReader))
    assert (info.max_tokens is not None) == info.reads("text")


def test_tokens_are_counted_before_the_cut(encoder: Encoder | SceneReader) -> None:
    if not encoder.info.reads("text"):
        pytest.skip("no text tower")
    assert isinstance(encoder, TokenCounter)
    short, long = encoder.token_counts(["a red square", "red square " * 400])
    limit = encoder.info.max_tokens
    assert limit is not None
    assert 0 < short <= limit < long


def test_pictures_of_another_kind_are_refused(encoder: Encoder | SceneReader) -> None:
    if isinstance(encoder, SceneReader) or not encoder.info.reads("image"):
        pytest.skip("reads no pixels")
    for wrong in (
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3)),
        np.zeros((0, 8, 3), np.uint8),
    ):
        with pytest.raises(InvalidInput, match="picture"):
            encoder.encode_images([wrong])
