"""Synthetic oracles: encoders whose binding function is known in closed form.

Both towers are a function of *chunks*, one list of words per object. The image tower makes them from the names of
the scene's values, objects from left to right; the text tower splits the text at ``and`` and commas, drops
punctuation and function words, and never sees the space.

- ``bag``: sum of word vectors. Concepts are recognised; true and swapped captions tie exactly.
- ``additive``: sum over objects of one vector each: its words, the pairs of its words, and the whole. Binds, in any
  order of mention.
- ``product``: element-wise product over slots and words of 1 + 0.6 N(0, 1), minus 1. Binds; the order of mention is
  the slot, so a caption must name the objects from left to right, or all orders must be tried. A text about one
  object stands for it in every slot; with three concepts a fifth of the scenes lose an object to such a query.
- ``order-blind``: scenes and single objects as ``additive``; a longer text is read as if all its words described one
  object. Concepts and objects are recognised, and captions with equal words tie exactly.

In the three sums every word is a code of two ones among DIM / 2 zeros, and what objects add to their words lies in
the other half. The sums are small integers: exact in any order, ties included. Words of the built-in spaces never
share a one; of other words one pair in 512 does, and still differs in the second one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import UnknownName, UnsupportedModality
from bindscope.core.hashing import canonical_json, content_hash
from bindscope.encoders.protocol import EncoderInfo, Fingerprint, Picture, PreparedPicture, Vectors
from bindscope.scenes.scene import MAX_OBJECTS, Placed, Scene

DIM = 4096
_BLOCK = DIM // 4
#: Codes that an object of several words has in all, so that objects of any number of words weigh the same.
OBJECT_CODES, _LEAST_WHOLE = 24, 4
#: Words of one text or scene beyond this many are dropped.
MAX_WORDS = 96
#: Spread of the product's factors, and of the factors of queries for one object, which stand for it in any slot.
SPREAD, QUERY_SPREAD = 0.6, 1.5

_STOP_WORDS = frozenset(
    word
    for group in (
        "a an and the of in on at with to is are was be there here this that it its shows showing",
        "photo photograph picture image drawing rendering scene depicting",
    )
    for word in group.split()
)
_SPLIT = re.compile(r"\s+and\s+|[,;]")
_WORD = re.compile(r"\w+(?:[-'.]\w+)*")
_SALT = b"bindscope 3"
_CODE_VERSION = "synthetic/1"

Chunk = tuple[str, ...]
Sums = NDArray[np.float64]  # [dim]


def words_of(text: str) -> Chunk:
    """Lower-case words in order, without punctuation and function words."""
    return tuple(word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS)


def chunks_of_text(text: str) -> list[Chunk]:
    """One chunk per object that the text mentions; no chunk when nothing but function words is left."""
    chunks = (words_of(part) for part in _SPLIT.split(text.lower()))
    return [chunk for chunk in chunks if chunk]


def _one_chunk(text: str) -> list[Chunk]:
    """All words as one chunk, sorted, so that not even the cut at MAX_WORDS sees their order."""
    words = sorted(word for chunk in chunks_of_text(text) for word in chunk)
    return [tuple(words)] if words else []


def chunks_of_scene(scene: Scene) -> list[Chunk]:
    """One chunk per object from left to right, its words in the order of the concepts."""
    placed = sorted(scene.objects, key=lambda o: (o.x, o.y))
    return [chunk for chunk in (_chunk(scene, o) for o in placed) if chunk]


def _chunk(scene: Scene, placed: Placed) -> Chunk:
    names = (c.values[i] for c, i in zip(scene.space.concepts, placed.values, strict=True))
    return tuple(word for name in names for word in words_of(name))


@lru_cache(maxsize=65_536)
def _code(text: str, start: int = 0) -> tuple[int, int]:
    digest = content_hash(text, key=_SALT, size=8)
    first, second = (int.from_bytes(part, "big") for part in (digest[:4], digest[4:]))
    return start + first % _BLOCK, start + _BLOCK + second % _BLOCK


def _sum(codes: Sequence[tuple[int, int]]) -> Sums:
    return np.bincount(np.array(codes, dtype=np.int64).reshape(-1), minlength=DIM).astype(np.float64)


def _words(chunk: Chunk) -> list[tuple[int, int]]:
    return [_code(word) for word in chunk]


def _bound(chunk: Chunk) -> list[tuple[int, int]]:
    """Codes of one object: its words, each pair of different words, and codes of the whole up to OBJECT_CODES.

    The order of the words within the object does not matter.
    """
    pairs = {" ".join(sorted(pair)) for pair in combinations(dict.fromkeys(chunk), 2)}
    own = " ".join(sorted(chunk))
    rest = max(OBJECT_CODES - len(chunk) - len(pairs), _LEAST_WHOLE)
    together = [*sorted(pairs), *(f"{own} {i}" for i in range(rest))] if len(chunk) > 1 else []
    return _words(chunk) + [_code(text, DIM // 2) for text in together]


def _bag(chunks: Sequence[Chunk]) -> Sums:
    return _sum([code for chunk in chunks for code in _words(chunk)])


def _additive(chunks: Sequence[Chunk]) -> Sums:
    return _sum([code for chunk in chunks for code in _bound(chunk)])


@lru_cache(maxsize=1024)
def _normal(slot: int, word: str) -> Sums:
    digest = content_hash(f"{slot} {word}", key=_SALT)
    return np.random.default_rng(int.from_bytes(digest, "big")).standard_normal(DIM)


def _factor(slot: int, chunk: Chunk, spread: float) -> Sums:
    factor = np.ones(DIM)
    # A word said twice about one object changes nothing, and cannot make the product overflow.
    for word in sorted(set(chunk)):
        factor *= 1 + spread * _normal(slot, word)
    return factor


def _product(chunks: Sequence[Chunk]) -> Sums:
    if len(chunks) == 1:
        slots = [_factor(slot, chunks[0], QUERY_SPREAD) for slot in range(MAX_OBJECTS)]
        out: Sums = np.sum(slots, axis=0) / MAX_OBJECTS - 1
    else:
        out = np.ones(DIM)
        for slot, chunk in enumerate(chunks):
            out *= _factor(slot, chunk, SPREAD)
        out -= 1
    return np.clip(out, -1e30, 1e30)


Tower = Callable[[Sequence[Chunk]], Sums]

#: Name -> what is done with the chunks.
ORACLES: Mapping[str, Tower] = {
    "bag": _bag,
    "additive": _additive,
    "product": _product,
    "order-blind": _additive,
}


class SyntheticEncoder:
    """One oracle. Pure: equal input gives equal bits, whatever else is in the batch."""

    def __init__(self, name: str) -> None:
        if name not in ORACLES:
            raise UnknownName("synthetic model", name, ORACLES)
        self._tower = ORACLES[name]
        self._chunks = _one_chunk if name == "order-blind" else chunks_of_text
        self.info = EncoderInfo(
            id=f"synthetic:{name}",
            family="synthetic",
            modalities=("image", "text"),
            dim=DIM,
            fingerprint=_fingerprint(name),
            preprocessing="value names of the scene's objects, left to right",
            dtype="float32",
            device="cpu",
            pixels=None,
            max_tokens=MAX_WORDS,
        )

    def encode_scenes(self, scenes: Sequence[Scene]) -> Vectors:
        """Vectors [scene, dim] of the image tower."""
        return _stack([_encode(self._tower, chunks_of_scene(scene)) for scene in scenes])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors [text, dim]; a text of function words only has a vector of its own."""
        return _stack([_encode(self._tower, self._chunks(text)) for text in texts])

    def encode_images(self, images: Sequence[Picture | PreparedPicture]) -> Vectors:
        """Raises UnsupportedModality: an oracle knows scenes, not pixels."""
        raise UnsupportedModality("synthetic models read scenes, not pixels: send scenes.")

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Words of each text that count, before the cut at ``info.max_tokens``."""
        return [sum(map(len, chunks_of_text(text))) for text in texts]


def _encode(tower: Tower, chunks: Sequence[Chunk]) -> Sums:
    left, kept = MAX_WORDS, []
    for chunk in chunks:
        kept.append(chunk[:left])
        left -= len(kept[-1])
    kept = [chunk for chunk in kept if chunk]
    return tower(kept) if kept else _sum([_code("")])


def _stack(rows: Sequence[Sums]) -> Vectors:
    return np.stack(rows).astype(np.float32) if rows else np.zeros((0, DIM), dtype=np.float32)


def _fingerprint(name: str) -> Fingerprint:
    constants = {
        "dim": DIM,
        "object": [OBJECT_CODES, _LEAST_WHOLE],
        "salt": _SALT.decode(),
        "spread": [SPREAD, QUERY_SPREAD],
        "slots": MAX_OBJECTS,
    }
    words = {"stop": sorted(_STOP_WORDS), "split": _SPLIT.pattern, "word": _WORD.pattern, "most": MAX_WORDS}
    return Fingerprint(
        family="synthetic",
        weights=f"closed form {name}",
        architecture=canonical_json(constants),
        preprocessing="scene: left to right",
        tokenizer=canonical_json(words),
        pooling="none",
        dtype="float32",
        code=_CODE_VERSION,
    )
