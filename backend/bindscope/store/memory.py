"""Vectors kept in the process: the least recently used go first when the bytes are used up."""

import threading
from collections.abc import Iterable, Mapping

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from bindscope.store.keys import EmbeddingKey

#: Key, dict entry and array header of one vector, roughly.
_OVERHEAD = 400


class VectorMemory:
    """Bounded by bytes; safe between threads. The vectors in it are read-only."""

    def __init__(self, capacity_bytes: int) -> None:
        self._vectors: LRUCache[EmbeddingKey, NDArray[np.float32]] = LRUCache(capacity_bytes, getsizeof=_bytes)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def bytes_used(self) -> int:
        """Bytes of the vectors and their keys."""
        return int(self._vectors.currsize)

    def get(self, keys: Iterable[EmbeddingKey]) -> dict[EmbeddingKey, NDArray[np.float32]]:
        """Those that are here."""
        with self._lock:
            return {key: vector for key in keys if (vector := self._vectors.get(key)) is not None}

    def put(self, vectors: Mapping[EmbeddingKey, NDArray[np.float32]]) -> None:
        """Keeps read-only ``vectors`` [dim]; one that is larger than the whole memory is not kept."""
        with self._lock:
            for key, vector in vectors.items():
                if _bytes(vector) <= self._vectors.maxsize:
                    self._vectors[key] = vector

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._vectors.clear()


def _bytes(vector: NDArray[np.float32]) -> int:
    return vector.nbytes + _OVERHEAD
