import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bindscope.core.errors import EncodeFailed, Overloaded
from bindscope.store.cache import EmbeddingCache
from bindscope.store.connection import Store
from bindscope.store.keys import encode_vector
from bindscope.store.locks import wait_until
from bindscope.store.writer import CacheWriter

DIM = 8


class Encoder:
    """Every key has one true vector; counts how often each was computed."""

    def __init__(self):
        self.computed = {}
        self.calls = 0

    def true(self, key):
        seed = int(key.name[-16:], 16)
        return np.random.default_rng(seed).normal(size=DIM).astype(np.float32)

    def reader(self, keys):
        def compute(positions):
            self.calls += 1
            for position in positions:
                self.computed[keys[position]] = self.computed.get(keys[position], 0) + 1
            return np.stack([self.true(keys[position]) for position in positions])

        return compute

    def right(self, keys, vectors):
        return np.array_equal(vectors, np.stack([self.true(key) for key in keys]))


@pytest.fixture
def encoder():
    return Encoder()


def never(positions):
    raise AssertionError(f"asked to compute {positions}")


def fresh(store, **settings):
    """A cache as another process has it: the same store, an empty memory."""
    return EmbeddingCache(store, **settings)


def test_misses_are_computed_in_one_call_and_then_kept(cache, encoder, keys_of):
    keys = keys_of(5)
    assert cache.read_through(keys, encoder.reader(keys)).hits == 0
    again = cache.read_through(keys[::-1], never)
    assert again.hits == 5
    assert encoder.right(keys[::-1], again.vectors)
    assert encoder.calls == 1
    assert (cache.hits, cache.misses, cache.bypass) == (5, 5, 0)


def test_duplicates_in_a_request_are_computed_once_and_compute_gets_first_positions(cache, encoder, keys_of):
    a, b, c = keys_of(3)
    keys = [a, b, a, c, b, a]
    seen = []

    def compute(positions):
        seen.append(positions)
        return encoder.reader(keys)(positions)

    assert encoder.right(keys, cache.read_through(keys, compute).vectors)
    assert seen == [[0, 1, 3]]


def test_no_keys_give_no_vectors_of_the_asked_width(cache):
    assert cache.read_through([], never, dim=7).vectors.shape == (0, 7)


def test_another_process_reads_what_was_written_bit_for_bit(cache, store, encoder, keys_of):
    keys = keys_of(40)
    first = cache.read_through(keys, encoder.reader(keys)).vectors
    assert cache.flush()
    other = fresh(store, chunk=7)
    second = other.read_through(keys, never)
    assert second.hits == 40
    assert second.vectors.tobytes() == first.tobytes()
    other.close()


@pytest.mark.parametrize("seed", range(4))
def test_random_requests_agree_with_a_plain_dictionary(store, encoder, keys_of, seed):
    rng = np.random.default_rng(seed)
    universe = keys_of(60)
    known = set()
    # Memory for some ten vectors and chunks of three: evictions and chunk borders in every request.
    cache = fresh(store, chunk=3, memory_mb=0.004)
    for _ in range(60):
        keys = [universe[i] for i in rng.integers(0, 60, rng.integers(0, 20))]
        cached = cache.read_through(keys, encoder.reader(keys), dim=DIM)
        assert cached.vectors.shape == (len(keys), DIM)
        assert not keys or encoder.right(keys, cached.vectors)
        assert cached.hits == sum(key in known for key in keys)
        known.update(keys)
        assert cache.flush()
        if rng.random() < 0.1:
            cache.close()
            cache = fresh(store, chunk=int(rng.integers(1, 6)), memory_mb=0.004)
    assert set(encoder.computed.values()) == {1}
    cache.close()


def test_changing_an_answer_does_not_change_the_cache(cache, encoder, keys_of):
    keys = keys_of(3)
    for _ in range(2):
        vectors = cache.read_through(keys, encoder.reader(keys)).vectors
        assert encoder.right(keys, vectors)
        vectors[:] = 0


def test_a_damaged_value_is_computed_again_and_replaced(cache, store, encoder, keys_of):
    keys = keys_of(3)
    cache.read_through(keys, encoder.reader(keys))
    cache.flush()
    name = keys[1].name
    value = bytearray(store.call(lambda client: client.get(name)))
    value[40] ^= 1
    store.call(lambda client: client.set(name, bytes(value)))
    other = fresh(store)
    read = other.read_through(keys, encoder.reader(keys))
    assert read.hits == 2
    assert encoder.right(keys, read.vectors)
    assert encoder.computed[keys[1]] == 2
    other.close()
    last = fresh(store)
    assert last.read_through(keys, never).hits == 3
    last.close()


