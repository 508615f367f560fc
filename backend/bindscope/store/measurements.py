"""Small JSON values that are measured once: noise floors, parts of verdicts."""

import threading
from collections.abc import Callable

from cachetools import LRUCache

from bindscope.core.errors import StoreUnavailable
from bindscope.store.connection import Store
from bindscope.store.keys import MeasurementKey, decode_json, encode_json


class Measurements:
    """Kept in the store for ``ttl_s`` and in this process (the last ``capacity`` of them). Safe between threads."""

    def __init__(self, store: Store, *, ttl_s: float = 30 * 86_400.0, capacity: int = 4096) -> None:
        self._store = store
        self._ttl_ms = max(1, round(ttl_s * 1000))
        self._lock = threading.Lock()
        # Encoded, so that what comes out is the same before and after a restart, and nobody's list is shared.
        self._memory: LRUCache[MeasurementKey, bytes] = LRUCache(capacity)

    def get(self, key: MeasurementKey) -> object | None:
        """The value as JSON gives it back (tuples are lists), or None."""
        with self._lock:
            value = self._memory.get(key)
        if value is None:
            value = self._stored(key)
        decoded = decode_json(value, key.check)
        if value is None or decoded is None:
            return None
        self._remember(key, value)
        return decoded[0]

    def put(self, key: MeasurementKey, value: object) -> None:
        """Keeps a JSON value. Raises ValueError for NaN and infinity, TypeError for what JSON cannot hold."""
        encoded = encode_json(value, key.check)
        self._remember(key, encoded)
        try:
            self._store.call(lambda client: client.set(key.name, encoded, px=self._ttl_ms))
        except StoreUnavailable:
            return

    def read_through(self, key: MeasurementKey, measure: Callable[[], object]) -> object:
        """The kept value, or ``measure()``, which is then kept."""
        kept = self.get(key)
        if kept is None:
            self.put(key, measure())
            kept = self.get(key)
        return kept

    def _stored(self, key: MeasurementKey) -> bytes | None:
        try:
            value = self._store.call(lambda client: client.get(key.name))
        except StoreUnavailable:
            return None
        return value if isinstance(value, bytes) else None

    def _remember(self, key: MeasurementKey, value: bytes) -> None:
        with self._lock:
            self._memory[key] = value
