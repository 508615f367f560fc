"""Uploaded pictures: base64 or data URI to RGB arrays. Decoded and checked before any queue sees them."""

import base64
import binascii
import io
import warnings
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bindscope.encoders.base import Picture
from bindscope.errors import InvalidInput, PayloadTooLarge

FORMATS = ("PNG", "JPEG", "WEBP")
MIN_SIDE, MAX_PIXELS, MAX_BYTES = 8, 16_000_000, 8 * 1024 * 1024
#: Of one request: a few hundred bytes can hold the largest picture, so a small body could unpack to any size.
MAX_PIXELS_IN_ALL = 128_000_000


def decode_pictures(texts: Sequence[str]) -> list[Picture]:
    """As ``decode_picture``, for a whole request. Raises PayloadTooLarge before its pixels fill the memory."""
    pictures: list[Picture] = []
    pixels = 0
    for number, text in enumerate(texts, start=1):
        picture = decode_picture(text, number=number)
        pixels += picture.shape[0] * picture.shape[1]
        if pixels > MAX_PIXELS_IN_ALL:
            raise PayloadTooLarge(
                f"The first {number} pictures have {pixels:,} pixels: at most {MAX_PIXELS_IN_ALL:,} in one request. "
                "Send fewer at a time, or smaller ones."
            )
        pictures.append(picture)
    return pictures


def decode_picture(text: str, *, number: int = 1) -> Picture:
    """RGB uint8 [height, width, 3]; transparent parts become white. ``number`` names the picture in errors.

    Raises InvalidInput (not base64, not a picture, too small) or PayloadTooLarge (checked on the header, before
    any pixel is decoded).
    """
    what = f"Picture {number}"
    raw = _bytes(text, what)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
                _check_size(image.size, what)
                return _rgb(image)
    except Image.DecompressionBombError as error:
        raise PayloadTooLarge(f"{what} has too many pixels: at most {MAX_PIXELS:,}.") from error
    except UnidentifiedImageError as error:
        raise InvalidInput(f"{what} is not a PNG, JPEG or WebP picture.") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{what} is damaged and cannot be decoded: send the file again.") from error


def _bytes(text: str, what: str) -> bytes:
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise InvalidInput(f"{what} must be a data URI with base64, such as data:image/png;base64,...")
    elif "://" in text[:16]:
        raise InvalidInput(f"{what} is an address: Bindscope fetches nothing, send the picture itself as base64.")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"{what} is not valid base64.") from error
    if not raw:
        raise InvalidInput(f"{what} is empty.")
    if len(raw) > MAX_BYTES:
        raise PayloadTooLarge(f"{what} has {len(raw):,} bytes: at most {MAX_BYTES:,}.")
    return raw


def _check_size(size: tuple[int, int], what: str) -> None:
    width, height = size
    if min(width, height) < MIN_SIDE:
        raise InvalidInput(f"{what} is {width} x {height} pixels: at least {MIN_SIDE} x {MIN_SIDE} are needed.")
    if width * height > MAX_PIXELS:
        raise PayloadTooLarge(f"{what} is {width} x {height} pixels: at most {MAX_PIXELS:,} in all.")


def _rgb(image: Image.Image) -> Picture:
    turned = ImageOps.exif_transpose(image)
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        layer = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(turned.convert("RGB"), dtype=np.uint8)
