"""One job while it runs: prepares, hands cells to the engine, keeps what comes back, says how it goes."""

import contextlib
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bindscope.core.errors import BindscopeError, Cancelled, StoreRefused, StoreUnavailable
from bindscope.jobs.dask import Engine
from bindscope.jobs.kind import JobKind, Plan
from bindscope.jobs.progress import LiveCells
from bindscope.jobs.store import Fields, JobRecord, JobStore, now
from bindscope.jobs.worker import Call, Cell, Outcome
from bindscope.store.artifacts import ArtifactFolder, Artifacts

if TYPE_CHECKING:
    from distributed import Future

T = TypeVar("T")

#: Seconds between two looks at whether the job should stop, and between two writes of an unchanged count.
_LOOK_S = 0.2
_WRITE_S = 0.5
#: Seconds after which the pace of a job says something.
_SETTLED_S = 4.0
#: Seconds for which a store that takes nothing (full, read-only) is asked again, and for the last word of a job.
_REFUSED_S, _LAST_WORD_S = 30.0, 5.0
#: Seconds between two looks at who there is to do the work.
_WORKERS_S = 5.0


class Closing(Exception):
    """The service goes down: the job is interrupted, not cancelled."""


class Lost(Exception):
    """Another process has taken the job over: this one writes nothing any more."""


