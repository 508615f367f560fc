import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bindscope.store.cache import EmbeddingCache
from bindscope.store.connection import Store
from bindscope.store.keys import EmbeddingKey, text_key
from bindscope.store.valkey import EmbeddedStore

_numbers = itertools.count()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """One server for all tests that do not harm it."""
    with EmbeddedStore(tmp_path_factory.mktemp("shared store")) as embedded:
        yield embedded


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A server that the test may kill."""
    with EmbeddedStore(tmp_path) as embedded:
        yield embedded


@pytest.fixture
def store(shared: EmbeddedStore) -> Iterator[Store]:
    # Patient, so that a busy machine does not look like a dead store.
    with Store(shared.url, timeout_s=10, connect_s=10) as line:
        yield line


@pytest.fixture
def cache(store: Store) -> Iterator[EmbeddingCache]:
    made = EmbeddingCache(store)
    yield made
    made.close()


@pytest.fixture
def model() -> str:
    """A fingerprint that no other test uses."""
    return f"test-{next(_numbers)}"


@pytest.fixture
def keys_of(model: str) -> Callable[[int], list[EmbeddingKey]]:
    return lambda count: [text_key(model, f"text {n}") for n in range(count)]
