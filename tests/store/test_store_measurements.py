import pytest

from bindscope.store.connection import Store
from bindscope.store.keys import measurement_key
from bindscope.store.measurements import Measurements


def test_a_measurement_is_made_once_and_shared_through_the_store(store, model):
    key = measurement_key("noise_floor", [model, "text"])
    calls = []

    def measure():
        calls.append(1)
        return {"floor": 1.5e-7, "pair": (1, 2)}

    first, second = Measurements(store), Measurements(store)
    assert first.read_through(key, measure) == {"floor": 1.5e-7, "pair": [1, 2]}
    assert second.read_through(key, measure) == {"floor": 1.5e-7, "pair": [1, 2]}
    assert len(calls) == 1


def test_other_parts_are_another_measurement(store, model):
    kept = Measurements(store)
    kept.put(measurement_key("noise_floor", [model, "text"]), 1)
    assert kept.get(measurement_key("noise_floor", [model, "image"])) is None
    assert kept.get(measurement_key("other", [model, "text"])) is None


def test_a_damaged_or_misplaced_measurement_is_not_read(store, model):
    mine, theirs = (measurement_key("floor", [model, part]) for part in "ab")
    Measurements(store).put(theirs, 2)
    value = store.call(lambda client: client.get(theirs.name))
    store.call(lambda client: client.set(mine.name, value))
    store.call(lambda client: client.setrange(theirs.name, 20, "3"))
    assert Measurements(store).get(mine) is None
    assert Measurements(store).get(theirs) is None


def test_measurements_expire(store, model):
    key = measurement_key("floor", [model])
    Measurements(store, ttl_s=100).put(key, 1)
    assert 0 < store.call(lambda client: client.ttl(key.name)) <= 100


def test_without_a_store_the_process_remembers_the_last_ones(model):
    kept = Measurements(Store(), capacity=2)
    keys = [measurement_key("floor", [model, str(n)]) for n in range(3)]
    for n, key in enumerate(keys):
        kept.put(key, n)
    assert [kept.get(key) for key in keys] == [None, 1, 2]


def test_changing_what_was_read_does_not_change_what_is_kept(model):
    kept = Measurements(Store())
    key = measurement_key("floor", [model])
    for _ in range(2):
        value = kept.read_through(key, lambda: [1])
        assert value == [1]
        value.append(2)


@pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}])
def test_a_measurement_that_is_not_a_number_is_refused(model, value):
    with pytest.raises(ValueError, match="JSON"):
        Measurements(Store()).put(measurement_key("floor", [model]), value)
