"""Models in memory: loaded on first use, one queue each, the longest unused leave when there are too many."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from bindscope.encoders.base import EncoderInfo
from bindscope.encoders.batching import BatchingQueue, BatchLimits, BatchObserver
from bindscope.encoders.registry import EncoderSettings, ModelEntry, list_models, load_encoder


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
        observer: BatchObserver | None = None,
    ) -> None:
        self.settings = settings
        self._limits = limits
        self._max_loaded = max_loaded
        self._observer = observer
        self._queues: OrderedDict[str, BatchingQueue] = OrderedDict()
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}

    def queue(self, model_id: str) -> BatchingQueue:
        """Raises UnknownName, InvalidInput, ModelUnavailable."""
        with self._lock:
            found = self._queues.get(model_id)
            if found is not None:
                self._queues.move_to_end(model_id)
                return found
            gate = self._loading.setdefault(model_id, threading.Lock())
        with gate:
            with self._lock:
                found = self._queues.get(model_id)
            return found or self._load(model_id)

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
        """Takes a model out of memory, if it is there."""
        with self._lock:
            queue = self._queues.pop(model_id, None)
        if queue is not None:
            queue.close()

    def close(self) -> None:
        """Ends all queues."""
        with self._lock:
            queues, self._queues = list(self._queues.values()), OrderedDict()
        for queue in queues:
            queue.close()

    def _load(self, model_id: str) -> BatchingQueue:
        encoder = load_encoder(model_id, settings=self.settings)
        queue = BatchingQueue(encoder, self._limits, observer=self._observer)
        leaving: list[BatchingQueue] = []
        with self._lock:
            self._queues[model_id] = queue
            while len(self._queues) > self._max_loaded:
                leaving.append(self._queues.popitem(last=False)[1])
            self._loading.pop(model_id, None)
        for old in leaving:
            old.close()
        return queue
