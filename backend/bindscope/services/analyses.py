"""One way to run an analysis: named by its question and its numbers, computed once however many ask, kept, timed."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from contextvars import copy_context
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, TypeVar

from bindscope import __version__
from bindscope.core import cancellation
from bindscope.core.hashing import canonical_json, digest
from bindscope.core.wire import AnalysisResponse, Endpoint
from bindscope.store.keys import MeasurementKey, measurement_key
from bindscope.store.measurements import Measurements

Answer = TypeVar("Answer", bound=AnalysisResponse)
Step = TypeVar("Step")
_Compute = Callable[[], Iterator[Any]]

#: Goes up when equal questions get other numbers.
_NUMBERS = 2


@cache
def _form(kind: type[AnalysisResponse]) -> str:
    """A name for the fields of an answer: one that was kept under another form is no answer any more."""
    return digest(canonical_json([_NUMBERS, kind.model_json_schema()]), size=8)


class Analyses:
    """Answers questions. Equal ones on equal numbers that are asked at once are computed once; an answer is kept for
    the next who asks, and says so: ``cached``, and since when (``computed_at``).

    A computation belongs to all who wait for it, so it has a thread of its own: a caller who leaves, or who reads his
    stream slowly, holds up nobody. It is stopped when the last of them has left.
    """

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements
        # Taken again within itself where the garbage collector closes a stream that nobody reads any more.
        self._lock = threading.RLock()
        self._flights: dict[str, _Flight[Any]] = {}

    def answer(
        self, endpoint: Endpoint[Any, Answer], body: Any, *, numbers: str, compute: Callable[[], Answer]
    ) -> Answer:
        """``compute()``, unless the answer to ``body`` on the numbers of this digest is known or under way.

        Whoever waits for a computation gets its error as well.
        """

        def only_step() -> Iterator[Answer]:
            yield compute()

        steps = self._steps(endpoint, body, numbers, only_step)
        with closing(steps):
            found: Answer = next(steps)
        return found

    def steps(
        self,
        endpoint: Endpoint[Any, Answer],
        body: Any,
        *,
        numbers: str,
        compute: Callable[[], Iterator[Step | Answer]],
    ) -> Iterator[Step | Answer]:
        """The same for an analysis that tells how it goes: progress, and the answer at the end."""
        return self._steps(endpoint, body, numbers, compute)

    def _steps(
        self, endpoint: Endpoint[Any, Answer], body: Any, numbers: str, compute: _Compute
    ) -> Generator[Any, None, None]:
        asked = [__version__, _form(endpoint.answer), numbers, body.model_dump_json()]
        key = measurement_key(endpoint.name.replace("/", "."), asked)
        kept = self._kept(endpoint, key)
        if kept is not None:
            yield kept
            return
        with self._waiting(key, lambda flight: self._fly(flight, endpoint, key, compute)) as flight:
            yield from flight.steps()

    @contextmanager
    def _waiting(self, key: MeasurementKey, fly: "Callable[[_Flight[Any]], None]") -> "Iterator[_Flight[Any]]":
        """The computation under way, or one that is begun by ``fly``, for as long as the caller waits for it."""
        token, me, new = cancellation.current(), object(), _Flight[Any]()
        with self._lock:
            flight = self._flights.setdefault(key.name, new)
            flight.waiting.add(me)

        def leave() -> None:
            with self._lock:
                flight.waiting.discard(me)
                alone = not flight.waiting
                if alone:
                    self._forget(key, flight)
            if alone:
                flight.token.cancel("left")
            flight.wake()

        try:
            if flight is new:
                _begin(fly, flight)
            with nullcontext() if token is None else token.calling(leave):
                yield flight
        finally:
            leave()

    def _fly(
        self, flight: "_Flight[Any]", endpoint: Endpoint[Any, Answer], key: MeasurementKey, compute: _Compute
    ) -> None:
        started = time.perf_counter()
        error: BaseException | None = None
        try:
            with cancellation.carrying(flight.token):
                # Who asked when the answer had just been kept, and its computation forgotten, begins another one.
                kept = self._kept(endpoint, key)
                for step in compute() if kept is None else [kept]:
                    new = isinstance(step, AnalysisResponse) and kept is None
                    flight.tell(self._keep(key, step, started) if new else step)
        except BaseException as raised:
            error = raised
        finally:
            with self._lock:
                self._forget(key, flight)
            flight.end(error)

    def _forget(self, key: MeasurementKey, flight: "_Flight[Any]") -> None:
        if self._flights.get(key.name) is flight:
            del self._flights[key.name]

    def _kept(self, endpoint: Endpoint[Any, Answer], key: MeasurementKey) -> Answer | None:
        kept = self._measurements.get(key)
        return None if kept is None else endpoint.answer.model_validate(kept).model_copy(update={"cached": True})

    def _keep(self, key: MeasurementKey, answer: Any, started: float) -> Any:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        timed = {"computed_at": now, "seconds": round(time.perf_counter() - started, 3)}
        made = answer.model_copy(update=timed)
        self._measurements.put(key, made.model_dump(mode="json"))
        return made


def _begin(fly: "Callable[[_Flight[Any]], None]", flight: "_Flight[Any]") -> None:
    try:
        threading.Thread(target=copy_context().run, args=(fly, flight), name="analysis").start()
    except RuntimeError as error:  # no more threads to be had: nobody may wait for this one
        flight.end(error)


class _Flight(Generic[Step]):
    """The steps of one computation, for all who wait for it (``waiting``, under the lock of ``Analyses``)."""

    def __init__(self) -> None:
        self.token = cancellation.Token()
        self.waiting: set[object] = set()
        self._changed = threading.Condition()
        self._steps: list[Step] = []
        self._ended = False
        self._error: BaseException | None = None

    def tell(self, step: Step) -> None:
        with self._changed:
            self._steps.append(step)
            self._changed.notify_all()

    def end(self, error: BaseException | None) -> None:
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def wake(self) -> None:
        """Whoever waits looks whether his own caller is still there."""
        with self._changed:
            self._changed.notify_all()

    def steps(self) -> Iterator[Step]:
        """All steps as they come. Raises the error of the computation."""
        seen = 0
        while True:
            with self._changed:
                cancellation.check()
                while seen == len(self._steps) and not self._ended:
                    self._changed.wait()
                    cancellation.check()
                new, ended = self._steps[seen:], self._ended
            yield from new
            seen += len(new)
            if ended:
                break
        if self._error is not None:
            raise self._error
