"""What runs on a worker: a task is the name of a function and the cells that it computes together.

Only plain data and names of functions travel: arrays and checkpoints lie in the artifacts, where every worker reads
them. A running cell calls ``tick`` often, which raises Cancelled once its job was told to stop.
"""

import importlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from cachetools import FIFOCache

from bindscope.core.errors import BindscopeError, Cancelled
from bindscope.store.artifacts import Artifacts

Fields = dict[str, Any]

#: Tokens of the tasks that were told to stop, the newest of them: a process may serve jobs for months.
_STOPPED: FIFOCache[str, bool] = FIFOCache(4096)


@dataclass(frozen=True)
class Cell:
    """``spec`` says in plain JSON what is computed; ``key`` is a hash of everything the result depends on."""

    key: str
    spec: Fields


@dataclass(frozen=True)
class Call:
    """``work`` is "module:function"; ``inputs`` is shared by the cells; ``token`` and ``topic`` belong to the job."""

    work: str
    cells: tuple[Cell, ...]
    inputs: Fields
    artifacts: str
    token: str
    topic: str
    device: str = "auto"
    niceness: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of one cell: a result, or the sentence of an error."""

    key: str
    result: Fields | None = None
    error: str | None = None


class Report(Protocol):
    """Tells the job how a cell goes: plain JSON fields."""

    def __call__(self, cell: Cell, /, **fields: Any) -> None: ...


@dataclass(frozen=True)
class Workplace:
    """What a work function is given besides its cells."""

    call: Call
    report: Report
    stopped: Callable[[], bool] = field(default=lambda: False)

    def tick(self) -> None:
        """Raises Cancelled once the job was told to stop."""
        if self.stopped():
            raise Cancelled("The job was cancelled.")

    @cached_property
    def artifacts(self) -> Artifacts:
        """The files that all workers share."""
        return Artifacts(self.call.artifacts)

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        if self.call.device != "auto":
            return self.call.device
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"


#: Computes the cells in order, yielding one result (plain JSON) each.
Work = Callable[[Workplace, Sequence[Cell]], Iterator[Fields]]


def perform(call: Call) -> list[Outcome]:
    """Runs on a Dask worker: all cells of the call. An error in one cell leaves the others alone."""
    if call.niceness:
        _be_nice(call.niceness)
    place = Workplace(call, _reporter(call), lambda: call.token in _STOPPED)
    return list(outcomes(place))


def outcomes(place: Workplace) -> Iterator[Outcome]:
    """Outcomes of the cells in order. Where cells that share a fit fail, each is tried alone."""
    work = _function(place.call.work)
    left = list(place.call.cells)
    try:
        for result in work(place, tuple(left)):
            place.tick()
            yield Outcome(left.pop(0).key, result=result)
    except Cancelled:
        raise
    except Exception as error:
        if len(left) == 1:
            yield Outcome(left.pop(0).key, error=_sentence(error))
    for cell in left:
        yield _alone(work, place, cell)


def _alone(work: Work, place: Workplace, cell: Cell) -> Outcome:
    try:
        return Outcome(cell.key, result=next(iter(work(place, (cell,)))))
    except Cancelled:
        raise
    except Exception as error:
        return Outcome(cell.key, error=_sentence(error))


def stop(token: str) -> None:
    """Runs on every worker: tasks with this token end at their next tick."""
    _STOPPED[token] = True


def _sentence(error: Exception) -> str:
    if isinstance(error, BindscopeError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There was not enough memory for this cell: ask for fewer scenes or smaller models."
    return f"{type(error).__name__}: {error}"


def _function(name: str) -> Work:
    module, _, function = name.partition(":")
    if not module.startswith("bindscope."):
        raise ValueError(f"{name!r} is no work of this package.")
    work: Work = getattr(importlib.import_module(module), function)
    return work


def _reporter(call: Call) -> Report:
    from distributed import get_worker

    worker = get_worker()

    def report(cell: Cell, /, **fields: Any) -> None:
        worker.log_event(call.topic, {"key": cell.key, "at": time.time(), **fields})

    return report


_nice = {"done": False}


def _be_nice(niceness: int) -> None:
    """Embedded workers stand back: the service that answers people shares their cores."""
    if not _nice["done"]:
        _nice["done"] = True
        os.nice(niceness)
