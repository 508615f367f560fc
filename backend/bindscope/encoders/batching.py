"""One batching queue per model: many callers, one thread that runs the encoder.

While the encoder works, requests gather; the next batch takes them together. A batch that is not full waits a
few milliseconds for company. Large requests go through in slices and let small ones pass between. Texts that are
padded to the longest of their batch are sorted by length first. When a batch fails it is halved until the failing item
stands alone, so that one bad item does not cost the others; where memory ran out, later batches are smaller too. What
nobody waits for any more is dropped before it is encoded.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from bindscope.core import cancellation
from bindscope.core.errors import BindscopeError, EncodeFailed, InvalidInput, Overloaded, Unloaded, UnsupportedModality
from bindscope.encoders.protocol import Encoder, EncoderInfo, Picture, PreparedPicture, SceneReader, Vectors
from bindscope.scenes.scene import Scene

Kind = Literal["text", "image", "scene"]
Item = str | Picture | PreparedPicture | Scene

#: Texts of one forward pass: the longest has at most this many times the tokens of the shortest, unless the padding
#: that is saved is not worth a pass of its own.
_SPREAD, _PASS_TOKENS = 2, 512
#: Share of the newest batch in the running speed of a queue.
_NEWEST = 0.3


class BatchObserver(Protocol):
    """Told about each batch."""

    def batch_encoded(self, model: str, items: int, seconds: float) -> None: ...


@dataclass(frozen=True)
class BatchLimits:
    """``pixels`` and ``tokens`` cap what one forward pass holds, ``items`` its length, ``capacity`` the queue;
    ``timeout_s`` is how long a caller waits."""

    window_ms: float = 2.0
    capacity: int = 8192
    items: int = 256
    pixels: int = 64 * 224 * 224
    tokens: int = 16_384
    timeout_s: float = 300.0


@dataclass(eq=False)
class _Ticket:
    kind: Kind
    items: Sequence[Item]
    alone: bool
    future: "Future[Vectors]" = field(default_factory=Future)
    taken: int = 0
    parts: list[Vectors] = field(default_factory=list)

    @property
    def left(self) -> int:
        return len(self.items) - self.taken


class BatchingQueue:
    """Wraps an encoder. ``encode`` may be called from any thread; ``close`` ends the inference thread."""

    def __init__(
        self,
        encoder: Encoder | SceneReader,
        limits: BatchLimits | None = None,
        *,
        observer: BatchObserver | None = None,
    ) -> None:
        self.encoder = encoder
        self._limits = limits or BatchLimits()
        self._observer = observer
        self._tickets: deque[_Ticket] = deque()
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()
        self._retired = False
        self._most_items: dict[Kind, int] = {}
        self._rate = 0.0
        self.used = time.monotonic()
        self.encoded_items = 0
        self._thread = threading.Thread(target=self._run, name=f"encoder {encoder.info.id}", daemon=True)
        self._thread.start()

    @property
    def info(self) -> EncoderInfo:
        """What the wrapped encoder is."""
        return self.encoder.info

    @property
    def depth(self) -> int:
        """Items that wait."""
        return self._waiting

    @property
    def alive(self) -> bool:
        """Whether the inference thread runs."""
        return self._thread.is_alive() and not self._closed

    @property
    def leaving(self) -> bool:
        """Whether it was told to end once nothing waits."""
        return self._retired

    def encode(
        self, kind: Kind, items: Sequence[Item], *, alone: bool = False, timeout: float | None = None
    ) -> Vectors:
        """Vectors [item, dim] in the order of ``items``.

        ``alone``: exactly these items form one batch (for the noise floor). Raises UnsupportedModality, Overloaded,
        Unloaded, EncodeFailed, TimeoutError, and Cancelled where the caller of the request has left.
        """
        cancellation.check()
        self._check(kind)
        if not items:
            return np.zeros((0, self.info.dim), dtype=np.float32)
        ticket = _Ticket(kind, items, alone)
        with self._changed:
            if self._closed or self._retired:
                raise Unloaded(f"Model {self.info.id!r} is being unloaded: try again.")
            if self._waiting and self._waiting + len(items) > self._limits.capacity:
                raise Overloaded(
                    f"{self._waiting} items wait for model {self.info.id!r}: try again in a moment.",
                    retry_after=self._waiting / self._rate if self._rate else 1.0,
                )
            self.used = time.monotonic()
            self._waiting += len(items)
            self._tickets.append(ticket)
            self._changed.notify_all()
        try:
            return self._awaited(ticket, self._limits.timeout_s if timeout is None else timeout)
        except TimeoutError:
            ticket.future.cancel()
            raise

    def probe(self, timeout: float) -> None:
        """One text that was never asked before passes through the encoder, before all that waits.

        It does not count as use, a full queue takes it, and a model that refuses the words has answered. Raises
        EncodeFailed, TimeoutError; Unloaded where the model is leaving.
        """
        ticket = _Ticket("text", [f"a red square {time.monotonic_ns()}"], alone=True)
        with self._changed:
            if self._closed or self._retired:
                raise Unloaded(f"Model {self.info.id!r} is being unloaded.")
            self._waiting += 1
            self._tickets.appendleft(ticket)
            self._changed.notify_all()
        with suppress(InvalidInput):
            ticket.future.result(timeout)

    def _awaited(self, ticket: _Ticket, timeout: float) -> Vectors:
        token = cancellation.current()
        if token is None:
            return ticket.future.result(timeout)
        try:
            with token.calling(ticket.future.cancel):
                return ticket.future.result(timeout)
        except CancelledError:
            token.check()
            raise

    def retire(self) -> None:
        """Takes nothing more, finishes what waits and ends by itself."""
        with self._changed:
            self._retired = True
            self._changed.notify_all()

    def close(self) -> None:
        """Ends the thread; what still waits fails with Unloaded."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=30)

    def _check(self, kind: Kind) -> None:
        info = self.info
        modality: Literal["image", "text"] = "text" if kind == "text" else "image"
        if not info.reads(modality):
            can = " and ".join(info.modalities)
            raise UnsupportedModality(f"Model {info.id!r} reads {can} only, not {modality}: choose another model.")
        if kind == "image" and isinstance(self.encoder, SceneReader):
            raise UnsupportedModality(f"Model {info.id!r} reads scenes, not pixels: send scenes.")

    def _cap(self, kind: Kind) -> int:
        """Most items of one forward pass."""
        info, limits = self.info, self._limits
        most = min(limits.items, self._most_items.get(kind, limits.items))
        if kind == "text":
            if info.text_padding == "longest":
                return max(1, most)  # its tokens are counted when it is formed
            return max(1, min(most, limits.tokens // (info.max_tokens or 64)))
        pixels = info.pixels or 224
        return max(1, min(most, limits.pixels // (pixels * pixels)))

    def _passes(self, kind: Kind, items: Sequence[Item]) -> list[list[int]]:
        """Positions of the items of each forward pass."""
        if kind != "text" or self.info.text_padding != "longest" or len(items) == 1:
            return [list(range(len(items)))]
        most = self.info.max_tokens or 64
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

    def _run(self) -> None:
        while True:
            batch = self._next_batch()
            if batch is None:
                return
            if batch:
                self._deliver(batch, self._results(batch))

    def _results(self, batch: list[tuple[_Ticket, Sequence[Item]]]) -> list[Vectors | BindscopeError]:
        """One vector or error per item of the batch, in order."""
        first, items = batch[0][0], [item for _, part in batch for item in part]
        if first.alone:
            return self._encode(first.kind, items)
        found: dict[int, Vectors | BindscopeError] = {}
        for positions in self._passes(first.kind, items):
            found.update(zip(positions, self._encode(first.kind, [items[i] for i in positions]), strict=True))
        return [found[position] for position in range(len(items))]

    def _next_batch(self) -> list[tuple[_Ticket, Sequence[Item]]] | None:
        with self._changed:
            while not self._tickets and not self._closed and not self._retired:
                self._changed.wait()
            if self._closed or not self._tickets:
                self._closed = True
                for ticket in self._tickets:
                    with suppress(InvalidStateError):
                        ticket.future.set_exception(Unloaded(f"Model {self.info.id!r} was unloaded: try again."))
                self._tickets.clear()
                return None
            first = self._tickets[0]
            if first.alone:
                self._tickets.popleft()
                self._waiting -= first.left
                first.taken = len(first.items)
                return [(first, first.items)]
            self._wait_for_company(first)
            return self._take(first.kind)

    def _wait_for_company(self, first: _Ticket) -> None:
        deadline = time.monotonic() + self._limits.window_ms / 1000
        cap = self._cap(first.kind)
        while sum(t.left for t in self._tickets) < cap and not self._closed:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(left)

    def _take(self, kind: Kind) -> list[tuple[_Ticket, Sequence[Item]]]:
        room = self._cap(kind)
        batch: list[tuple[_Ticket, Sequence[Item]]] = []
        keep: deque[_Ticket] = deque()
        unfinished: list[_Ticket] = []
        while self._tickets:
            ticket = self._tickets.popleft()
            if ticket.future.cancelled():
                self._waiting -= ticket.left
            elif ticket.kind != kind or ticket.alone or room == 0:
                keep.append(ticket)
            else:
                slice_ = ticket.items[ticket.taken : ticket.taken + room]
                ticket.taken += len(slice_)
                room -= len(slice_)
                self._waiting -= len(slice_)
                batch.append((ticket, slice_))
                if ticket.left:
                    unfinished.append(ticket)
        # A large request goes to the back, so that small ones pass between its slices.
        self._tickets = keep
        self._tickets.extend(unfinished)
        return batch

    def _encode(self, kind: Kind, items: Sequence[Item]) -> list[Vectors | BindscopeError]:
        """One vector or error per item."""
        if not items:
            return []
        started = time.perf_counter()
        try:
            vectors = self._call(kind)(items)
            if vectors.shape != (len(items), self.info.dim) or not np.isfinite(vectors).all():
                raise EncodeFailed("The encoder returned a wrong shape or numbers that are not finite.")
        except Exception as error:
            if _out_of_memory(error):
                self._most_items[kind] = max(1, len(items) // 2)
            if len(items) > 1:
                half = len(items) // 2
                return self._encode(kind, items[:half]) + self._encode(kind, items[half:])
            known = error if isinstance(error, BindscopeError) else None
            return [known or EncodeFailed(f"Model {self.info.id!r} failed on this item: {type(error).__name__}.")]
        self.encoded_items += len(items)
        seconds = time.perf_counter() - started
        rate = len(items) / max(seconds, 1e-6)
        self._rate = rate if not self._rate else (1 - _NEWEST) * self._rate + _NEWEST * rate
        if self._observer is not None:
            self._observer.batch_encoded(self.info.id, len(items), seconds)
        return list(vectors)

    def _call(self, kind: Kind) -> Callable[[Sequence[Item]], Vectors]:
        name = {"text": "encode_texts", "image": "encode_images", "scene": "encode_scenes"}[kind]
        call: Callable[[Sequence[Item]], Vectors] = getattr(self.encoder, name)
        return call

    def _deliver(self, batch: list[tuple[_Ticket, Sequence[Item]]], results: list[Vectors | BindscopeError]) -> None:
        start = 0
        for ticket, items in batch:
            own = results[start : start + len(items)]
            start += len(items)
            failed = next((r for r in own if isinstance(r, BindscopeError)), None)
            # The caller may give up at any moment: a cancelled future takes no result.
            with suppress(InvalidStateError):
                if failed is not None or ticket.future.cancelled():
                    self._drop(ticket)
                    ticket.future.set_exception(failed or CancelledError())
                    continue
                ticket.parts.append(np.stack([r for r in own if not isinstance(r, BindscopeError)]))
                if not ticket.left:
                    ticket.future.set_result(np.concatenate(ticket.parts))

    def _drop(self, ticket: _Ticket) -> None:
        with self._changed:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
                self._waiting -= ticket.left


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
