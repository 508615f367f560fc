import base64
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from bindscope.core.cancellation import Token, carrying
from bindscope.core.errors import BindscopeError, Cancelled, InvalidInput, Overloaded, PayloadTooLarge
from bindscope.services import pictures
from bindscope.services.pictures import ImageDecoder, decode_picture, pictures_in


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


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_many_large_pictures_in_a_small_body_are_refused_before_they_fill_the_memory(pool, monkeypatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS_IN_ALL", 20_000)
    desk = ImageDecoder(pool, megapixels=16)
    large = encoded(Image.new("RGB", (100, 90), "red"))
    with desk.opened([large] * 2) as opened:
        assert [picture.shape for picture in opened] == [(90, 100, 3)] * 2
    monkeypatch.setattr(pictures, "_decoded", None)  # nothing is decoded
    with pytest.raises(PayloadTooLarge, match="1000 pictures have 9,000,000 pixels"), desk.opened([large] * 1000):
        pass


def test_requests_wait_for_room_to_decode_and_are_told_to_come_again(pool) -> None:
    desk = ImageDecoder(pool, megapixels=16, patience_s=0.3)
    large = encoded(Image.new("RGB", (3000, 3000), "red"))
    with desk.opened([large]):
        with pytest.raises(Overloaded, match="room"), desk.opened([large]):
            pass
        with desk.opened([encoded(noise(16, 16))]):
            pass
    with desk.opened([large]):
        pass


def test_a_request_whose_caller_left_does_not_wait_for_room(pool) -> None:
    desk = ImageDecoder(pool, megapixels=16, patience_s=30)
    large, token = encoded(Image.new("RGB", (3000, 3000), "red")), Token()
    with desk.opened([large]), carrying(token):
        token.cancel("left")
        with pytest.raises(Cancelled), desk.opened([large]):
            pass


@given(npst.arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(8, 9), st.integers(8, 9), st.just(3))))
def test_an_array_of_pictures_arrives_bit_for_bit(array) -> None:
    file = io.BytesIO()
    np.save(file, array)
    assert np.array_equal(np.stack(pictures_in(file.getvalue())), array)


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda tail: b"\x93NUMPY\x01\x00" + tail))
def test_any_bytes_are_an_array_or_a_sentence(body) -> None:
    with pytest.raises(BindscopeError):
        pictures_in(body)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((1, 16, 16, 3), np.float32),
        np.zeros((16, 16, 3), np.uint8),
        np.zeros((0, 16, 16, 3), np.uint8),
        np.zeros((1, 4, 16, 3), np.uint8),
        np.array([{"a": 1}], dtype=object),
    ],
    ids=["floats", "one picture", "none", "too small", "objects"],
)
def test_an_array_that_holds_no_pictures_is_refused(array) -> None:
    file = io.BytesIO()
    np.save(file, array)
    with pytest.raises(InvalidInput):
        pictures_in(file.getvalue())


def test_an_array_that_claims_more_than_it_holds_is_refused_before_it_is_made() -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": (1000, 4000, 4000, 3), "fortran_order": False, "descr": "|u1"})
    with pytest.raises(InvalidInput, match="cut short"):
        pictures_in(file.getvalue())
