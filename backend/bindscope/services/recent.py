"""Large answers that stay in memory for the next small question about them."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from cachetools import LRUCache

from bindscope.core.errors import Conflict

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The last ``most`` values by the digest of what they were made from."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[str, Value] = LRUCache(most)

    def read_through(self, digest: Callable[[], str], make: Callable[[str], Value]) -> Value:
        """The value of ``digest()``. Raises Conflict where the digest changes while the value is made."""
        name = digest()
        with self._lock:
            found = self._kept.get(name)
        if found is not None:
            return found
        made = make(name)
        if digest() != name:
            raise Conflict("The space or the model changed while its scenes were embedded: ask again.")
        with self._lock:
            self._kept[name] = made
        return made