def test_the_vector_of_another_input_under_this_key_is_never_returned(cache, store, encoder, keys_of):
    mine, theirs = keys_of(2)
    wrong = encode_vector(encoder.true(theirs), theirs.check)
    store.call(lambda client: client.set(mine.name, wrong))
    read = cache.read_through([mine], encoder.reader([mine]))
    assert read.hits == 0
    assert encoder.right([mine], read.vectors)


def test_a_foreign_type_under_this_key_does_not_break_the_request(cache, store, encoder, keys_of):
    keys = keys_of(2)
    store.call(lambda client: client.lpush(keys[0].name, "not a string"))
    assert encoder.right(keys, cache.read_through(keys, encoder.reader(keys)).vectors)


def test_entries_have_a_time_to_live_that_use_renews(store, encoder, keys_of):
    keys = keys_of(2)
    cache = fresh(store, ttl_s=1000)
    cache.read_through(keys, encoder.reader(keys))
    assert cache.flush()
    for key in keys:
        assert 990 < store.call(lambda client, key=key: client.ttl(key.name)) <= 1000
        store.call(lambda client, key=key: client.expire(key.name, 50))
    other = fresh(store, ttl_s=1000)
    other.read_through(keys[:1], never)
    assert other.flush()
    assert store.call(lambda client: client.ttl(keys[0].name)) > 990
    assert store.call(lambda client: client.ttl(keys[1].name)) <= 50
    other.close()
    cache.close()


def test_a_renewal_is_written_once_however_often_a_vector_is_used(store, encoder, keys_of):
    keys = keys_of(1)
    cache = fresh(store)
    cache.read_through(keys, encoder.reader(keys))
    cache.close()
    other = fresh(store)
    for _ in range(5):
        other.read_through(keys, never)
        assert other.flush()
    assert other.renewals == 1
    other.close()


def test_the_store_dies_in_mid_work_and_the_answers_go_on(own, encoder, keys_of):
    keys = keys_of(30)
    with Store(own.url, retry_s=0.1) as store:
        cache = fresh(store, memory_mb=0.004, chunk=4)
        cache.read_through(keys, encoder.reader(keys))
        assert cache.flush()
        os.kill(own.pid, signal.SIGKILL)
        started = time.monotonic()
        read = cache.read_through(keys, encoder.reader(keys))
        assert time.monotonic() - started < 1
        assert encoder.right(keys, read.vectors)
        assert not store.available
        assert cache.bypass == cache.misses - 30 > 0
        own.ensure()
        assert wait_until(lambda: store.available, seconds=15)
        read = cache.read_through(keys, encoder.reader(keys))
        assert encoder.right(keys, read.vectors)
        assert cache.flush()
        cache.forget_memory()
        assert cache.read_through(keys, never).hits == 30
        cache.close()


def test_without_a_store_memory_still_serves(encoder, keys_of):
    keys = keys_of(4)
    cache = fresh(Store())
    assert encoder.right(keys, cache.read_through(keys, encoder.reader(keys)).vectors)
    assert cache.read_through(keys, never).hits == 4
    assert (cache.misses, cache.bypass) == (4, 4)
    cache.close()


def test_a_full_store_costs_the_writes_only(own, encoder, keys_of):
    keys = keys_of(4)
    with Store(own.url, timeout_s=10) as store:
        store.call(lambda client: client.config_set("maxmemory", 1))
        cache = fresh(store)
        assert encoder.right(keys, cache.read_through(keys, encoder.reader(keys)).vectors)
        assert cache.flush()
        assert store.available
        assert cache.dropped_writes == 4
        cache.close()


def test_sixteen_threads_that_miss_the_same_keys_compute_them_once(cache, encoder, keys_of):
    keys = keys_of(20)
    ready = threading.Barrier(16)

    def slow(positions):
        time.sleep(0.05)
        return encoder.reader(keys)(positions)

    def ask(_):
        ready.wait(10)
        return cache.read_through(keys, slow).vectors

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    assert all(encoder.right(keys, vectors) for vectors in answers)
    assert encoder.calls == 1


