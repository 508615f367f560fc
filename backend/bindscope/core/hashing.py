"""The one content hash, blake2b: names of what is cached or kept, and seeds that follow from content.

What a digest is taken over must not change: a name would lose what lies under it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import TypeAlias

#: Text is hashed as UTF-8.
Content: TypeAlias = str | bytes | memoryview


def canonical_json(value: object) -> str:
    """Sorted, compact JSON: equal settings give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def content_hash(content: Content, *, size: int = 16, key: bytes = b"", person: bytes = b"") -> bytes:
    """``size`` bytes; another ``key`` or ``person`` gives others for the same content."""
    return _hashed([content], size=size, key=key, person=person)


def digest(content: Content, *, size: int = 16) -> str:
    """Twice ``size`` hexadecimal characters."""
    return _hashed([content], size=size).hex()


def digest_of_parts(parts: Iterable[Content], *, size: int = 16) -> str:
    """The same over several parts, each after its length: no two lists of parts give the same bytes."""
    return _hashed(framed(parts), size=size).hex()


def framed(parts: Iterable[Content]) -> Iterator[bytes | memoryview]:
    """Each part after its length, else ("ab", "c") and ("a", "bc") would be one."""
    for part in parts:
        body = part.encode() if isinstance(part, str) else part
        yield len(body).to_bytes(8, "big")
        yield body


def _hashed(pieces: Iterable[Content], *, size: int, key: bytes = b"", person: bytes = b"") -> bytes:
    hasher = hashlib.blake2b(digest_size=size, key=key, person=person)
    for piece in pieces:
        hasher.update(piece.encode() if isinstance(piece, str) else piece)
    return hasher.digest()
