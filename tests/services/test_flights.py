"""What is computed once for many callers: it stops with the last of them, and holds up nobody."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from bindscope.core.cancellation import Token, carrying, check
from bindscope.core.errors import CallerLeft, InvalidInput
from bindscope.features.probes.schemas import PROBE, ProbeRequest
from bindscope.features.probes.service import probes
from bindscope.features.repairs import service
from bindscope.features.repairs.schemas import RepairRequest
from bindscope.features.repairs.service import Repairs
from bindscope.features.surveys.schemas import BatchProgress
from bindscope.services.analyses import Analyses
from bindscope.store.connection import Store
from bindscope.store.measurements import Measurements

SOURCE = {"model": "synthetic:additive", "space": "clevr2d", "modality": "image", "limit": 90}
QUESTION = ProbeRequest(source=SOURCE, splits=1)
STEP = BatchProgress.model_construct(done=1, total=2)


@pytest.fixture
def analyses():
    return Analyses(Measurements(Store()))


@pytest.fixture(scope="module")
def answer(parts):
    return probes(parts, QUESTION)


def steps_of(analyses, compute):
    return analyses.steps(PROBE, QUESTION, numbers="n", compute=compute)


def until(true) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_stream_that_nobody_reads_on_holds_up_nobody(analyses, answer) -> None:
    computed = []

    def compute():
        computed.append(1)
        yield STEP
        yield STEP
        yield answer

    unread = steps_of(analyses, compute)
    assert next(unread) is STEP
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: list(steps_of(analyses, compute))[-1]).result(10).binding == answer.binding
    assert computed == [1]
    assert len(list(unread)) == 2


def test_the_computation_stops_when_the_last_stream_of_it_is_closed(analyses, answer) -> None:
    stopped = threading.Event()

    def compute():
        yield STEP
        try:
            while True:
                check()
                time.sleep(0.005)
        except CallerLeft:
            stopped.set()
            raise

    one, other = steps_of(analyses, compute), steps_of(analyses, compute)
    assert next(one) is STEP
    assert next(other) is STEP
    one.close()
    assert not stopped.wait(0.1)
    other.close()
    assert stopped.wait(10)
    assert not analyses.flights
    assert list(steps_of(analyses, lambda: iter([answer])))[-1].binding == answer.binding


def test_the_computation_stops_when_its_caller_hangs_up_between_two_steps(analyses) -> None:
    token, stopped = Token(), threading.Event()

    def compute():
        yield STEP
        try:
            while True:
                check()
                time.sleep(0.005)
        finally:
            stopped.set()

    with carrying(token), closing(steps_of(analyses, compute)) as steps:
        assert next(steps) is STEP
        token.cancel("left")  # the stream is not read on: nobody calls the generator again
        assert stopped.wait(10)
        with pytest.raises(CallerLeft):
            next(steps)
    assert not analyses.flights


def test_an_error_after_progress_reaches_all_and_is_not_kept(analyses, answer) -> None:
    waiting = threading.Event()

    def compute():
        yield STEP
        waiting.wait(10)
        raise InvalidInput("too few scenes")

    one, other = steps_of(analyses, compute), steps_of(analyses, compute)
    assert next(one) is STEP
    assert next(other) is STEP
    waiting.set()
    for steps in (one, other):
        with pytest.raises(InvalidInput, match="too few"):
            next(steps)
    assert not analyses.flights
    assert not list(steps_of(analyses, lambda: iter([answer])))[-1].cached


def test_steps_that_nobody_begins_to_read_leave_nothing_behind(analyses, answer) -> None:
    never = steps_of(analyses, lambda: iter([answer]))
    assert not analyses.flights
    never.close()
    assert not analyses.flights


def test_nothing_is_under_way_after_an_answer(analyses, answer) -> None:
    analyses.answer(PROBE, QUESTION, numbers="n", compute=lambda: answer)
    until(lambda: not analyses.flights and not any(t.name == "analysis" for t in threading.enumerate()))


def test_an_answer_that_the_store_cannot_keep_is_an_answer_all_the_same(parts, answer) -> None:
    gone = Analyses(Measurements(Store(), capacity=1))
    for seed in range(3):
        body = QUESTION.model_copy(update={"seed": seed})
        assert not gone.answer(PROBE, body, numbers="n", compute=lambda: answer).cached
    assert not gone.answer(PROBE, QUESTION, numbers="n", compute=lambda: answer).cached


def test_where_no_thread_can_be_had_nobody_waits_for_ever(analyses, answer, monkeypatch) -> None:
    def none(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as during:
        during.setattr(threading.Thread, "start", none)
        with pytest.raises(RuntimeError, match="thread"):
            analyses.answer(PROBE, QUESTION, numbers="n", compute=lambda: answer)
    assert not analyses.flights
    assert not analyses.answer(PROBE, QUESTION, numbers="n", compute=lambda: answer).cached


def test_equal_repairs_asked_at_once_are_learned_once(parts, monkeypatch) -> None:
    learned, begun = [], threading.Event()
    learn = service.repair

    def counted(*asked):
        learned.append(1)
        begun.wait(5)
        return learn(*asked)

    monkeypatch.setattr(service, "repair", counted)
    asked = RepairRequest(model="synthetic:additive", space="shapes2d", limit=1000)
    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(parts.of(Repairs).run, asked) for _ in range(3)]
        until(lambda: any(parts.analyses.flights.waiting(name) == 3 for name in list(parts.analyses.flights._flights)))
        begun.set()
        assert len({own.result(60).model_dump_json(exclude={"seconds"}) for own in found}) == 1
    assert learned == [1]
    assert parts.of(Repairs).run(asked).cached
