"""The bundled models without open_clip give what open_clip gives."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindscope.encoders.families import bundled, open_clip
from bindscope.encoders.model_id import parse_model_id
from bindscope.encoders.settings import EncoderSettings

NAMES = ("tiny-bag", "tiny-bind", "tiny-split", "tiny-table")
SETTINGS = EncoderSettings(device="cpu")


@pytest.fixture(scope="module")
def pair():
    """tiny-bind as we load it, and as open_clip does."""
    return both("tiny-bind")


def both(name):
    folder, model = bundled.bundled_folder(name), parse_model_id(f"bundled:{name}")
    return bundled.load_tiny(folder, SETTINGS, model=model), open_clip.load_folder(folder, SETTINGS, model=model)


@pytest.mark.parametrize("name", NAMES)
def test_vectors_are_the_same_bits(name) -> None:
    ours, theirs = both(name)
    pictures = list(np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8))
    texts = ["a red square and a blue circle", "two  words", "", "a &amp; b", "circle " * 60, "größer …"]
    assert np.array_equal(ours.encode_images(pictures), theirs.encode_images(pictures))
    assert np.array_equal(ours.encode_texts(texts), theirs.encode_texts(texts))
    assert ours.token_counts(texts) == theirs.token_counts(texts)
    assert ours.info.preprocessing == theirs.info.preprocessing
    assert ours.info.fingerprint.weights == theirs.info.fingerprint.weights


@pytest.mark.parametrize("size", [(64, 65), (65, 64), (30, 90), (200, 131), (63, 63), (1, 7), (333, 64)])
def test_pictures_of_other_sizes_are_cut_as_upstream_cuts_them(pair, size) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    ours, theirs = (encoder.encode_images([picture]) for encoder in pair)
    assert np.array_equal(ours, theirs)


@given(st.text(max_size=60))
def test_any_text_is_cut_into_the_same_tokens(pair, text) -> None:
    ours, theirs = (encoder.tokenized([text])["input_ids"].tolist() for encoder in pair)
    assert ours == theirs


def test_loading_one_needs_neither_open_clip_nor_torchvision() -> None:
    code = """
import sys
from bindscope.encoders.families import bundled
from bindscope.encoders.model_id import parse_model_id
from bindscope.encoders.settings import EncoderSettings
bundled.load(parse_model_id("bundled:tiny-bind"), EncoderSettings(device="cpu")).encode_texts(["a"])
print(*{"open_clip", "torchvision", "timm", "transformers", "torch._dynamo", "scipy", "sklearn"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
