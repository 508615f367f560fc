"""How vectors and small JSON values lie in the store.

A vector: magic, version and dtype code, dim (uint32), the key's check digest (16 bytes), CRC-32 of what follows,
then little-endian float32. JSON: magic, check digest, CRC-32, UTF-8 text. Whatever does not fit is None on reading: a
damaged value is a miss, never a number.
"""

import json
import zlib

import numpy as np
from numpy.typing import NDArray

_VECTOR = b"BSV\x01\x01\x00"  # magic, version 1, dtype 1 (float32), reserved
_JSON = b"BSJ\x01"
_CHECK = 16
_CRC = 4
_VECTOR_HEADER = len(_VECTOR) + 4 + _CHECK
_BODY = _VECTOR_HEADER + _CRC
_FLOAT = np.dtype("<f4")
_NATIVE = _FLOAT == np.dtype(np.float32)
_JSON_HEADER = len(_JSON) + _CHECK


def encode_vector(vector: NDArray[np.float32], check: bytes) -> bytes:
    """Bytes of ``vector`` [dim]. Raises ValueError unless it is a finite float32 vector and ``check`` has 16 bytes."""
    if vector.ndim != 1 or vector.dtype != np.float32 or len(check) != _CHECK:
        raise ValueError(f"Expected a float32 vector and 16 check bytes, got {vector.dtype} {list(vector.shape)}.")
    if not np.isfinite(vector).all():
        raise ValueError("A vector with NaN or infinity is not stored.")
    body = vector.astype(_FLOAT, copy=False).tobytes()
    return b"".join((_VECTOR, len(vector).to_bytes(4, "little"), check, _crc(body), body))


def decode_vector(value: bytes | None, check: bytes) -> NDArray[np.float32] | None:
    """The read-only vector [dim] that was stored under ``check``, bit for bit; None if anything does not fit."""
    if value is None or len(value) < _BODY:
        return None
    dim, rest = divmod(len(value) - _BODY, 4)
    if rest or not value.startswith(_VECTOR + dim.to_bytes(4, "little") + check):
        return None
    vector = np.frombuffer(value, _FLOAT, dim, _BODY)
    if zlib.crc32(vector) != int.from_bytes(value[_VECTOR_HEADER:_BODY], "little"):
        return None
    return vector if _NATIVE else vector.astype(np.float32)


def encode_json(value: object, check: bytes) -> bytes:
    """Bytes of a JSON value. Raises ValueError for NaN and infinity, TypeError for what JSON cannot hold."""
    body = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
    return b"".join((_JSON, check, _crc(body), body))


def decode_json(value: bytes | None, check: bytes) -> tuple[object] | None:
    """The value in a tuple of one (None is a value too), or None if anything does not fit."""
    start = _JSON_HEADER + _CRC
    if value is None or len(value) < start or value[:_JSON_HEADER] != _JSON + check:
        return None
    body = value[start:]
    if value[_JSON_HEADER:start] != _crc(body):
        return None
    return (json.loads(body),)


def _crc(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(_CRC, "little")
