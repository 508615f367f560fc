"""One batching queue per model: many callers, one thread that runs the encoder.

While the encoder works, requests gather; the next batch takes them together. A batch that is not full waits a
few milliseconds for company. Large requests go through in slices and let small ones pass between. When a batch
fails it is halved until the failing item stands alone, so that one bad item does not cost the others.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from bindscope.domain.scenes import Scene
from bindscope.encoders.base import Encoder, EncoderInfo, Picture, SceneReader, Vectors
from bindscope.errors import BindscopeError, EncodeFailed, Overloaded, UnsupportedModality

Kind = Literal["text", "image", "scene"]
Item = str | Picture | Scene


class BatchObserver(Protocol):
    """Told about each batch and the length of the queue."""

    def batch_encoded(self, model: str, items: int, seconds: float) -> None: ...

    def queue_changed(self, model: str, waiting: int) -> None: ...


@dataclass(frozen=True)
class BatchLimits:
    """``pixels`` and ``tokens`` cap what one forward pass holds, ``items`` its length, ``capacity`` the queue."""

    window_ms: float = 2.0
    capacity: int = 8192
    items: int = 256
    pixels: int = 64 * 224 * 224
    tokens: int = 16_384


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

    def encode(
        self, kind: Kind, items: Sequence[Item], *, alone: bool = False, timeout: float | None = 300.0
    ) -> Vectors:
        """Vectors [item, dim] in the order of ``items``.

        ``alone``: exactly these items form one batch (for the noise floor). Raises UnsupportedModality, Overloaded,
        EncodeFailed, TimeoutError.
        """
        self._check(kind)
        if not items:
            return np.zeros((0, self.info.dim), dtype=np.float32)
        ticket = _Ticket(kind, items, alone)
        with self._changed:
            if self._closed:
                raise Overloaded(f"Model {self.info.id!r} is being unloaded: try again.")
            if self._waiting and self._waiting + len(items) > self._limits.capacity:
                raise Overloaded(f"{self._waiting} items wait for model {self.info.id!r}: try again in a moment.")
            self._waiting += len(items)
            self._tickets.append(ticket)
            self._changed.notify_all()
        try:
            return ticket.future.result(timeout)
        except TimeoutError:
            ticket.future.cancel()
            raise

    def close(self) -> None:
        """Ends the thread; what still waits fails with Overloaded."""
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
        info, limits = self.info, self._limits
        if kind == "text":
            per_item = info.max_tokens or 64
            return max(1, min(limits.items, limits.tokens // per_item))
        pixels = info.pixels or 224
        return max(1, min(limits.items, limits.pixels // (pixels * pixels)))

    def _run(self) -> None:
        while True:
            batch = self._next_batch()
            if batch is None:
                return
            items = [item for _, part in batch for item in part]
            self._deliver(batch, self._encode(batch[0][0].kind, items) if batch else [])
            if self._observer is not None:
                self._observer.queue_changed(self.info.id, self._waiting)

    def _next_batch(self) -> list[tuple[_Ticket, Sequence[Item]]] | None:
        with self._changed:
            while not self._tickets and not self._closed:
                self._changed.wait()
            if self._closed:
                for ticket in self._tickets:
                    ticket.future.set_exception(Overloaded(f"Model {self.info.id!r} was unloaded: try again."))
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
            if len(items) > 1:
                half = len(items) // 2
                return self._encode(kind, items[:half]) + self._encode(kind, items[half:])
            known = error if isinstance(error, BindscopeError) else None
            return [known or EncodeFailed(f"Model {self.info.id!r} failed on this item: {type(error).__name__}.")]
        self.encoded_items += len(items)
        if self._observer is not None:
            self._observer.batch_encoded(self.info.id, len(items), time.perf_counter() - started)
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
