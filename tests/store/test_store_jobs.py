import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from bindscope.core.errors import StoreRefused, StoreUnavailable
from bindscope.jobs.store import JobRecord, JobStore
from bindscope.store.connection import Store


@pytest.fixture
def jobs(store):
    store.call(lambda client: client.flushdb())
    return JobStore(store)


def a_record(job_id="complexity-1", created=1.0, **changes):
    return JobRecord(job_id, "complexity", "A job", {"kinds": ["additive"]}, created=created, **changes)


def test_a_record_comes_back_as_it_was_put(jobs):
    record = a_record(state="running", done=3, total=7, facts={"a": [1, None]}, eta_s=2.5)
    jobs.put(record, sync=True)
    assert jobs.get(record.id) == record


def test_an_unknown_job_is_none(jobs):
    assert jobs.get("nobody") is None


def test_jobs_are_listed_newest_first_and_once(jobs):
    for created, name in ((1.0, "a-1"), (3.0, "a-3"), (2.0, "a-2")):
        jobs.put(a_record(name, created))
    jobs.put(replace(a_record("a-1", 1.0), state="done"))
    assert [record.id for record in jobs.all()] == ["a-3", "a-2", "a-1"]


def test_events_come_in_order_and_a_reader_goes_on_where_it_stopped(jobs):
    for number in range(5):
        jobs.add_event("j", "state", {"number": number})
    first = jobs.events("j", count=2)
    rest = jobs.events("j", after=first[-1].id)
    assert [event.data["number"] for event in (*first, *rest)] == [0, 1, 2, 3, 4]
    assert jobs.events("j", after=rest[-1].id) == []


def test_an_event_that_is_sent_again_over_a_broken_line_is_there_once(jobs, store, monkeypatch):
    call = store.call

    def twice(work, **options):
        call(work, **options)  # this answer is lost
        return call(work, **options)

    monkeypatch.setattr(jobs, "_call", twice)
    ids = [jobs.add_event("j", "state", {"number": number}) for number in range(3)]
    monkeypatch.undo()
    assert [event.id for event in jobs.events("j")] == ids


def test_events_of_an_owner_whose_clock_is_behind_come_after_those_of_the_one_before(jobs, store):
    store.call(lambda client: client.xadd("bs:job:1:j:events", {"event": "state", "data": "{}"}, id=f"{2**62}-0"))
    jobs.add_event("j", "state", {"number": 1})
    assert [event.data for event in jobs.events("j")] == [{}, {"number": 1}]


def test_a_lease_that_another_took_is_neither_renewed_nor_released(jobs, store):
    assert jobs.take("j")
    assert jobs.renew("j")
    store.call(lambda client: client.set("bs:job:1:j:lease", "elsewhere:1:x", px=5000))
    assert not jobs.renew("j")
    assert not jobs.release("j")
    assert store.call(lambda client: client.get("bs:job:1:j:lease")) == b"elsewhere:1:x"
    store.call(lambda client: client.delete("bs:job:1:j:lease"))
    assert jobs.renew("j")  # it had only run out
    assert jobs.release("j")
    assert store.call(lambda client: client.get("bs:job:1:j:lease")) is None


def test_a_full_store_refuses_and_is_not_gone(own):
    with Store(own.url, timeout_s=10, connect_s=10) as line:
        line.call(lambda client: client.config_set("maxmemory", 1))
        with pytest.raises(StoreRefused, match="full"):
            JobStore(line).put(a_record())
        assert line.available


def test_finished_cells_come_in_the_order_asked_and_missing_ones_are_none(jobs):
    jobs.put_cell("one", {"r2": 0.5})
    jobs.put_cell("two", {"r2": None})
    assert jobs.cells(["two", "three", "one"]) == [{"r2": None}, None, {"r2": 0.5}]
    jobs.forget_cells(["one"])
    assert jobs.cells(["one"]) == [None]


def test_a_damaged_cell_is_missing_and_never_a_number(jobs, store):
    jobs.put_cell("one", {"r2": 0.5})
    name = store.call(lambda client: next(client.scan_iter("bs:val:*cell*")))
    value = bytearray(store.call(lambda client: client.get(name)))
    value[-6] ^= 1
    store.call(lambda client: client.set(name, bytes(value)))
    assert jobs.cells(["one"]) == [None]


