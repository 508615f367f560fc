import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bindscope.core.cancellation import Token, carrying, check
from bindscope.core.errors import CallerLeft, InvalidInput
from bindscope.features.probes.schemas import PROBE, ProbeRequest
from bindscope.features.probes.service import probes
from bindscope.features.surveys.schemas import SURVEY, BatchProgress, VerdictBatch, VerdictBatchRequest
from bindscope.features.surveys.service import Surveys
from bindscope.services.analyses import Analyses
from bindscope.store.connection import Store
from bindscope.store.measurements import Measurements

CALLERS = 8
SOURCE = {"model": "synthetic:additive", "space": "clevr2d", "modality": "image", "limit": 100}


@pytest.fixture
def analyses():
    return Analyses(Measurements(Store()))


@pytest.fixture(scope="module")
def answer(parts):
    return probes(parts, ProbeRequest(source=SOURCE, splits=1))


def asked(seed: int = 0) -> ProbeRequest:
    return ProbeRequest(source=SOURCE, seed=seed)


def together(work, callers: int = CALLERS):
    """What each of some callers gets who ask in the same moment."""
    start = threading.Barrier(callers)

    def one(number: int):
        start.wait()
        return work(number)

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(one, range(callers)))


def test_equal_questions_asked_at_once_are_computed_once(analyses, answer) -> None:
    computed = []
    everybody_is_there = threading.Event()

    def compute():
        computed.append(1)
        everybody_is_there.wait(0.3)
        return answer

    found = together(lambda _: analyses.answer(PROBE, asked(), numbers="n", compute=compute))
    assert len(computed) == 1
    assert {own.binding.model_dump_json() for own in found} == {answer.binding.model_dump_json()}
    later = analyses.answer(PROBE, asked(), numbers="n", compute=compute)
    assert later.cached
    assert len(computed) == 1


def test_other_questions_and_other_numbers_are_computed_for_themselves(analyses, answer) -> None:
    computed = []
    for seed, numbers in ((0, "n"), (1, "n"), (0, "m"), (1, "n")):
        analyses.answer(PROBE, asked(seed), numbers=numbers, compute=lambda: computed.append(1) or answer)
    assert len(computed) == 3


def test_who_waits_gets_the_error_too_and_the_next_one_computes_again(analyses, answer) -> None:
    def refused():
        threading.Event().wait(0.2)
        raise InvalidInput("no")

    def ask(_):
        with pytest.raises(InvalidInput, match="no"):
            analyses.answer(PROBE, asked(), numbers="n", compute=refused)
        return True

    assert all(together(ask))
    assert not analyses.answer(PROBE, asked(), numbers="n", compute=lambda: answer).cached


def test_a_computation_goes_on_for_those_who_wait_when_its_first_caller_leaves(analyses, answer) -> None:
    token, begun, done = Token(), threading.Event(), threading.Event()
    computed = []

    def slow():
        computed.append(1)
        begun.set()
        while not done.wait(0.01):
            check()
        return answer

    def ask():
        return analyses.answer(PROBE, asked(), numbers="n", compute=slow)

    def leaving():
        with carrying(token), pytest.raises(CallerLeft):
            ask()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(leaving)
        assert begun.wait(10)
        second = pool.submit(ask)
        (name,) = analyses.flights._flights
        while analyses.flights.waiting(name) < 2:
            time.sleep(0.01)
        token.cancel("left")
        first.result(10)
        done.set()
        assert second.result(10).binding == answer.binding
    assert computed == [1]


def test_a_caller_that_only_waits_may_leave(analyses, answer) -> None:
    token, begun, done = Token(), threading.Event(), threading.Event()

    def slow():
        begun.set()
        done.wait(10)
        return answer

    def waiting():
        with carrying(token), pytest.raises(CallerLeft):
            analyses.answer(PROBE, asked(), numbers="n", compute=lambda: answer)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: analyses.answer(PROBE, asked(), numbers="n", compute=slow))
        assert begun.wait(10)
        second = pool.submit(waiting)
        token.cancel("left")
        second.result(10)
        done.set()
        assert first.result(10).binding == answer.binding


def test_all_who_ask_for_one_survey_hear_how_it_goes(parts) -> None:
    question = VerdictBatchRequest(model="synthetic:product", space="shapes2d", count=150, seed=99)
    found = together(lambda _: list(parts.of(Surveys).run(question)), 3)
    results = {steps[-1].binding.model_dump_json() for steps in found if isinstance(steps[-1], VerdictBatch)}
    assert len(results) == 1
    assert any(isinstance(step, BatchProgress) for steps in found for step in steps)
    assert SURVEY.answer is VerdictBatch
