"""What docs/reliability.md promises when the store misbehaves: right answers, in time, and jobs refused clearly."""

import time
from contextlib import ExitStack

import numpy as np
import pytest
import redis

from bindscope.client import ApiError, BindscopeClient
from bindscope.core.config import Settings
from bindscope.store.valkey import EmbeddedStore
from chaos_proxy import ChaosProxy
from real_service import serving

MODEL = "synthetic:additive"
TEXTS = [f"a red square and a blue circle {n}" for n in range(40)]
JOB = {
    "source": {"model": MODEL, "space": "mini", "modality": "text"},
    "kinds": ["additive"],
    "coverages": [0.5],
    "seeds": [0],
}


@pytest.fixture
def stores(tmp_path):
    """Starts real servers."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(EmbeddedStore(tmp_path / name))


def path_of(store) -> str:
    return store.url.removeprefix("unix://").partition("?")[0]


def running(tmp_path, url):
    return serving(Settings(_env_file=None, data_dir=tmp_path / "data", redis_url=url, preload=(), workers=1))


def reference(tmp_path) -> np.ndarray:
    """The vectors as a service without any store computes them."""
    with (
        serving(Settings(_env_file=None, data_dir=tmp_path / "alone", store="off", preload=())) as url,
        BindscopeClient(url) as client,
    ):
        return client.embed(MODEL, texts=TEXTS)


def until(look, seconds=15) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_slow_store_costs_one_timeout_and_is_picked_up_again(stores, tmp_path) -> None:
    right = reference(tmp_path)
    with (
        ChaosProxy(path_of(stores("slow"))) as line,
        running(tmp_path, line.url) as url,
        BindscopeClient(url) as client,
    ):
        assert not client.ready().degraded
        line.delay = 5
        began = time.monotonic()
        assert np.array_equal(client.embed(MODEL, texts=TEXTS), right)
        assert np.array_equal(client.embed(MODEL, texts=TEXTS[::-1]), right[::-1])
        assert time.monotonic() - began < 4
        assert client.ready().degraded
        line.delay = 0
        line.hang_up()
        until(lambda: not client.ready().degraded)
        assert np.array_equal(client.embed(MODEL, texts=TEXTS), right)


def test_a_store_that_is_replaced_by_an_empty_one_costs_the_cache_and_nothing_else(stores, tmp_path) -> None:
    right = reference(tmp_path)
    first, second = stores("first"), stores("second")
    with ChaosProxy(path_of(first)) as line, running(tmp_path, line.url) as url, BindscopeClient(url) as client:
        assert np.array_equal(client.embed(MODEL, texts=TEXTS), right)
        line.lead_to(path_of(second))
        assert np.array_equal(client.embed(MODEL, texts=[*TEXTS, "new"])[:-1], right)
        until(lambda: not client.ready().degraded)
        assert client.jobs() == []
        client.embed(MODEL, texts=["written to the new one"])
        until(lambda: redis.Redis.from_url(second.url).dbsize() > 0)


def test_a_full_store_costs_writes_and_jobs_are_refused_with_a_sentence(stores, tmp_path) -> None:
    right = reference(tmp_path)
    store = stores("full")
    with running(tmp_path, store.url) as url, BindscopeClient(url) as client:
        client.add_space("name: mini\nconcepts:\n  color: [red, blue, green]\n  shape: [square, circle, star]\n")
        with redis.Redis.from_url(store.url) as line:
            line.config_set("maxmemory-policy", "noeviction")
            line.config_set("maxmemory", 1)
            assert np.array_equal(client.embed(MODEL, texts=TEXTS), right)
            with pytest.raises(ApiError, match="full") as refused:
                client._send("POST", "/v1/complexity", json=JOB)
            assert refused.value.status == 503
            assert client.jobs() == []
            line.config_set("maxmemory", 0)
        job = client._send("POST", "/v1/complexity", json=JOB).json()
        until(lambda: client.job(job["id"]).state == "done", 60)


def test_damaged_values_in_the_store_are_computed_again_and_mended(stores, tmp_path) -> None:
    right = reference(tmp_path)
    store = stores("damaged")
    with running(tmp_path, store.url) as url, BindscopeClient(url) as client:
        client.embed(MODEL, texts=TEXTS)
        line = redis.Redis.from_url(store.url)
        until(lambda: line.dbsize() >= len(TEXTS))
    whole = {key: line.get(key) for key in line.scan_iter() if line.type(key) == b"string"}
    for number, (key, value) in enumerate(whole.items()):
        place = (7 * number) % len(value)
        line.set(key, value[:place] + bytes([value[place] ^ 0x41]) + value[place + 1 :] if number % 3 else value[:-5])
    with running(tmp_path, store.url) as url, BindscopeClient(url) as client:
        answer = client.embeddings(MODEL, texts=TEXTS)
        assert answer.cached == 0
        assert np.array_equal(np.array(answer.embeddings, np.float32), right)
        until(lambda: all(line.get(key) == value for key, value in whole.items()))
    line.close()
