"""One way to run an analysis: named by its question and its numbers, computed once however many ask, kept, timed."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from bindscope import __version__
from bindscope.core.hashing import canonical_json, digest
from bindscope.core.wire import AnalysisResponse, Endpoint
from bindscope.services.flights import Flights
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
    the next who asks, and says so: ``cached``, and since when (``computed_at``)."""

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements
        self.flights = Flights()

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
        yield from self.flights.steps(key.name, lambda: self._computed(endpoint, key, compute))

    def _computed(self, endpoint: Endpoint[Any, Answer], key: MeasurementKey, compute: _Compute) -> Iterator[Any]:
        started = time.perf_counter()
        # Who asks in the moment when an answer has been kept and its computation has ended begins another one.
        kept = self._kept(endpoint, key)
        if kept is not None:
            yield kept
            return
        for step in compute():
            yield self._keep(key, step, started) if isinstance(step, AnalysisResponse) else step

    def _kept(self, endpoint: Endpoint[Any, Answer], key: MeasurementKey) -> Answer | None:
        kept = self._measurements.get(key)
        return None if kept is None else endpoint.answer.model_validate(kept).model_copy(update={"cached": True})

    def _keep(self, key: MeasurementKey, answer: Any, started: float) -> Any:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        timed = {"computed_at": now, "seconds": round(time.perf_counter() - started, 3)}
        made = answer.model_copy(update=timed)
        self._measurements.put(key, made.model_dump(mode="json"))
        return made
