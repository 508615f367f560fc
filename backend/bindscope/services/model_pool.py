"""Models in memory: loaded on first use, one queue each. The longest unused leave when there are too many, when their
weights take too much memory together, or when nobody has asked them for long.

A model that leaves finishes what it was asked before.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bindscope.core.errors import Overloaded, Unloaded
from bindscope.encoders.batching import BatchingQueue, BatchLimits
from bindscope.encoders.passes import BatchObserver, Item, Kind
from bindscope.encoders.protocol import EncoderInfo, Vectors
from bindscope.encoders.registry import EncoderSettings, ModelEntry, list_models, load_encoder


class KeyedLocks:
    """A lock for each name, there while somebody holds it or waits for it, so that unknown names leave nothing behind.

    ``with locks.holding(key)``: one thread at a time for equal keys, any number for different ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[Hashable, tuple[threading.Lock, int]] = {}

    def __len__(self) -> int:
        return len(self._locks)

    @contextmanager
    def holding(self, key: Hashable) -> Iterator[None]:
        """Waits until nobody else holds ``key``."""
        with self._lock:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                _, users = self._locks[key]
                if users > 1:
                    self._locks[key] = (lock, users - 1)
                else:
                    del self._locks[key]


_TRIES = 3


@dataclass(frozen=True)
class ModelState:
    """One listed model, and what it is once loaded."""

    entry: ModelEntry
    info: EncoderInfo | None


class ModelPool:
    """``queue(id)`` gives the batching queue of a model, loading it when needed."""

    def __init__(
        self,
        settings: EncoderSettings,
        limits: BatchLimits,
        *,
        max_loaded: int,
        max_bytes: Callable[[], int] | None = None,
        idle_s: float = 0.0,
        on_leaving: Callable[[str], None] = lambda model_id: None,
        observer: BatchObserver | None = None,
    ) -> None:
        self.settings = settings
        self._limits = limits
        self._max_loaded, self._max_bytes, self._idle_s = max_loaded, max_bytes, idle_s
        self._on_leaving = on_leaving
        self._observer = observer
        self._queues: OrderedDict[str, BatchingQueue] = OrderedDict()
        self._lock = threading.Lock()
        self._loading = KeyedLocks()
        self._on_loaded: Callable[[str], None] = lambda model_id: None
        self._closing = threading.Event()
        self._sweeper: threading.Thread | None = None
        if idle_s:
            self._sweeper = threading.Thread(target=self._sweep, name="idle models", daemon=True)
            self._sweeper.start()

    def when_loaded(self, callback: Callable[[str], None]) -> None:
        """``callback(id)`` is called once a model is loaded."""
        self._on_loaded = callback

    def queue(self, model_id: str) -> BatchingQueue:
        """Raises UnknownName, InvalidInput, ModelUnavailable."""
        found = self._found(model_id)
        if found is not None:
            return found
        with self._loading.holding(model_id):
            return self._found(model_id) or self._load(model_id)

    def encode(self, model_id: str, kind: Kind, items: Sequence[Item], *, alone: bool = False) -> Vectors:
        """As ``BatchingQueue.encode``, of the model as it is loaded now (again, if it was about to leave)."""
        for _ in range(_TRIES):
            with suppress(Unloaded):
                return self.queue(model_id).encode(kind, items, alone=alone)
        raise Overloaded(f"Model {model_id!r} is loaded and unloaded all the time: raise BINDSCOPE_MODEL_MEMORY_MB.")

    def info(self, model_id: str) -> EncoderInfo:
        """What the model is, loading it when needed."""
        return self.queue(model_id).info

    def loaded(self) -> Sequence[BatchingQueue]:
        """Queues of the models in memory."""
        with self._lock:
            return list(self._queues.values())

    def states(self) -> list[ModelState]:
        """All models that can be named, loaded ones with their info."""
        entries = {entry.id: entry for entry in list_models(self.settings)}
        with self._lock:
            infos = {name: queue.info for name, queue in self._queues.items()}
        for name, info in infos.items():
            if name not in entries:
                entries[name] = ModelEntry(
                    id=name,
                    family=info.family,
                    modalities=info.modalities,
                    dim=info.dim,
                    source="loaded",
                    available=True,
                )
        return [ModelState(entry, infos.get(name)) for name, entry in entries.items()]

    def forget(self, model_id: str) -> None:
        """Takes a model that was deleted out of memory, if it is there."""
        with self._lock:
            queue = self._queues.pop(model_id, None)
        if queue is not None:
            queue.close()
        self._on_leaving(model_id)

    def close(self) -> None:
        """Ends all queues."""
        self._closing.set()
        with self._lock:
            queues, self._queues = list(self._queues.values()), OrderedDict()
        for queue in queues:
            queue.close()
        if self._sweeper is not None:
            self._sweeper.join(timeout=30)

    def _found(self, model_id: str) -> BatchingQueue | None:
        with self._lock:
            found = self._queues.get(model_id)
            if found is not None:
                self._queues.move_to_end(model_id)
            return found

    def _load(self, model_id: str) -> BatchingQueue:
        encoder = load_encoder(model_id, settings=self.settings)
        queue = BatchingQueue(encoder, self._limits, observer=self._observer)
        with self._lock:
            self._queues[model_id] = queue
            leaving = self._superfluous()
        self._let_go(leaving)
        self._on_loaded(model_id)
        return queue

    def _superfluous(self) -> list[tuple[str, BatchingQueue]]:
        """Takes out the longest unused until the rest may stay; the newest always may."""
        leaving = []
        while len(self._queues) > 1 and (len(self._queues) > self._max_loaded or self._too_heavy()):
            leaving.append(self._queues.popitem(last=False))
        return leaving

    def _too_heavy(self) -> bool:
        weight = sum(queue.info.weight_bytes for queue in self._queues.values())
        return self._max_bytes is not None and weight > self._max_bytes()

    def _let_go(self, leaving: Sequence[tuple[str, BatchingQueue]]) -> None:
        for model_id, queue in leaving:
            queue.retire()
            self._on_leaving(model_id)

    def _sweep(self) -> None:
        while not self._closing.wait(min(30.0, self._idle_s / 2)):
            now = time.monotonic()
            with self._lock:
                idle = [
                    (name, queue)
                    for name, queue in self._queues.items()
                    if now - queue.used > self._idle_s and not queue.depth
                ]
                for name, _ in idle:
                    del self._queues[name]
            self._let_go(idle)