def test_threads_that_need_each_others_keys_do_not_wait_for_ever(cache, encoder, keys_of):
    keys = keys_of(12)

    def ask(seed):
        mine = [keys[i] for i in np.random.default_rng(seed).permutation(12)[:8]]

        def slow(positions):
            time.sleep(0.01)
            return encoder.reader(mine)(positions)

        return encoder.right(mine, cache.read_through(mine, slow).vectors)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(64), timeout=60))
    assert set(encoder.computed.values()) == {1}


def test_a_failed_computation_is_raised_to_its_caller_and_tried_again_by_the_waiter(cache, encoder, keys_of):
    good, bad = keys_of(2)
    started, release = threading.Event(), threading.Event()

    def failing(positions):
        started.set()
        release.wait(10)
        raise EncodeFailed("item 1 is broken")

    with ThreadPoolExecutor(2) as pool:
        owner = pool.submit(cache.read_through, [good, bad], failing)
        started.wait(10)
        waiter = pool.submit(cache.read_through, [good], encoder.reader([good]))
        release.set()
        assert encoder.right([good], waiter.result(10).vectors)
        with pytest.raises(EncodeFailed, match="item 1"):
            owner.result(10)
    assert cache.read_through([bad], encoder.reader([bad])).hits == 0


def test_a_waiter_that_gives_up_leaves_the_computation_alone(store, encoder, keys_of):
    cache = fresh(store, wait_s=0.05)
    keys = keys_of(1)
    started, release = threading.Event(), threading.Event()

    def slow(positions):
        started.set()
        release.wait(10)
        return encoder.reader(keys)(positions)

    with ThreadPoolExecutor(1) as pool:
        owner = pool.submit(cache.read_through, keys, slow)
        started.wait(10)
        with pytest.raises(Overloaded, match="try again"):
            cache.read_through(keys, never)
        release.set()
        assert encoder.right(keys, owner.result(10).vectors)
    assert cache.read_through(keys, never).hits == 1
    cache.close()


@pytest.mark.parametrize(
    "vectors",
    [np.full((2, 3), np.nan, np.float32), np.zeros((1, 3), np.float32), np.zeros(2, np.float32)],
)
def test_wrong_vectors_are_refused_and_not_kept(cache, encoder, keys_of, vectors):
    keys = keys_of(2)
    with pytest.raises(EncodeFailed):
        cache.read_through(keys, lambda positions: vectors)
    assert cache.read_through(keys, encoder.reader(keys)).hits == 0


def test_hits_and_misses_are_told_to_the_observer(store, encoder, keys_of):
    class Observer:
        hits = misses = 0

        def on_hits(self, count):
            self.hits += count

        def on_misses(self, count):
            self.misses += count

    observer = Observer()
    cache = fresh(store, observer=observer)
    keys = keys_of(3)
    cache.read_through([*keys, keys[0]], encoder.reader(keys))
    cache.read_through(keys, never)
    assert (observer.hits, observer.misses) == (3, 4)
    cache.close()


def test_closing_writes_what_waits_and_ends_the_thread(store, encoder, keys_of):
    before = threading.active_count()
    keys = keys_of(300)
    cache = fresh(store, chunk=16)
    cache.read_through(keys, encoder.reader(keys))
    cache.close()
    assert threading.active_count() == before
    assert len(store.call(lambda client: [v for v in client.mget([k.name for k in keys]) if v])) == 300


def test_what_memory_and_store_have_forgotten_is_computed_again(encoder, keys_of):
    keys = keys_of(2)
    cache = fresh(Store())
    for _ in range(2):
        cache.read_through(keys, encoder.reader(keys))
        cache.forget_memory()
    assert encoder.calls == 2
    cache.close()


def test_an_encoder_that_reuses_its_output_array_does_not_change_the_cache(cache, encoder, keys_of):
    keys = keys_of(2)
    output = np.zeros((1, DIM), np.float32)
    for key in keys:

        def compute(positions, key=key):
            output[0] = encoder.true(key)
            return output

        cache.read_through([key], compute)
    assert encoder.right(keys, cache.read_through(keys, never).vectors)


def test_more_than_the_queue_holds_is_dropped_not_kept_waiting(store, encoder, keys_of):
    keys = keys_of(4)
    writer = CacheWriter(store, ttl_s=100, chunk=2, capacity=3)
    writer.put({key: encoder.true(key) for key in keys})
    writer.put({key: encoder.true(key) for key in keys[:3]})
    writer.close()
    assert (writer.written, writer.dropped) == (3, 4)
