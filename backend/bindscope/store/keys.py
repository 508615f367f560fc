"""Names of stored things, made from all that the thing depends on, and the bytes that lie under them.

A blake2b-256 is taken over length-prefixed parts, so no two lists of parts give the same bytes. Its first half goes
into the name; its second half, independent of the first, is stored beside the value and compared on reading: a value
that lies under the wrong name is not found, and never another input's vector.

A vector: magic, version and dtype code, dim (uint32), the key's check digest (16 bytes), little-endian float32.
JSON: magic, check digest, UTF-8 text. Both end with the CRC-32 of all before it. Whatever does not fit is None on
reading: a damaged value is a miss, never a number.
"""

import json
import re
import sys
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput
from bindscope.core.hashing import content_hash, framed
from bindscope.encoders.protocol import Picture
from bindscope.scenes.scene import Scene

#: Goes up when keys or stored values change their meaning: old entries are then never read again.
SCHEMA = 1

InputKind = Literal["text", "scene", "pixels"]

_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")


class EmbeddingKey(NamedTuple):
    """``name`` under which the store keeps a vector, and the 16 bytes of ``check`` that must lie beside it."""

    name: str
    check: bytes


class MeasurementKey(NamedTuple):
    """The same for a small JSON value (a noise floor, say)."""

    name: str
    check: bytes


def text_key(fingerprint: str, text: str) -> EmbeddingKey:
    """Key of a text, byte for byte: no case folding, no trimming, no Unicode normalisation.

    ``fingerprint`` is the model's ``Fingerprint.digest``. Raises InvalidInput for a text that is not valid Unicode.
    """
    return _embedding_key(fingerprint, "text", "text", parts=(_bytes_of(text),))


def scene_key(fingerprint: str, scene: Scene, *, renderer: str, pixels: int) -> EmbeddingKey:
    """Key of a scene that ``renderer`` (its version) draws at ``pixels``: a hit skips the rendering too."""
    parts = (_bytes_of(scene.canonical()), _bytes_of(renderer), str(pixels).encode())
    return _embedding_key(fingerprint, "image", "scene", parts=parts)


def pixels_key(fingerprint: str, picture: Picture, *, mode: str = "RGB") -> EmbeddingKey:
    """Key of a decoded picture [height, width, channel] of ``mode``. Raises InvalidInput for another layout."""
    if picture.ndim != 3 or picture.dtype != np.uint8:
        raise InvalidInput(
            f"A picture is uint8 [height, width, channel], got {picture.dtype} of shape {list(picture.shape)}."
        )
    height, width, channels = picture.shape
    size = (str(n).encode() for n in (height, width, channels))
    parts = (mode.encode(), *size, np.ascontiguousarray(picture).tobytes())
    return _embedding_key(fingerprint, "image", "pixels", parts=parts)


def measurement_key(name: str, parts: Sequence[str]) -> MeasurementKey:
    """Key of a measurement called ``name`` that depends on ``parts`` (fingerprints, settings, seeds) in their order."""
    _require_plain("measurement", name)
    digest, check = _digests(_framed(str(SCHEMA).encode(), b"measurement", name.encode(), *map(_bytes_of, parts)))
    return MeasurementKey(f"bs:val:{SCHEMA}:{name}:{digest}", check)


def _embedding_key(fingerprint: str, modality: str, kind: InputKind, *, parts: Sequence[bytes]) -> EmbeddingKey:
    name, start = _embedding_start(fingerprint, modality, kind)
    digest, check = _digests(start + _framed(*parts))
    return EmbeddingKey(name + digest, check)


@lru_cache(maxsize=256)
def _embedding_start(fingerprint: str, modality: str, kind: InputKind) -> tuple[str, bytes]:
    """What all keys of a model and kind have in common: the start of the name and of what is hashed."""
    _require_plain("fingerprint", fingerprint)
    start = _framed(str(SCHEMA).encode(), b"embedding", fingerprint.encode(), modality.encode(), kind.encode())
    return f"bs:emb:{SCHEMA}:{fingerprint}:{kind}:", start


def _framed(*parts: bytes) -> bytes:
    return b"".join(framed(parts))


def _digests(message: bytes) -> tuple[str, bytes]:
    """Name digest (32 hexadecimal characters) and check digest (16 bytes): the halves of one blake2b-256."""
    digest = content_hash(message, size=32, person=b"bindscope")
    return digest[:16].hex(), digest[16:]


def _bytes_of(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput("The text holds half of a surrogate pair: send valid Unicode.") from None


def _require_plain(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"A {what} is 1 to 128 letters, digits, dots, dashes or underscores, got {name!r}.")


_VECTOR = b"BSV\x01\x01\x00"  # magic, version 1, dtype 1 (float32), reserved
_JSON = b"BSJ\x01"
_CHECK = 16
_CRC = 4
#: CRC-32 of anything that ends with its own CRC-32: one pass over the whole value, nothing to cut out.
_RESIDUE = 0x2144DF1C
_VECTOR_HEADER = len(_VECTOR) + 4 + _CHECK
_JSON_HEADER = len(_JSON) + _CHECK
_FLOAT = np.dtype("<f4")


def encode_vector(vector: NDArray[np.float32], check: bytes) -> bytes:
    """Bytes of ``vector`` [dim]. Raises ValueError unless it is a finite float32 vector and ``check`` has 16 bytes."""
    if vector.ndim != 1 or vector.dtype != np.float32 or len(check) != _CHECK:
        raise ValueError(f"Expected a float32 vector and 16 check bytes, got {vector.dtype} {list(vector.shape)}.")
    if not np.isfinite(vector).all():
        raise ValueError("A vector with NaN or infinity is not stored.")
    body = vector.astype(_FLOAT, copy=False).tobytes()
    return _sealed(_VECTOR + len(vector).to_bytes(4, "little") + check + body)


def decode_vector(value: bytes | None, check: bytes) -> NDArray[np.float32] | None:
    """The read-only vector [dim] that was stored under ``check``, bit for bit; None if anything does not fit."""
    if value is None or zlib.crc32(value) != _RESIDUE:
        return None
    dim, rest = divmod(len(value) - _VECTOR_HEADER - _CRC, 4)
    if dim < 0 or rest or not value.startswith(_VECTOR + dim.to_bytes(4, "little") + check):
        return None
    vector = np.frombuffer(value, _FLOAT, dim, _VECTOR_HEADER)
    return vector if sys.byteorder == "little" else vector.astype(np.float32)


def encode_json(value: object, check: bytes) -> bytes:
    """Bytes of a JSON value. Raises ValueError for NaN and infinity, TypeError for what JSON cannot hold."""
    body = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
    return _sealed(_JSON + check + body)


def decode_json(value: bytes | None, check: bytes) -> tuple[object] | None:
    """The value in a tuple of one (None is a value too), or None if anything does not fit."""
    if value is None or zlib.crc32(value) != _RESIDUE or not value.startswith(_JSON + check):
        return None
    return (json.loads(value[_JSON_HEADER:-_CRC]),)


def _sealed(value: bytes) -> bytes:
    return value + zlib.crc32(value).to_bytes(_CRC, "little")
