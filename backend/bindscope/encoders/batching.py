"""One batching queue per model: many callers, one thread that runs the encoder.

While the encoder works, requests gather; the next batch takes them together. A batch that is not full waits a
few milliseconds for company. Large requests go through in slices and let small ones pass between. What nobody waits
for any more is dropped before it is encoded. How one batch is run: ``encoders.passes``.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bindscope.core import cancellation
from bindscope.core.errors import BindscopeError, InvalidInput, Overloaded, Unloaded, UnsupportedModality
from bindscope.encoders.passes import BatchObserver, Item, Kind, Passes, PassLimits
from bindscope.encoders.protocol import Encoder, EncoderInfo, SceneReader, Vectors


@dataclass(frozen=True)
class BatchLimits:
    """``window_ms`` is how long a batch waits for company, ``timeout_s`` how long a caller waits; ``capacity`` caps the
    queue, ``one_pass`` what the encoder is handed at once."""

    window_ms: float = 2.0
    capacity: int = 8192
    timeout_s: float = 300.0
    one_pass: PassLimits = field(default_factory=PassLimits)


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
        self._passes = Passes(encoder, self._limits.one_pass, observer=observer)
        self._tickets: deque[_Ticket] = deque()
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()
        self._retired = False
        self.used = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"encoder {encoder.info.id}", daemon=True)
        self._thread.start()

    @property
    def info(self) -> EncoderInfo:
        """What the wrapped encoder is."""
        return self.encoder.info

    @property
    def encoded_items(self) -> int:
        """Items that were encoded so far."""
        return self._passes.encoded_items

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
                    retry_after=self._waiting / self._passes.rate if self._passes.rate else 1.0,
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

    def _run(self) -> None:
        while True:
            batch = self._next_batch()
            if batch is None:
                return
            if batch:
                first, items = batch[0][0], [item for _, part in batch for item in part]
                self._deliver(batch, self._passes.encode(first.kind, items, whole=first.alone))

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
        cap = self._passes.most(first.kind)
        while sum(t.left for t in self._tickets) < cap and not self._closed:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(left)

    def _take(self, kind: Kind) -> list[tuple[_Ticket, Sequence[Item]]]:
        room = self._passes.most(kind)
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
