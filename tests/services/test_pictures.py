import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bindscope.errors import BindscopeError, InvalidInput, PayloadTooLarge
from bindscope.services import pictures
from bindscope.services.pictures import decode_picture


def encoded(image, kind="PNG", **options) -> str:
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return base64.b64encode(file.getvalue()).decode()


def noise(width, height) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_a_png_comes_back_pixel_for_pixel() -> None:
    image = noise(20, 12)
    assert np.array_equal(decode_picture(encoded(image)), np.asarray(image))


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_base64_and_data_uris_are_the_same(prefix) -> None:
    assert decode_picture(prefix + encoded(noise(16, 16))).shape == (16, 16, 3)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK"])
def test_every_mode_becomes_rgb(mode) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    picture = decode_picture(encoded(noise(16, 16).convert("RGBA" if mode == "LA" else "RGB").convert(mode), kind))
    assert picture.shape == (16, 16, 3)
    assert picture.dtype == np.uint8


def test_transparent_parts_become_white() -> None:
    assert (decode_picture(encoded(Image.new("RGBA", (16, 16), (255, 0, 0, 0)))) == 255).all()


def test_formats_beyond_png_jpeg_and_webp_are_refused() -> None:
    with pytest.raises(InvalidInput, match="not a PNG, JPEG or WebP"):
        decode_picture(encoded(noise(16, 16), "BMP"))


@given(st.binary(max_size=400))
def test_any_bytes_are_a_picture_or_a_sentence(raw) -> None:
    try:
        decode_picture(base64.b64encode(raw).decode())
    except BindscopeError as error:
        assert str(error).startswith("Picture 1")


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_picture_is_a_picture_or_a_sentence(place, value) -> None:
    raw = bytearray(base64.b64decode(encoded(noise(12, 12), "JPEG")))
    raw[place % len(raw)] = value
    try:
        assert decode_picture(base64.b64encode(bytes(raw)).decode()).ndim == 3
    except BindscopeError as error:
        assert "Picture 1" in str(error)


@given(st.text(max_size=60))
def test_any_text_is_a_picture_or_a_sentence(text) -> None:
    with pytest.raises(BindscopeError, match="Picture 1"):
        decode_picture(text)


def test_many_large_pictures_in_a_small_body_are_refused_before_they_fill_the_memory(monkeypatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS_IN_ALL", 20_000)
    large = encoded(Image.new("RGB", (100, 90), "red"))
    assert len(pictures.decode_pictures([large] * 2)) == 2
    with pytest.raises(PayloadTooLarge, match="first 3 pictures"):
        pictures.decode_pictures([large] * 1000)
