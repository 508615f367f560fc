"""The embedding cache against bare redis-py on the same embedded server. Prints JSON lines."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import redis

from bindscope.encoders.protocol import Vectors
from bindscope.store.cache import EmbeddingCache
from bindscope.store.connection import Store
from bindscope.store.keys import text_key
from bindscope.store.valkey import EmbeddedStore

VECTORS, DIM, ROUNDS = 1000, 512, 60


def main() -> None:
    """The contestants take turns, so that other work on the machine slows all of them; best round of each."""
    with TemporaryDirectory() as folder, EmbeddedStore(Path(folder)) as embedded:
        for row in _measure(embedded.url):
            print(json.dumps(row))


def _measure(url: str) -> list[dict[str, object]]:
    keys = [text_key("benchmark", f"a red square and a blue circle, take {n}") for n in range(VECTORS)]
    names = [key.name for key in keys]
    vectors = np.random.default_rng(0).normal(size=(VECTORS, DIM)).astype(np.float32)
    with Store(url, timeout_s=10) as store, redis.Redis.from_url(url, protocol=3) as client:
        cache = EmbeddingCache(store)
        cache.read_through(keys, lambda positions: vectors[positions])
        cache.flush()
        contestants: dict[str, Callable[[], object]] = {
            "bare": lambda: client.mget(names),
            "store": lambda: cache.read_through(keys, _never),
            "memory": lambda: cache.read_through(keys, _never),
            "keys": lambda: [text_key("benchmark", f"take {n}") for n in range(VECTORS)],
        }
        best = dict.fromkeys(contestants, float("inf"))
        for _ in range(ROUNDS):
            for name, work in contestants.items():
                if name == "store":
                    cache.forget_memory()
                start = time.perf_counter()
                work()
                best[name] = min(best[name], time.perf_counter() - start)
        cache.close()
    return [
        {"name": f"bare MGET of {VECTORS} x {DIM}", "value": round(best["bare"] * 1e3, 3), "unit": "ms"},
        {"name": f"read-through of {VECTORS} from the store", "value": round(best["store"] * 1e3, 3), "unit": "ms"},
        {"name": "read-through / bare MGET", "value": round(best["store"] / best["bare"], 2), "unit": "times"},
        {"name": f"read-through of {VECTORS} from memory", "value": round(best["memory"] * 1e3, 3), "unit": "ms"},
        {"name": f"{VECTORS} text keys", "value": round(best["keys"] * 1e3, 3), "unit": "ms"},
    ]


def _never(positions: list[int]) -> Vectors:
    raise AssertionError(f"not cached: {positions}")


if __name__ == "__main__":
    main()
