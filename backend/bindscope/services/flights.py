"""Computations that several callers wait for."""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from bindscope.core import cancellation

Step = TypeVar("Step")


class Flights:
    """What is asked under one name at the same time is computed once, and everybody gets its steps, or its error.

    A computation belongs to all who wait for it, so it has a thread of its own: a caller who leaves, or who reads his
    stream slowly, holds up nobody. It is stopped when the last of them has left.
    """

    def __init__(self) -> None:
        # Taken again within itself where the garbage collector closes a stream that nobody reads any more.
        self._lock = threading.RLock()
        self._flights: dict[str, _Flight[Any]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def waiting(self, name: str) -> int:
        """How many wait for what is computed under this name."""
        with self._lock:
            return len(self._flights[name].waiting) if name in self._flights else 0

    def steps(self, name: str, compute: Callable[[], Iterator[Step]]) -> Generator[Step, None, None]:
        """The steps of ``compute()`` as they come. Nothing begins before the first one is asked for."""
        with self._waiting(name, compute) as flight:
            yield from flight.steps()

    def answer(self, name: str, compute: Callable[[], Step]) -> Step:
        """The same for a computation of one step."""

        def only_step() -> Iterator[Step]:
            yield compute()

        with closing(self.steps(name, only_step)) as steps:
            return next(steps)

    @contextmanager
    def _waiting(self, name: str, compute: Callable[[], Iterator[Step]]) -> "Iterator[_Flight[Step]]":
        """The computation under way, or a new one, for as long as the caller waits for it."""
        token, me, new = cancellation.current(), object(), _Flight[Step]()
        with self._lock:
            flight = self._flights.setdefault(name, new)
            flight.waiting.add(me)

        def leave() -> None:
            with self._lock:
                flight.waiting.discard(me)
                alone = not flight.waiting
                if alone:
                    self._forget(name, flight)
            if alone:
                flight.token.cancel("left")
            flight.wake()

        try:
            if flight is new:
                self._begin(name, flight, compute)
            with nullcontext() if token is None else token.calling(leave):
                yield flight
        finally:
            leave()

    def _begin(self, name: str, flight: "_Flight[Step]", compute: Callable[[], Iterator[Step]]) -> None:
        fly = threading.Thread(target=copy_context().run, args=(self._fly, name, flight, compute), name="analysis")
        try:
            fly.start()
        except RuntimeError as error:  # no more threads to be had: nobody may wait for this one
            flight.end(error)

    def _fly(self, name: str, flight: "_Flight[Step]", compute: Callable[[], Iterator[Step]]) -> None:
        error: BaseException | None = None
        try:
            with cancellation.carrying(flight.token):
                for step in compute():
                    flight.tell(step)
        except BaseException as raised:
            error = raised
        finally:
            with self._lock:
                self._forget(name, flight)
            flight.end(error)

    def _forget(self, name: str, flight: "_Flight[Step]") -> None:
        if self._flights.get(name) is flight:
            del self._flights[name]


class _Flight(Generic[Step]):
    """The steps of one computation, for all who wait for it (``waiting``, under the lock of ``Flights``)."""

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