def test_a_cell_with_a_number_that_json_lacks_is_refused(jobs):
    with pytest.raises(ValueError, match="JSON"):
        jobs.put_cell("one", {"r2": float("nan")})


def test_nothing_of_a_job_has_a_time_to_live_except_the_lease(jobs, store):
    record = a_record()
    jobs.put(record)
    jobs.add_event(record.id, "state", {})
    jobs.set_plan(record.id, [("key", {"kind": "additive"})])
    jobs.put_cell("key", {"r2": 1.0})
    jobs.set_part(record.id, "failures", "key", {"error": "no"})
    assert jobs.take(record.id)
    names = store.call(lambda client: list(client.scan_iter("bs:*")))
    lives = {name.decode(): store.call(lambda client, name=name: client.ttl(name)) for name in names}
    assert {name for name, ttl in lives.items() if ttl != -1} == {f"bs:job:1:{record.id}:lease"}


def test_deleting_a_job_leaves_nothing_but_its_cells(jobs, store):
    record = a_record()
    jobs.put(record)
    jobs.add_event(record.id, "state", {})
    jobs.set_plan(record.id, [("key", {})])
    jobs.set_part(record.id, "live", "key", {"step": 1})
    jobs.put_cell("key", {"r2": 1.0})
    jobs.delete(record.id)
    assert jobs.all() == []
    assert store.call(lambda client: list(client.scan_iter("bs:job*"))) == []
    assert jobs.cells(["key"]) == [{"r2": 1.0}]


def test_a_killed_owner_is_known_to_be_dead_at_once(jobs, store):
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        owner = jobs.owner.split(":")
        living = ":".join((owner[0], str(other.pid), "x"))
        store.call(lambda client: client.set("bs:job:1:j:lease", living))
        assert jobs.alive("j")
        assert not jobs.take("j")
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    assert not jobs.alive("j")
    assert jobs.take("j")


def test_an_owner_on_another_machine_lives_as_long_as_its_lease(jobs, store):
    store.call(lambda client: client.set("bs:job:1:j:lease", "elsewhere:1:x", px=300))
    assert jobs.alive("j")
    time.sleep(0.4)
    assert not jobs.alive("j")


def test_without_a_store_there_are_no_jobs():
    jobs = JobStore(Store())
    with pytest.raises(StoreUnavailable):
        jobs.put(a_record())
    with pytest.raises(StoreUnavailable):
        jobs.all()


def test_an_acknowledged_job_survives_the_sudden_death_of_the_store(own):
    with Store(own.url, timeout_s=10, connect_s=10) as line:
        jobs = JobStore(line)
        record = a_record(state="queued")
        jobs.set_plan(record.id, [("key", {"kind": "additive"})])
        jobs.put_cell("key", {"r2": 0.5})
        jobs.add_event(record.id, "state", {"state": "queued"})
        jobs.put(record, sync=True)
        pid = line.call(lambda client: client.info("server"))["process_id"]
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 20
    while os.path.exists(f"/proc/{pid}/exe") and time.monotonic() < until:
        time.sleep(0.05)
    own.ensure()
    with Store(own.url, timeout_s=10, connect_s=10) as line:
        jobs = JobStore(line)
        assert jobs.get(record.id) == record
        assert jobs.cells([key for key, _ in jobs.plan(record.id)]) == [{"r2": 0.5}]
        assert [event.data for event in jobs.events(record.id)] == [{"state": "queued"}]


def test_jobs_stay_where_embeddings_are_evicted(jobs, store):
    record = a_record()
    jobs.put(record)
    jobs.add_event(record.id, "state", {})
    used, policy = store.call(
        lambda client: (client.info("memory")["used_memory"], client.config_get("maxmemory-policy"))
    )
    assert policy["maxmemory-policy"] == "volatile-lfu"
    before = store.call(lambda client: client.config_get("maxmemory"))["maxmemory"]
    store.call(lambda client: client.config_set("maxmemory", used + 2_000_000))
    try:
        for number in range(3000):
            store.call(lambda client, number=number: client.set(f"bs:emb:x:{number}", b"x" * 2048, ex=1000))
        evicted = store.call(lambda client: client.info("stats")["evicted_keys"])
        assert evicted > 0
        assert jobs.get(record.id) == record
        assert len(jobs.events(record.id)) == 1
    finally:
        store.call(lambda client: client.config_set("maxmemory", before))
        store.call(lambda client: client.flushdb())
