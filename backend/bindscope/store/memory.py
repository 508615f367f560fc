"""Vectors kept in the process: the least recently used go first when the bytes are used up."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from bindscope.store.keys import EmbeddingKey

#: Key, dict entry and array header of one vector, roughly.
_OVERHEAD = 400


class VectorMemory:
    """Bounded by bytes; safe between threads. The vectors in it are read-only."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._bytes = 0
        self._vectors: OrderedDict[EmbeddingKey, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def bytes_used(self) -> int:
        """Bytes of the vectors and their keys."""
        return self._bytes

    def get(self, keys: Iterable[EmbeddingKey]) -> dict[EmbeddingKey, NDArray[np.float32]]:
        """Those that are here."""
        found = {}
        with self._lock:
            for key in keys:
                vector = self._vectors.get(key)
                if vector is not None:
                    self._vectors.move_to_end(key)
                    found[key] = vector
        return found

    def put(self, vectors: Mapping[EmbeddingKey, NDArray[np.float32]]) -> None:
        """Keeps read-only ``vectors`` [dim]; one that is larger than the whole memory is not kept."""
        with self._lock:
            for key, vector in vectors.items():
                old = self._vectors.pop(key, None)
                if old is not None:
                    self._bytes -= old.nbytes + _OVERHEAD
                self._vectors[key] = vector
                self._bytes += vector.nbytes + _OVERHEAD
            while self._bytes > self._capacity:
                _, dropped = self._vectors.popitem(last=False)
                self._bytes -= dropped.nbytes + _OVERHEAD

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._vectors.clear()
            self._bytes = 0
