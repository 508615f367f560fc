"""Jobs: long work that anyone can start, watch, stop and go on with.

Equal requests on equal numbers are one job: asked again while it runs, they find it; asked again when it was stopped,
they go on with it. Cells that any job finished are never computed again.
"""

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bindscope.core.errors import Conflict, StoreUnavailable, UnknownName
from bindscope.jobs.dask import Engine
from bindscope.jobs.kind import Fields, JobKind, digest
from bindscope.jobs.runner import RunningJob, state_of
from bindscope.jobs.store import LEASE_S, Event, JobRecord, JobStore, now
from bindscope.store.artifacts import Artifacts

_log = logging.getLogger(__name__)

_INTERRUPTED = "The service that ran this job is gone: resume it, and only what is missing is computed."


@dataclass(frozen=True)
class JobDetail:
    """A record with what was found so far."""

    record: JobRecord
    result: Fields | None
    failures: list[Fields]
    live: list[Fields]


class Jobs:
    """Every method raises StoreUnavailable where there is no store: a job must outlive the process."""

    def __init__(
        self,
        store: JobStore,
        *,
        engine: Engine,
        artifacts: Artifacts,
        device: str = "auto",
    ) -> None:
        self.engine = engine
        self.artifacts = artifacts
        self._store = store
        self._kinds: dict[str, JobKind] = {}
        self._device = device
        self._lock, self._starting = threading.Lock(), threading.Lock()
        self._running: dict[str, tuple[RunningJob, threading.Thread]] = {}
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep_leases, name="job leases", daemon=True)
        self._keeper.start()

    def register(self, kind: JobKind) -> None:
        """Says how jobs of one kind are done."""
        self._kinds[kind.name] = kind

    def submit(self, kind: str, request: Fields) -> JobDetail:
        """Starts the work, or finds the job that does it already. Raises BindscopeError for a wrong request."""
        made = self._kinds[kind]
        job_id = f"{kind.replace('_', '-')}-{digest(kind, made.identity(request))[:12]}"
        known = self._settled(self._store.get(job_id))
        if known is None:
            self._start(JobRecord(job_id, kind, made.title(request), request, created=now()))
        elif known.ended and (known.state != "done" or self._incomplete(known)):
            self._start(known)
        return self.detail(job_id)

    def resume(self, job_id: str) -> JobDetail:
        """Goes on with a job that ended before everything was done. Raises UnknownName."""
        record = self._existing(job_id)
        if record.ended and (record.state != "done" or self._incomplete(record)):
            self._start(record)
        return self.detail(job_id)

    def cancel(self, job_id: str) -> JobDetail:
        """Stops a job, whichever process runs it; one that ended stays as it is. Raises UnknownName."""
        record = self._existing(job_id)
        if not record.ended:
            with self._lock:
                mine = self._running.get(job_id)
            if mine is None:
                self._store.ask_to_cancel(job_id)
            else:
                mine[0].cancelled.set()
                mine[1].join(1.5)
        return self.detail(job_id)

    def delete(self, job_id: str) -> None:
        """Forgets a job that is not running. Raises UnknownName, Conflict."""
        if not self._existing(job_id).ended:
            raise Conflict(f"Job {job_id} is running: cancel it before you delete it.")
        self._store.delete(job_id)

    def list(self) -> list[JobRecord]:
        """Every job, newest first."""
        return [record for record in map(self._settled, self._store.all()) if record is not None]

    def counted(self) -> dict[str, float]:
        """How many jobs are in each state; nothing where there is no store."""
        try:
            return {state: float(n) for state, n in Counter(record.state for record in self.list()).items()}
        except StoreUnavailable:
            return {}

    def detail(self, job_id: str) -> JobDetail:
        """A job and what it found so far. Raises UnknownName."""
        record = self._existing(job_id)
        plan = self._store.plan(job_id)
        cells = self._store.cells([key for key, _ in plan])
        found = [(spec, result) for (_, spec), result in zip(plan, cells, strict=True) if result is not None]
        failures = self._store.parts(job_id, "failures")
        live = {} if record.ended else self._store.parts(job_id, "live")
        order = [key for key, _ in plan]
        return JobDetail(
            record,
            self._kinds[record.kind].result(record.facts, found) if found else None,
            [failures[key] for key in order if key in failures],
            [live[key] for key in order if key in live],
        )

    def events(self, job_id: str, *, after: str) -> tuple[Sequence[Event], bool]:
        """Events later than ``after``, and whether the job had ended before they were read. Raises UnknownName."""
        ended = self._existing(job_id).ended
        return self._store.events(job_id, after=after), ended

    def at_work_on(self, run: str) -> str | None:
        """The job that trains a run at the moment."""
        for record in self.list():
            if not record.ended and any(spec.get("run") == run for _, spec in self._store.plan(record.id)):
                return record.id
        return None

    def forget_run(self, run: str, keys: Sequence[str]) -> None:
        """Takes the finished cells of a run away, ``keys`` and those of all jobs: the next one trains it again."""
        plans = [self._store.plan(record.id) for record in self._store.all()]
        self._store.forget_cells([*keys, *(key for plan in plans for key, spec in plan if spec.get("run") == run)])

    def close(self) -> None:
        """Interrupts what runs and ends the engine."""
        self._closing.set()
        with self._lock:
            running = list(self._running.values())
        for job, _ in running:
            job.closing.set()
        for _, thread in running:
            thread.join(10)
        self.engine.close()

    def _start(self, record: JobRecord) -> None:
        with self._starting:
            if not (self._still_running(record.id) or self._closing.is_set()) and self._store.take(record.id):
                self._launch(
                    replace(record, state="queued", error=None, finished=None, stage=None, rate=None, eta_s=None)
                )

    def _still_running(self, job_id: str) -> bool:
        """Whether a thread of ours is at it; one that is just saying its last words is waited for."""
        with self._lock:
            mine = self._running.get(job_id)
        if mine is not None and mine[0].record.ended:
            mine[1].join(10)
        with self._lock:
            return job_id in self._running

    def _launch(self, record: JobRecord) -> None:
        """The record is written, and on the disk, before the thread begins."""
        job = RunningJob(
            record,
            self._kinds[record.kind],
            store=self._store,
            engine=self.engine,
            artifacts=self.artifacts,
            device=self._device,
        )
        thread = threading.Thread(target=self._run, args=(job,), name=f"job {record.id}", daemon=True)
        with self._lock:
            self._running[record.id] = (job, thread)
        try:
            self._store.ask_to_cancel(record.id, False)
            for part in ("live", "failures"):
                self._store.clear_part(record.id, part)
            self._store.put(record, sync=True)
            self._store.add_event(record.id, "state", state_of(record))
            thread.start()
        except BaseException:
            with self._lock:
                del self._running[record.id]
            raise

    def _run(self, job: RunningJob) -> None:
        try:
            job.run()
        finally:
            with self._lock:
                self._running.pop(job.record.id, None)

    def _incomplete(self, record: JobRecord) -> bool:
        """Whether cells of a job that was done are gone (a run was deleted, the store was emptied)."""
        return any(result is None for result in self._store.cells([key for key, _ in self._store.plan(record.id)]))

    def _existing(self, job_id: str) -> JobRecord:
        record = self._settled(self._store.get(job_id))
        if record is None:
            raise UnknownName("job", job_id, [known.id for known in self._store.all()[:20]])
        return record

    def _settled(self, record: JobRecord | None) -> JobRecord | None:
        """A record that says running is only believed while its owner lives."""
        if record is None or record.ended or record.kind not in self._kinds:
            return record if record is None or record.kind in self._kinds else None
        with self._lock:
            mine = record.id in self._running
        if mine or self._store.alive(record.id):
            return record
        latest = self._store.get(record.id)
        if latest is None or latest.ended:
            return latest
        lost = replace(latest, state="interrupted", stage=None, error=_INTERRUPTED, eta_s=None, rate=None)
        self._store.put(lost)
        self._store.add_event(record.id, "state", state_of(lost))
        return lost

    def _keep_leases(self) -> None:
        while not self._closing.wait(LEASE_S / 5):
            with self._lock:
                jobs = [job for job, _ in self._running.values()]
            for job in jobs:
                try:
                    if not job.released.is_set() and not self._store.renew(job.record.id):
                        job.lost.set()
                except StoreUnavailable:
                    break
                except Exception:  # whatever it was: jobs without leases would be taken for dead
                    _log.warning("The lease of a job could not be renewed.", exc_info=True)
