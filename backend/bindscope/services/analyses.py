"""One way to run an analysis: named by its question and its numbers, computed once however many ask, kept, timed."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, TypeVar

from bindscope import __version__
from bindscope.core import cancellation
from bindscope.core.errors import CallerLeft, Cancelled
from bindscope.core.hashing import canonical_json, digest
from bindscope.core.wire import AnalysisResponse, Endpoint
from bindscope.store.keys import MeasurementKey, measurement_key
from bindscope.store.measurements import Measurements

Answer = TypeVar("Answer", bound=AnalysisResponse)
Step = TypeVar("Step")

#: Goes up when equal questions get other numbers.
_NUMBERS = 2
#: How often somebody who waits for another's work looks whether his own caller is still there.
_LOOK_S = 0.1


@cache
def _form(kind: type[AnalysisResponse]) -> str:
    """A name for the fields of an answer: one that was kept under another form is no answer any more."""
    return digest(canonical_json([_NUMBERS, kind.model_json_schema()]), size=8)


class Analyses:
    """Answers questions. Equal ones on equal numbers that are asked at once are computed once; an answer is kept for
    the next who asks, and says so: ``cached``, and since when (``computed_at``)."""

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight[Any]] = {}

    def answer(
        self, endpoint: Endpoint[Any, Answer], body: Any, *, numbers: str, compute: Callable[[], Answer]
    ) -> Answer:
        """``compute()``, unless the answer to ``body`` on the numbers of this digest is known or under way.

        Whoever waits for another's computation gets its error as well; where its caller left, the next one computes.
        """

        def only_step() -> Iterator[Answer]:
            yield compute()

        return next(self.steps(endpoint, body, numbers=numbers, compute=only_step))

    def steps(
        self,
        endpoint: Endpoint[Any, Answer],
        body: Any,
        *,
        numbers: str,
        compute: Callable[[], Iterator[Step | Answer]],
    ) -> Iterator[Step | Answer]:
        """The same for an analysis that tells how it goes: progress, and the answer at the end."""
        asked = [__version__, _form(endpoint.answer), numbers, body.model_dump_json()]
        key = measurement_key(endpoint.name.replace("/", "."), asked)
        while True:
            kept = self._measurements.get(key)
            if kept is not None:
                yield endpoint.answer.model_validate(kept).model_copy(update={"cached": True})
                return
            with self._lock:
                flight = self._flights.get(key.name)
                leads = flight is None
                if flight is None:
                    flight = self._flights[key.name] = _Flight()
            try:
                yield from self._led(flight, key, compute) if leads else flight.followed()
                return
            except _Abandoned:
                continue

    def _led(
        self, flight: "_Flight[Step | Answer]", key: MeasurementKey, compute: Callable[[], Iterator[Step | Answer]]
    ) -> Iterator[Step | Answer]:
        started = time.perf_counter()
        try:
            for step in compute():
                made = self._keep(key, step, started) if isinstance(step, AnalysisResponse) else step
                flight.tell(made)
                yield made
            self._leave(key, flight, None)
        except BaseException as error:
            self._leave(key, flight, error)
            raise

    def _keep(self, key: MeasurementKey, answer: Any, started: float) -> Any:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        timed = {"computed_at": now, "seconds": round(time.perf_counter() - started, 3)}
        made = answer.model_copy(update=timed)
        self._measurements.put(key, made.model_dump(mode="json"))
        return made

    def _leave(self, key: MeasurementKey, flight: "_Flight[Any]", error: BaseException | None) -> None:
        with self._lock:
            self._flights.pop(key.name, None)
        flight.end(error)


class _Abandoned(Exception):
    """Whoever computed stopped because nobody waited for him: somebody else has to."""


class _Flight(Generic[Step]):
    """The steps of one computation, for those who ask the same meanwhile."""

    def __init__(self) -> None:
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

    def followed(self) -> Iterator[Step]:
        """All steps as they come. Raises the error of the computation, or _Abandoned where its caller left."""
        seen = 0
        while True:
            with self._changed:
                if seen == len(self._steps) and not self._ended:
                    self._changed.wait(_LOOK_S)
                new, ended, error = self._steps[seen:], self._ended, self._error
            cancellation.check()
            yield from new
            seen += len(new)
            if not ended:
                continue
            if isinstance(error, (CallerLeft, Cancelled, TimeoutError, GeneratorExit)):
                raise _Abandoned
            if error is not None:
                raise error
            return
