"""Uploaded pictures: base64 or data URI to RGB arrays. Decoded and checked before any queue sees them."""

import base64
import binascii
import io
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bindscope.core import cancellation
from bindscope.core.errors import InvalidInput, Overloaded, PayloadTooLarge
from bindscope.encoders.protocol import Picture
from bindscope.scenes.scene import Origin
from bindscope.services.embedder import PREPARED
from bindscope.store.datasets import DatasetRepository, PictureFile

FORMATS = ("PNG", "JPEG", "WEBP")
MIN_SIDE, MAX_PIXELS, MAX_BYTES = 8, 16_000_000, 8 * 1024 * 1024
MAX_ITEMS = 1024
#: Header of a .npy file, as numpy.save writes it, for an array of four axes.
_HEADER = re.compile(
    rb"\{'descr': '(?P<type>[^']{2,8})', 'fortran_order': (?P<order>True|False), "
    rb"'shape': \((?P<shape>\d{1,9}(?:, \d{1,9}){3})\), \}\s*"
)
#: Of one request: a few hundred bytes can hold the largest picture, so a small body could unpack to any size.
MAX_PIXELS_IN_ALL = 128_000_000
_PIXELS_AT_ONCE = 32_000_000
_LISTED = 8


class ImageDecoder:
    """Decodes uploads in a few threads, and never more pixels at once, over all requests, than ``megapixels``."""

    def __init__(self, pool: Executor, *, megapixels: int, patience_s: float = 30.0) -> None:
        self._map = pool.map
        self._most = megapixels * 1_000_000
        self._patience_s = patience_s
        self._left = self._most
        self._changed = threading.Condition()

    @contextmanager
    def opened(self, texts: Sequence[str], *, side: int = 0) -> Iterator[list[Picture]]:
        """Base64 or data URIs as pictures, for as long as the block lasts; the model that reads them wants ``side``.

        Raises InvalidInput, PayloadTooLarge before anything is decoded, Overloaded where other requests hold the room.
        """
        files = [_opened(_bytes(text, f"Picture {n}"), f"Picture {n}") for n, text in enumerate(texts, start=1)]
        pixels = sum(file.pixels for file in files)
        if pixels > min(MAX_PIXELS_IN_ALL, self._most):
            raise PayloadTooLarge(
                f"These {len(files)} pictures have {pixels:,} pixels: at most "
                f"{min(MAX_PIXELS_IN_ALL, self._most):,} in one request. Send fewer at a time, or smaller ones."
            )
        # A picture that is ready for the model holds floats, four times the bytes.
        ready = 4 * side * side * min(len(files), PREPARED)
        with self._room_for(min(pixels + ready, self._most)):
            yield list(self._map(_decoded, files))

    def decoded(self, files: Iterable[tuple[str, bytes]]) -> Iterator[Picture]:
        """Named files as pictures, in order and a few at a time. Raises InvalidInput, PayloadTooLarge, Overloaded."""
        part: list[_File] = []
        for name, raw in files:
            part.append(_opened(raw, name))
            if len(part) == PREPARED or sum(file.pixels for file in part) >= _PIXELS_AT_ONCE:
                yield from self._part(part)
                part = []
        yield from self._part(part)

    def check(self, files: Sequence[PictureFile]) -> None:
        """Decodes every picture of an upload once. Raises InvalidInput that lists those that cannot be read."""
        wrong: list[str] = []
        for start in range(0, len(files), PREPARED):
            cancellation.check()
            part = files[start : start + PREPARED]
            opened = [_readable(file, wrong) for file in part]
            ready = [file for file in opened if file is not None]
            with self._room_for(min(sum(file.pixels for file in ready), self._most)):
                wrong += [text for text in self._map(_complaint, ready) if text]
        if wrong:
            more = f" And {len(wrong) - _LISTED} more." if len(wrong) > _LISTED else ""
            head = f"{len(wrong)} pictures cannot be read. " if len(wrong) > 1 else ""
            raise InvalidInput(f"{head}{' '.join(wrong[:_LISTED])}{more}")

    def _part(self, files: Sequence["_File"]) -> Iterator[Picture]:
        with self._room_for(min(sum(file.pixels for file in files), self._most)):
            yield from self._map(_decoded, files)

    @contextmanager
    def _room_for(self, pixels: int) -> Iterator[None]:
        until = time.monotonic() + self._patience_s
        with self._changed:
            while self._left < pixels:
                cancellation.check()
                if time.monotonic() >= until:
                    raise Overloaded("Other requests hold the room for decoding pictures: try again.", retry_after=5)
                self._changed.wait(0.2)
            self._left -= pixels
        try:
            yield
        finally:
            with self._changed:
                self._left += pixels
                self._changed.notify_all()


