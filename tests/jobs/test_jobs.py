import os
import signal
import time

import pytest

from bindscope import features
from bindscope.core.config import Settings
from bindscope.core.errors import Conflict, InvalidInput, UnknownName
from bindscope.jobs import worker
from bindscope.services.container import assembled
from small_runs import SMALL

TINY = {**SMALL, "steps": 30, "evaluate_every": 10, "checkpoint_every": 10}
SOURCE = {"model": "synthetic:additive", "space": "clevr2d", "modality": "image", "limit": 200}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), preload=(), workers=2)
    with assembled(settings) as services:
        features.start(services)
        yield services


@pytest.fixture
def jobs(parts):
    return parts.jobs


def config_of(**changes):
    from dataclasses import asdict

    from bindscope.scenes.controlled import ControlledConfig

    return asdict(ControlledConfig(**{**TINY, **changes}))


def ended(jobs, job_id, *, within=90.0):
    until = time.monotonic() + within
    while time.monotonic() < until:
        detail = jobs.detail(job_id)
        if detail.record.ended:
            return detail
        time.sleep(0.05)
    raise AssertionError(f"{job_id} is still {detail.record}")


def running(jobs, job_id, *, within=60.0):
    """Waits until a cell reports."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        detail = jobs.detail(job_id)
        assert not detail.record.ended, detail.record
        if detail.live and detail.live[0]["step"] > 0:
            return detail
        time.sleep(0.05)
    raise AssertionError(f"{job_id} never reported: {detail.record}")


def complexity(**changes):
    return {"source": SOURCE, "kinds": ["additive"], "coverages": [0.5, 0.8], "seeds": [0], **changes}


def test_a_sweep_ends_with_every_cell_in_the_order_of_the_request(jobs):
    detail = ended(jobs, jobs.submit("complexity", complexity(coverages=[0.8, 0.5])).record.id)
    assert detail.record.state == "done", detail
    assert [cell["coverage"] for cell in detail.result["cells"]] == [0.8, 0.5]
    assert detail.result["provenance"]["model"] == "synthetic:additive"
    assert (detail.record.done, detail.record.total, detail.record.fraction) == (2, 2, 1.0)


def test_the_same_sweep_asked_twice_is_one_job_and_computes_nothing(jobs):
    first = ended(jobs, jobs.submit("complexity", complexity(seeds=[3])).record.id)
    again = jobs.submit("complexity", complexity(seeds=[3]))
    assert again.record.id == first.record.id
    assert again.record.state == "done"
    assert again.result == first.result


def test_a_wider_sweep_computes_only_what_is_new(jobs):
    ended(jobs, jobs.submit("complexity", complexity(seeds=[5])).record.id)
    detail = ended(jobs, jobs.submit("complexity", complexity(seeds=[5, 6])).record.id)
    assert (detail.record.reused, detail.record.total) == (2, 4)


def test_a_cell_that_cannot_be_computed_is_named_and_the_others_are_kept(jobs):
    detail = ended(jobs, jobs.submit("complexity", complexity(coverages=[0.5, 1.0])).record.id)
    assert detail.record.state == "failed"
    assert [cell["coverage"] for cell in detail.result["cells"]] == [0.5]
    assert [failure["cell"]["coverage"] for failure in detail.failures] == [1.0]
    assert "1 of 2 cells" in detail.record.error
    assert detail.failures[0]["error"].endswith(".")


def test_events_tell_the_whole_story_in_order(jobs):
    job_id = jobs.submit("complexity", complexity(seeds=[8])).record.id
    ended(jobs, job_id)
    events, over = jobs.events(job_id, after="0")
    assert over
    assert [e.event for e in events].count("cell") == 2
    assert events[0].data["state"] == "queued"
    assert events[-1].data["state"] == "done"
    rest, _ = jobs.events(job_id, after=events[1].id)
    assert [e.id for e in rest] == [e.id for e in events[2:]]


def test_a_training_reports_live_and_its_result_is_a_run(parts, jobs):
    job_id = jobs.submit("training", {"config": config_of(steps=60)}).record.id
    detail = ended(jobs, job_id)
    assert detail.record.state == "done", detail
    assert detail.result["model"] == f"controlled:{detail.result['run']}"
    assert [point["step"] for point in detail.result["history"]][-1] == 60
    assert detail.result["unseen"]["object"]["n"] > 0
    assert detail.result["run"] in [run["run"] for run in parts.runs.finished()]


@pytest.mark.slow
def test_a_cancelled_training_stops_within_two_seconds_and_goes_on_from_its_checkpoint(jobs):
    job_id = jobs.submit("training", {"config": config_of(steps=100_000, evaluate_every=10_000)}).record.id
    before = running(jobs, job_id).live[0]["step"]
    asked = time.monotonic()
    jobs.cancel(job_id)
    assert ended(jobs, job_id).record.state == "cancelled"
    assert time.monotonic() - asked < 2.0
    time.sleep(1.5)  # the worker lays down its checkpoint
    jobs.resume(job_id)
    assert running(jobs, job_id).live[0]["history"][0]["step"] >= before
    jobs.cancel(job_id)
    ended(jobs, job_id)


@pytest.mark.slow
def test_a_cell_whose_worker_is_killed_is_computed_by_another(jobs):
    job_id = jobs.submit("training", {"config": config_of(steps=800, seed=7)}).record.id
    running(jobs, job_id)
    client = jobs.engine._running()
    busy = [worker for worker, keys in client.processing().items() if keys]
    pids = client.run(os.getpid, workers=busy)
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    detail = ended(jobs, job_id)
    assert detail.record.state == "done", detail
    assert detail.result["steps"] == 800


def test_a_resume_in_the_instant_after_the_end_is_not_lost(jobs, monkeypatch):
    job_id = jobs.submit("training", {"config": config_of(steps=100_000, seed=21)}).record.id
    running(jobs, job_id)
    release = jobs._store.release
    monkeypatch.setattr(jobs._store, "release", lambda name: (time.sleep(0.5), release(name))[1])
    jobs.cancel(job_id)
    ended(jobs, job_id)
    assert jobs.resume(job_id).record.state in ("queued", "running")
    running(jobs, job_id)
    jobs.cancel(job_id)
    ended(jobs, job_id)


def test_a_job_that_another_process_took_over_writes_nothing_more(parts, jobs):
    job_id = jobs.submit("training", {"config": config_of(steps=100_000, seed=22)}).record.id
    running(jobs, job_id)
    parts.store.call(lambda client: client.set(f"bs:job:1:{job_id}:lease", "elsewhere:1:x", px=60_000))
    until = time.monotonic() + 20
    while job_id in jobs._running and time.monotonic() < until:
        time.sleep(0.05)
    assert job_id not in jobs._running
    assert jobs.detail(job_id).record.state == "running"
    parts.store.call(lambda client: client.delete(f"bs:job:1:{job_id}:lease"))
    assert jobs.detail(job_id).record.state == "interrupted"


def test_a_job_on_a_store_that_takes_nothing_can_be_cancelled_and_gone_on_with(parts, jobs):
    job_id = jobs.submit("training", {"config": config_of(steps=100_000, seed=23)}).record.id
    running(jobs, job_id)
    limit = parts.store.call(lambda client: client.config_get("maxmemory"))["maxmemory"]
    parts.store.call(lambda client: client.config_set("maxmemory", 1))
    try:
        jobs.cancel(job_id)
        until = time.monotonic() + 20
        while job_id in jobs._running and time.monotonic() < until:
            time.sleep(0.05)
        assert job_id not in jobs._running
    finally:
        parts.store.call(lambda client: client.config_set("maxmemory", limit))
    assert ended(jobs, job_id).record.state in ("cancelled", "interrupted")
    jobs.resume(job_id)
    running(jobs, job_id)
    jobs.cancel(job_id)
    ended(jobs, job_id)


def test_files_of_a_killed_process_are_gone_when_its_job_runs_again(parts, jobs):
    record = ended(jobs, jobs.submit("complexity", complexity(seeds=[31])).record.id).record
    left = parts.jobs.artifacts.folder("inputs", f"{record.id}-0badf00d")
    left.write("arrays.safetensors", b"half")
    parts.store.call(lambda client: client.flushdb())
    ended(jobs, jobs.submit("complexity", complexity(seeds=[31])).record.id)
    assert left.names() == []


def test_new_versions_of_the_fits_are_new_jobs(jobs, monkeypatch):
    first = ended(jobs, jobs.submit("complexity", complexity(seeds=[32])).record.id)
    monkeypatch.setattr("bindscope.features.complexity.service._VERSION", 10_000)
    again = jobs.submit("complexity", complexity(seeds=[32]))
    assert again.record.id != first.record.id
    assert ended(jobs, again.record.id).record.reused == 0


def test_a_long_job_tells_of_each_cell_a_few_thousand_times_at_most(jobs):
    job_id = jobs.submit("training", {"config": config_of(steps=400, evaluate_every=5, seed=33)}).record.id
    ended(jobs, job_id)
    events, _ = jobs.events(job_id, after="0")
    reports = [event.data for event in events if event.event == "report"]
    assert 1 <= len(reports) <= 5_000
    assert all("definition" not in report["cell"] for report in reports)
    assert reports[-1]["cell"]["config"]["seed"] == 33


def test_a_running_job_is_not_deleted_and_an_ended_one_is(jobs):
    job_id = jobs.submit("training", {"config": config_of(steps=100_000, seed=9)}).record.id
    with pytest.raises(Conflict):
        jobs.delete(job_id)
    jobs.cancel(job_id)
    ended(jobs, job_id)
    jobs.delete(job_id)
    with pytest.raises(UnknownName):
        jobs.detail(job_id)


def test_a_run_that_does_not_fit_into_memory_is_refused_with_what_it_needs(jobs):
    with pytest.raises(InvalidInput, match="GiB"):
        jobs.submit("training", {"config": config_of(batch=65_536, width=4096, feedforward=16_384, layers=64)})


def test_an_unknown_model_is_refused_before_any_work(jobs):
    with pytest.raises(UnknownName):
        jobs.submit("complexity", complexity(source={**SOURCE, "model": "synthetic:none"}))


def test_workers_do_not_hand_memory_back_at_every_turn(jobs):
    ended(jobs, jobs.submit("complexity", complexity(seeds=[41])).record.id)
    kept = jobs.engine._running().run(os.environ.get, "MALLOC_TRIM_THRESHOLD_")
    assert {int(value) for value in kept.values()} == {256 * 2**20}


def test_a_worker_remembers_the_newest_stopped_tasks_and_no_more():
    for number in range(5000):
        worker.stop(f"task-{number}")
    assert len(worker._STOPPED) == 4096
    assert "task-4999" in worker._STOPPED
