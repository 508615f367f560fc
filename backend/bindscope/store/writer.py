"""Writes to the store after the answer has gone out: one thread, a bounded queue, nothing lost that matters.

What does not fit in the queue, or finds the store gone or full, is dropped and counted: it is a cache.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import redis
from numpy.typing import NDArray

from bindscope.core.errors import StoreUnavailable
from bindscope.store.connection import Store
from bindscope.store.keys import EmbeddingKey, encode_vector

#: A vector to set, or None where only the time to live is renewed.
_Batch: TypeAlias = Mapping[EmbeddingKey, NDArray[np.float32] | None]
_Entries: TypeAlias = list[tuple[EmbeddingKey, NDArray[np.float32] | None]]

#: Seconds that the first entry waits for others: one round trip for many.
_GATHER_S = 0.02


class CacheWriter:
    """Sets vectors with ``ttl_s`` to live and renews it. ``capacity`` is the number of entries that may wait."""

    def __init__(self, store: Store, *, ttl_s: float, chunk: int, capacity: int = 32_768) -> None:
        self._store = store
        self._ttl_ms = max(1, round(ttl_s * 1000))
        self._chunk = chunk
        self._capacity = capacity
        self._changed = threading.Condition()
        self._gather = threading.Event()
        self._batches: deque[_Batch] = deque()
        self._waiting = 0
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self.written = 0
        self.dropped = 0
        self.renewals = 0

    def put(self, vectors: Mapping[EmbeddingKey, NDArray[np.float32]]) -> None:
        """Queues read-only vectors for writing."""
        self._queue(vectors)

    def renew(self, keys: Sequence[EmbeddingKey]) -> None:
        """Queues a new time to live for entries that were used."""
        self.renewals += len(keys)
        self._queue(dict.fromkeys(keys))

    def flush(self, timeout: float = 10.0) -> bool:
        """Waits until nothing is queued; whether that came true in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._batches and not self._busy, timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Writes what waits, for ``timeout`` seconds at most, and ends the thread."""
        self._gather.set()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self.flush(timeout)
            with self._changed:
                self.dropped += self._waiting
                self._batches.clear()
            self._thread.join(timeout=30)

    def _queue(self, batch: _Batch) -> None:
        if not batch:
            return
        with self._changed:
            if self._closed or not self._store.available or self._waiting + len(batch) > self._capacity:
                self.dropped += len(batch)
                return
            self._batches.append(batch)
            self._waiting += len(batch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store writer", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._batches) or self._closed)
                self._busy = True
            self._gather.wait(_GATHER_S)
            with self._changed:
                if not self._batches:
                    self._busy = False
                    return
                # Small requests leave small batches: they are written together.
                entries: _Entries = []
                while self._batches and len(entries) < self._chunk:
                    entries += self._batches.popleft().items()
                self._waiting -= len(entries)
            self._write(entries)

    def _write(self, entries: _Entries) -> None:
        for start in range(0, len(entries), self._chunk):
            part = entries[start : start + self._chunk]
            try:
                done = self._store.call(partial(self._send, part))
            except StoreUnavailable:
                done = 0
            self.written += done
            self.dropped += len(part) - done
            # Gives way to the threads that answer.
            time.sleep(0)

    def _send(self, part: _Entries, client: redis.Redis) -> int:
        with client.pipeline(transaction=False) as pipe:
            for key, vector in part:
                if vector is None:
                    pipe.pexpire(key.name, self._ttl_ms)
                else:
                    pipe.set(key.name, encode_vector(vector, key.check), px=self._ttl_ms)
            answers = pipe.execute(raise_on_error=False)
        return sum(not isinstance(answer, Exception) for answer in answers)
