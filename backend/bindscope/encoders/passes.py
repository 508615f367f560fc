"""One batch through an encoder: forward passes that fit the device, and one bad item does not cost the others.

Texts that are padded to the longest of their pass are sorted by length first. When a pass fails it is halved until the
failing item stands alone; where memory ran out, later passes are smaller too.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from bindscope.core.errors import BindscopeError, EncodeFailed
from bindscope.encoders.protocol import Encoder, Picture, PreparedPicture, SceneReader, Vectors
from bindscope.scenes.scene import Scene

Kind = Literal["text", "image", "scene"]
Item = str | Picture | PreparedPicture | Scene

#: Texts of one forward pass: the longest has at most this many times the tokens of the shortest, unless the padding
#: that is saved is not worth a pass of its own.
_SPREAD, _PASS_TOKENS = 2, 512
#: Share of the newest pass in the running speed of an encoder.
_NEWEST = 0.3


class BatchObserver(Protocol):
    """Told about each forward pass."""

    def batch_encoded(self, model: str, items: int, seconds: float) -> None: ...


@dataclass(frozen=True)
class PassLimits:
    """``pixels`` and ``tokens`` cap what one forward pass holds, ``items`` its length."""

    items: int = 256
    pixels: int = 64 * 224 * 224
    tokens: int = 16_384


class Passes:
    """Runs an encoder, in one thread."""

    def __init__(
        self, encoder: Encoder | SceneReader, limits: PassLimits, *, observer: BatchObserver | None = None
    ) -> None:
        self._encoder, self._info, self._limits, self._observer = encoder, encoder.info, limits, observer
        self._most_items: dict[Kind, int] = {}
        self.encoded_items = 0
        #: Items a second; 0 before the first pass.
        self.rate = 0.0

    def most(self, kind: Kind) -> int:
        """Most items of one forward pass."""
        info, limits = self._info, self._limits
        most = min(limits.items, self._most_items.get(kind, limits.items))
        if kind == "text":
            if info.text_padding == "longest":
                return max(1, most)  # its tokens are counted when it is formed
            return max(1, min(most, limits.tokens // (info.max_tokens or 64)))
        pixels = info.pixels or 224
        return max(1, min(most, limits.pixels // (pixels * pixels)))

    def encode(self, kind: Kind, items: Sequence[Item], *, whole: bool = False) -> list[Vectors | BindscopeError]:
        """One vector or error per item, in order. ``whole``: in one pass, whatever its padding costs."""
        if whole:
            return self._encode(kind, items)
        results: dict[int, Vectors | BindscopeError] = {}
        for positions in self.split(kind, items):
            results.update(zip(positions, self._encode(kind, [items[i] for i in positions]), strict=True))
        return [results[position] for position in range(len(items))]

    def split(self, kind: Kind, items: Sequence[Item]) -> list[list[int]]:
        """Positions of the items of each forward pass."""
        if kind != "text" or self._info.text_padding != "longest" or len(items) == 1:
            return [list(range(len(items)))]
        most = self._info.max_tokens or 64
        tokens = [min(most, _about_tokens(item)) for item in items if isinstance(item, str)]
        passes: list[list[int]] = [[]]
        shortest = 0
        for position in sorted(range(len(items)), key=tokens.__getitem__):
            size, longest = len(passes[-1]), tokens[position]
            full = (size + 1) * longest > self._limits.tokens
            padded = longest > _SPREAD * shortest and size * (longest - shortest) > _PASS_TOKENS
            if size and (full or padded):
                passes.append([])
                size = 0
            if not size:
                shortest = longest
            passes[-1].append(position)
        return passes

    def _encode(self, kind: Kind, items: Sequence[Item]) -> list[Vectors | BindscopeError]:
        if not items:
            return []
        started = time.perf_counter()
        try:
            vectors = self._call(kind)(items)
            if vectors.shape != (len(items), self._info.dim) or not np.isfinite(vectors).all():
                raise EncodeFailed("The encoder returned a wrong shape or numbers that are not finite.")
        except Exception as error:
            if _out_of_memory(error):
                self._most_items[kind] = max(1, len(items) // 2)
            if len(items) > 1:
                half = len(items) // 2
                return self._encode(kind, items[:half]) + self._encode(kind, items[half:])
            known = error if isinstance(error, BindscopeError) else None
            return [known or EncodeFailed(f"Model {self._info.id!r} failed on this item: {type(error).__name__}.")]
        self._count(len(items), time.perf_counter() - started)
        return list(vectors)

    def _call(self, kind: Kind) -> Callable[[Sequence[Item]], Vectors]:
        name = {"text": "encode_texts", "image": "encode_images", "scene": "encode_scenes"}[kind]
        call: Callable[[Sequence[Item]], Vectors] = getattr(self._encoder, name)
        return call

    def _count(self, items: int, seconds: float) -> None:
        self.encoded_items += items
        rate = items / max(seconds, 1e-6)
        self.rate = rate if not self.rate else (1 - _NEWEST) * self.rate + _NEWEST * rate
        if self._observer is not None:
            self._observer.batch_encoded(self._info.id, items, seconds)


def _about_tokens(item: Item) -> int:
    """A guess that costs nothing: English has some four letters a token."""
    return len(item) // 4 + 3 if isinstance(item, str) else 1


def _out_of_memory(error: Exception) -> bool:
    """Whether the device had no room; what it holds for nobody is given back."""
    if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError":
        return False
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    return True