class RunningJob:
    """Runs in a thread of its own. The record in the store follows; while the store is gone it waits."""

    def __init__(
        self, record: JobRecord, kind: JobKind, *, store: JobStore, engine: Engine, artifacts: Artifacts, device: str
    ) -> None:
        self.record = record
        self.artifacts = artifacts
        self._kind, self._store, self._engine, self._device = kind, store, engine, device
        self._token = f"{record.id}-{uuid.uuid4().hex[:8]}"
        self._began = time.monotonic()
        self._before = record.elapsed_s
        self._written = 0.0
        self._asked = 0.0
        self.cancelled = threading.Event()
        self.closing = threading.Event()
        self.lost = threading.Event()
        self.released = threading.Event()
        self._on_gpu = False
        self._looked = 0.0
        self._live = LiveCells()
        self._groups: dict[str, tuple[Cell, ...]] = {}
        self._began_cells: float | None = None

    def run(self) -> None:
        """From queued to an end. Never raises."""
        try:
            self._sweep()
            self._change(state="running", started=self.record.started or now(), finished=None, error=None, failed=0)
            self._engine.enter()
            try:
                self._work()
            finally:
                self._engine.leave()
                self._sweep()
            failed, total = self.record.failed, self.record.total
            if failed:
                self._end("failed", error=f"{failed} of {total} cells could not be computed: see the failures.")
            else:
                self._end("done")
        except Lost:
            return
        except Cancelled:
            self._end("cancelled")
        except Closing:
            self._end("interrupted", error="The service stopped while this job was running: resume it.")
        except BindscopeError as error:
            self._end("failed", error=str(error))
        except Exception as error:
            self._end("failed", error=f"{type(error).__name__}: {error}")

    # Desk, for the kind's preparation

    @property
    def folder(self) -> ArtifactFolder:
        """Files that only this job needs, and only while it runs."""
        return self.artifacts.folder("inputs", self._token)

    def stage(self, text: str | None) -> None:
        """Says what happens now. Raises Cancelled, Closing."""
        self._check()
        if text != self.record.stage:
            self._change(stage=text, quiet=True)

    def compute(self, work: str, inputs: Fields) -> Fields:
        """One preparing step on a worker; stopping does not wait for it."""
        call = self._call(work, (Cell("prepare", {}),), inputs)
        future = self._engine.submit(call, key=f"{self._token}-prepare", first=True)
        outcomes = self._awaited([future])
        if not outcomes or outcomes[0].result is None:
            lost = "The preparation was lost together with its worker: it may need more memory."
            raise BindscopeError((outcomes[0].error if outcomes else None) or lost)
        return outcomes[0].result

    def _work(self) -> None:
        plan = self._kind.prepare(self.record.request, self)
        self._keep(lambda: self._store.set_plan(self.record.id, [(cell.key, cell.spec) for cell in plan.cells]))
        kept = self._keep(lambda: self._store.cells([cell.key for cell in plan.cells]))
        missing = [cell for cell, result in zip(plan.cells, kept, strict=True) if result is None]
        reused = len(plan.cells) - len(missing)
        self._change(total=len(plan.cells), done=reused, reused=reused, facts=plan.facts, stage=None)
        if missing:
            self._compute_cells(plan, missing)

    def _sweep(self) -> None:
        """Takes away the files that only this job needs, also those of a process that was killed."""
        with contextlib.suppress(OSError):
            for name in self.artifacts.listed(("inputs",)):
                if name.startswith(f"{self.record.id}-"):
                    self.artifacts.folder("inputs", name).delete()

    def _compute_cells(self, plan: Plan, missing: list[Cell]) -> None:
        self._live = LiveCells(missing, total=self.record.total)
        self._began_cells = time.monotonic()
        silence = self._engine.listen(self._token, self._live.on_report)
        try:
            groups = self._kind.grouped(missing)
            self._groups = {f"{self._token}-{number}": group for number, group in enumerate(groups)}
            self._on_gpu = self._kind.gpu and self._engine.status().gpus > 0
            futures = [
                self._engine.submit(self._call(self._kind.work, group, plan.inputs), key=key, gpu=self._on_gpu)
                for key, group in self._groups.items()
            ]
            self._awaited(futures, each=self._finished)
        finally:
            silence()
        for cell in self._live.left:
            self._failed(cell, "It was lost together with its worker, several times: it may need more memory.")

    def _call(self, work: str, cells: tuple[Cell, ...], inputs: Fields) -> Call:
        return Call(
            work,
            cells,
            inputs,
            self.artifacts.url,
            self._token,
            self._token,
            device=self._device,
            niceness=self._engine.niceness,
        )

    def _awaited(
        self, futures: "list[Future]", *, each: Callable[[Outcome], None] = lambda outcome: None
    ) -> list[Outcome]:
        """All outcomes as they come; stops the tasks when the job is told to stop."""
        finished: queue.Queue[Future] = queue.Queue()
        for future in futures:
            future.add_done_callback(finished.put)
        found: list[Outcome] = []
        left = len(futures)
        try:
            while left:
                self._check()
                self._publish()
                try:
                    future = finished.get(timeout=_LOOK_S)
                except queue.Empty:
                    continue
                left -= 1
                for outcome in self._outcomes(future):
                    each(outcome)
                    found.append(outcome)
        except BaseException:
            self._engine.withdraw(self._token, futures)
            raise
        return found

    def _outcomes(self, future: "Future") -> list[Outcome]:
        """Nothing for a task whose workers were lost; its cells are counted as failed in the end."""
        if future.status == "finished":
            outcomes: list[Outcome] = future.result()
            return outcomes
        error = future.exception() if future.status == "error" else None
        if isinstance(error, Cancelled):
            raise error
        if error is None or type(error).__name__ == "KilledWorker":
            return []
        reason = f"The worker could not compute it ({type(error).__name__}: {error})."
        return [Outcome(cell.key, error=reason) for cell in self._groups.get(future.key, ())]

    def _finished(self, outcome: Outcome) -> None:
        cell = self._live.cell(outcome.key)
        if outcome.result is None:
            self._failed(cell, outcome.error or "It gave nothing.")
            return
        result = outcome.result
        self._keep(lambda: self._store.put_cell(cell.key, result))
        self._close(cell)
        self._keep(lambda: self._store.add_event(self.record.id, "cell", {"cell": cell.spec, "result": result}))
        self._change(done=self.record.done + 1)

    def _failed(self, cell: Cell, error: str) -> None:
        failure = {"cell": cell.spec, "error": error}
        self._keep(lambda: self._store.set_part(self.record.id, "failures", cell.key, failure))
        self._close(cell)
        self._keep(lambda: self._store.add_event(self.record.id, "cell_failed", failure))
        self._change(failed=self.record.failed + 1)

    def _close(self, cell: Cell) -> None:
        self._live.end(cell.key)
        self._keep(lambda: self._store.clear_part(self.record.id, "live", cell.key))

    def _publish(self) -> None:
        """Writes what changed, twice a second at most."""
        if time.monotonic() - self._written < _WRITE_S:
            return
        self._written = time.monotonic()
        for key, live in self._live.fresh().items():
            self._keep(partial(self._store.set_part, self.record.id, "live", key, live))
            event = self._live.event(key, live)
            if event is not None:
                self._keep(partial(self._store.add_event, self.record.id, "report", event))
        self._change(quiet=True, **self._waiting())

    def _waiting(self) -> Fields:
        """The stage, where nobody is there who could do the work."""
        if not self._live.left or time.monotonic() - self._looked < _WORKERS_S:
            return {}
        self._looked = time.monotonic()
        status = self._engine.status()
        if not status.workers:
            return {"stage": "Waiting for workers: none is there"}
        if self._on_gpu and not status.gpus:
            return {"stage": "Waiting for a worker with a GPU: none is left"}
        return {"stage": None}

    # The record

    def _check(self) -> None:
        if self.lost.is_set():
            raise Lost
        if self.closing.is_set():
            raise Closing
        if not self.cancelled.is_set() and time.monotonic() - self._asked > _WRITE_S:
            self._asked = time.monotonic()
            if self._keep(lambda: self._store.asked_to_cancel(self.record.id)):
                self.cancelled.set()
        if self.cancelled.is_set():
            raise Cancelled("The job was cancelled.")

    def _change(self, *, quiet: bool = False, ending: bool = False, **changes: Any) -> None:
        """Writes the record; ``quiet`` adds no event."""
        self.record = replace(self.record, **changes, **self._progress(changes))
        self._keep(lambda: self._store.put(self.record), ending=ending)
        if not quiet:
            self._keep(lambda: self._store.add_event(self.record.id, "state", state_of(self.record)), ending=ending)

    def _progress(self, changes: Mapping[str, Any]) -> Fields:
        record = replace(self.record, **changes)
        inside, before = self._live.worked()
        ended = record.done + record.failed
        fraction = min(1.0, (ended + inside) / record.total) if record.total else 0.0
        rate = eta = None
        worked = ended - record.reused + inside - before
        seconds = time.monotonic() - self._began_cells if self._began_cells is not None else 0.0
        if worked > 0 and seconds > _SETTLED_S and not record.ended:
            rate = 60 * worked / seconds
            eta = (record.total - ended - inside) * seconds / worked
        elapsed = self._before + time.monotonic() - self._began
        return {"fraction": fraction, "rate": rate, "eta_s": eta, "elapsed_s": elapsed}

    def _end(self, state: str, *, error: str | None = None) -> None:
        try:
            self._change(ending=True, state=state, stage=None, error=error, finished=now())
            self.released.set()
            self._keep(lambda: self._store.release(self.record.id), ending=True)
        except (Closing, Lost, StoreRefused):
            pass  # nothing can be written: the lease runs out, and the job is then found to be interrupted

    def _keep(self, write: Callable[[], T], *, ending: bool = False) -> T:
        """Waits for a store that is gone: what was computed is not thrown away.

        One that answers but takes nothing is given some time to be mended. Raises StoreRefused, Cancelled, Closing,
        Lost.
        """
        until: float | None = None
        while True:
            if self.lost.is_set():
                raise Lost
            try:
                return write()
            except StoreRefused:
                until = until or time.monotonic() + (_LAST_WORD_S if ending else _REFUSED_S)
                if time.monotonic() > until:
                    raise
            except StoreUnavailable:
                pass
            if self.cancelled.is_set() and not ending:
                raise Cancelled("The job was cancelled.")
            if self.closing.wait(_WRITE_S):
                raise Closing from None


def state_of(record: JobRecord) -> Fields:
    """What a ``state`` event tells."""
    names = ("state", "stage", "done", "total", "failed", "reused", "fraction", "rate", "eta_s", "elapsed_s", "error")
    return {name: getattr(record, name) for name in names}