def uploaded_pictures(
    repository: DatasetRepository, desk: ImageDecoder, origins: Sequence[Origin]
) -> Iterator[Picture]:
    """Pictures of uploaded scenes, in order."""
    return desk.decoded(
        (f"Picture {own.row} of {own.dataset}", repository.picture(own.dataset, own.row)) for own in origins
    )


def pictures_in(body: bytes) -> list[Picture]:
    """The rows of a uint8 .npy array [item, height, width, 3]. Raises InvalidInput, PayloadTooLarge."""
    # numpy reads the header with ``ast``, which CPython 3.11 does not bear in several threads at once.
    start = 10 if body[6:7] == b"\x01" else 12
    if not body.startswith(b"\x93NUMPY") or len(body) < start:
        raise InvalidInput("The body is not a .npy file: write one with numpy.save.")
    end = start + int.from_bytes(body[8:start], "little")
    header = _HEADER.fullmatch(body[start:end])
    if header is None or header["type"] not in (b"|u1", b"u1") or header["order"] != b"False":
        given = body[start : min(end, start + 200)].decode("latin-1").strip()
        raise InvalidInput(f"The array must be uint8 [item, height, width, 3] in C order, got {given}")
    count, height, width, channels = (int(size) for size in header["shape"].split(b","))
    if channels != 3 or not count:
        raise InvalidInput(f"The array must be uint8 [item, height, width, 3], got {header['shape'].decode()}.")
    if count > MAX_ITEMS:
        raise PayloadTooLarge(f"{count:,} pictures are more than {MAX_ITEMS:,}: send them in parts.")
    _check_size((width, height), "Every picture")
    pixels = body[end:]
    if len(pixels) != count * height * width * 3:
        raise InvalidInput("The array is cut short or has bytes after its end: send the file again.")
    return list(np.frombuffer(pixels, np.uint8).reshape(count, height, width, 3))


def decode_picture(text: str, *, number: int = 1) -> Picture:
    """RGB uint8 [height, width, 3]; transparent parts become white. ``number`` names the picture in errors.

    Raises InvalidInput (not base64, not a picture, too small) or PayloadTooLarge (checked on the header, before
    any pixel is decoded).
    """
    return _decoded(_opened(_bytes(text, f"Picture {number}"), f"Picture {number}"))


@dataclass(frozen=True)
class _File:
    """An encoded picture whose header was read."""

    what: str
    raw: bytes
    pixels: int


def _readable(file: PictureFile, wrong: list[str]) -> "_File | None":
    """The opened file, or a line for the list of those that cannot be read."""
    try:
        return _opened(file.read(), f"Picture {file.name!r}")
    except (InvalidInput, PayloadTooLarge) as error:
        wrong.append(str(error))
        return None


def _complaint(file: "_File") -> str:
    try:
        _decoded(file)
    except (InvalidInput, PayloadTooLarge) as error:
        return str(error)
    return ""


def _opened(raw: bytes, what: str) -> _File:
    if len(raw) > MAX_BYTES:
        raise PayloadTooLarge(f"{what} has {len(raw):,} bytes: at most {MAX_BYTES:,}.")
    with _plain_errors(what), Image.open(io.BytesIO(raw), formats=FORMATS) as image:
        _check_size(image.size, what)
        return _File(what, raw, image.size[0] * image.size[1])


def _decoded(file: _File) -> Picture:
    with _plain_errors(file.what), Image.open(io.BytesIO(file.raw), formats=FORMATS) as image:
        return _rgb(image)


@contextmanager
def _plain_errors(what: str) -> Iterator[None]:
    """Whatever the library says of a broken file becomes one of our sentences."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
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
