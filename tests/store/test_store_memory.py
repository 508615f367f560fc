import numpy as np

from bindscope.store.cache import VectorMemory
from bindscope.store.keys import text_key

KEYS = [text_key("fp", str(n)) for n in range(20)]


def vector(number):
    return np.full(100, number, np.float32)


def test_the_least_recently_used_vectors_go_first():
    memory = VectorMemory(3 * 800)
    memory.put({key: vector(n) for n, key in enumerate(KEYS[:3])})
    memory.get(KEYS[:1])
    memory.put({KEYS[3]: vector(3)})
    assert set(memory.get(KEYS)) == {KEYS[0], KEYS[2], KEYS[3]}


def test_bytes_stay_within_the_capacity_and_are_given_back():
    memory = VectorMemory(5000)
    for n, key in enumerate(KEYS * 3):
        memory.put({key: vector(n)})
        assert memory.bytes_used <= 5000
    assert memory.bytes_used == 800 * len(memory)
    memory.clear()
    assert (memory.bytes_used, len(memory)) == (0, 0)


def test_a_vector_larger_than_the_memory_is_not_kept():
    memory = VectorMemory(100)
    memory.put({KEYS[0]: vector(0)})
    assert len(memory) == 0


def test_a_key_with_another_check_is_another_entry():
    memory = VectorMemory(10_000)
    memory.put({KEYS[0]: vector(0)})
    assert memory.get([KEYS[0]._replace(check=bytes(16))]) == {}
