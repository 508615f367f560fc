"""How the cells of a running job go: what their workers report, kept in memory until the job writes it."""

import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from bindscope.jobs.worker import Cell

Fields = dict[str, Any]

#: Points of a live curve; beyond these every second one is left out.
_MOST_POINTS = 400
#: Events that tell how cells go: so many in a job, or so many for each cell where there are many.
_REPORTS, _CELL_REPORTS = 5_000, 20
_REPORTED = ("loss", "seen_object", "seen_concepts", "unseen_object", "unseen_concepts")


class LiveCells:
    """The cells that are not finished, and their curves so far. Safe between threads."""

    def __init__(self, cells: Sequence[Cell] = (), *, total: int = 0) -> None:
        self._step = 1 / max(_CELL_REPORTS, _REPORTS // max(total, 1))
        self._lock = threading.Lock()
        self._left = {cell.key: cell for cell in cells}
        self._live: dict[str, Fields] = {}
        self._fresh: set[str] = set()
        self._published: dict[str, float] = {}
        self._first: dict[str, float] = {}

    @property
    def left(self) -> list[Cell]:
        """Cells that have neither a result nor an error."""
        with self._lock:
            return list(self._left.values())

    def cell(self, key: str) -> Cell:
        """One that is not finished."""
        with self._lock:
            return self._left[key]

    def end(self, key: str) -> None:
        """A cell has a result or an error: what is still said of it comes too late."""
        with self._lock:
            self._left.pop(key, None)
            self._live.pop(key, None)
            self._fresh.discard(key)
            self._published.pop(key, None)

    def on_report(self, report: Mapping[str, Any]) -> None:
        """A worker's report; called in Dask's thread."""
        with self._lock:
            cell = self._left.get(report["key"])
            if cell is None:
                return
            step, steps = int(report.get("step", 0)), int(report.get("steps", 1))
            live = self._live.setdefault(cell.key, {"cell": cell.spec, "history": []})
            live.update(step=step, steps=steps, seconds=float(report.get("seconds", 0.0)))
            self._first.setdefault(cell.key, _share(live))
            point = {name: report[name] for name in _REPORTED if _finite(report.get(name))}
            history: list[Fields] = live["history"]
            while history and history[-1]["step"] >= step:
                history.pop()  # begun again on another worker
            if point:
                history.append({"step": step, **point})
            if len(history) > _MOST_POINTS:
                live["history"] = [p for i, p in enumerate(history) if i % 2 or len(p) > 2]
            self._fresh.add(cell.key)

    def fresh(self) -> dict[str, Fields]:
        """Cells that were heard of since the last call, by key, with their curves."""
        with self._lock:
            found = {key: {**self._live[key], "history": list(self._live[key]["history"])} for key in self._fresh}
            self._fresh.clear()
        return found

    def event(self, key: str, live: Fields) -> Fields | None:
        """What a ``report`` event tells of a cell, without what a run needs besides its settings; None where there is
        little new: events are kept, so a long cell tells in steps of its length, not of the clock."""
        part = _share(live)
        if key in self._published and abs(part - self._published[key]) < self._step:
            return None
        self._published[key] = part
        cell = {name: value for name, value in live["cell"].items() if name != "definition"}
        latest = live["history"][-1] if live["history"] else {}
        return {"cell": cell, **{name: live[name] for name in ("step", "steps", "seconds")}, **latest}

    def worked(self) -> tuple[float, float]:
        """Cells' worth of work inside the unfinished ones, and what resumed cells had behind them when first heard."""
        with self._lock:
            return sum(map(_share, self._live.values())), sum(self._first.values())


def _share(live: Fields) -> float:
    step, steps = int(live["step"]), int(live["steps"])
    return min(1.0, step / max(steps, 1))


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
