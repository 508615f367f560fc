"""How vectors and small JSON values lie in the store.

A vector: magic, version and dtype code, dim (uint32), the key's check digest (16 bytes), little-endian float32.
JSON: magic, check digest, UTF-8 text. Both end with the CRC-32 of all before it. Whatever does not fit is None on
reading: a damaged value is a miss, never a number.
"""

import json
import sys
import zlib

import numpy as np
from numpy.typing import NDArray

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
