"""Client methods for long work: sweeps, trainings, and the jobs that do them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from httpx2 import EventSource

from bindscope.client.connection import Connection
from bindscope.client.errors import ApiError
from bindscope.features.complexity.schemas import ComplexityKinds
from bindscope.features.jobs.schemas import JobEvent, JobList, JobModel, JobSummary
from bindscope.features.trainings.schemas import PhaseOverview, TrainingOverview
from bindscope.scenes.sources import SourceModel

RUNNING = ("queued", "running")
#: Seconds without an answer after which ``wait`` gives up on the service.
_SILENCE_S = 60.0


class LongWork(Connection):
    """Every method that starts work returns at once with its job; ``wait`` follows a job to its end."""

    def complexity(self, source: SourceModel | Mapping[str, Any], **options: Any) -> JobModel:
        """How simple a function predicts unseen objects. Options: kinds, coverages, seeds."""
        plain = source.model_dump(mode="json", exclude_none=True) if isinstance(source, SourceModel) else dict(source)
        return self._ask(JobModel, "POST", "/v1/complexity", json={"source": plain, **options})

    def complexity_kinds(self) -> list[str]:
        """The families of functions on offer."""
        return self._ask(ComplexityKinds, "GET", "/v1/complexity").kinds

    def train(self, config: Mapping[str, Any] | None = None) -> JobModel:
        """Controlled training; fields of the config that are left out have their defaults."""
        return self._ask(JobModel, "POST", "/v1/trainings", json={"config": dict(config or {})})

    def trainings(self) -> TrainingOverview:
        """Presets and finished runs."""
        return self._ask(TrainingOverview, "GET", "/v1/trainings")

    def delete_run(self, run: str) -> None:
        """Deletes a training's files; its model is gone after that."""
        self._send("DELETE", f"/v1/trainings/{run}")

    def phase_diagram(
        self,
        spaces: Sequence[str],
        coverages: Sequence[float],
        *,
        seeds: Sequence[int] = (0,),
        config: Mapping[str, Any] | None = None,
    ) -> JobModel:
        """One training for every space, coverage and seed."""
        body = {"spaces": list(spaces), "coverages": list(coverages), "seeds": list(seeds)}
        return self._ask(JobModel, "POST", "/v1/phase-diagrams", json={**body, "config": dict(config or {})})

    def phase_presets(self) -> PhaseOverview:
        """Named diagrams."""
        return self._ask(PhaseOverview, "GET", "/v1/phase-diagrams")

    def jobs(self) -> list[JobSummary]:
        """All jobs, newest first."""
        return self._ask(JobList, "GET", "/v1/jobs").jobs

    def job(self, job_id: str) -> JobModel:
        """One job with what it has found so far."""
        return self._ask(JobModel, "GET", f"/v1/jobs/{job_id}")

    def cancel_job(self, job_id: str) -> JobModel:
        """Stops a job; its finished cells are kept."""
        return self._ask(JobModel, "POST", f"/v1/jobs/{job_id}/cancel")

    def resume_job(self, job_id: str) -> JobModel:
        """Goes on with a job that was stopped or interrupted, or did not succeed: only what is missing is done."""
        return self._ask(JobModel, "POST", f"/v1/jobs/{job_id}/resume")

    def delete_job(self, job_id: str) -> None:
        """Removes the record of a job that is not running; finished cells and runs are kept."""
        self._send("DELETE", f"/v1/jobs/{job_id}")

    def job_events(self, job_id: str, *, last: str | None = None) -> Iterator[JobEvent]:
        """Events of a job as they come, from the first one or after event ``last``, until the job ends."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
        with self._stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as answer:
            for event in EventSource(answer, max_event_size=None):
                yield JobEvent.model_validate({"id": event.id, "event": event.event, "data": event.json()})

    def wait(
        self,
        job: JobSummary | str,
        *,
        on_change: Callable[[JobModel], None] | None = None,
        every_s: float = 0.5,
        timeout_s: float | None = None,
    ) -> JobModel:
        """The job once it has ended, however it ended. A service that is busy or away for a minute is waited for.

        Raises ApiError (504) after ``timeout_s``.
        """
        job_id = job if isinstance(job, str) else job.id
        until = None if timeout_s is None else time.monotonic() + timeout_s
        heard = time.monotonic()
        while True:
            try:
                found = self.job(job_id)
            except ApiError as error:
                if error.status not in (503, 504) or time.monotonic() - heard > _SILENCE_S:
                    raise
                time.sleep(every_s)
                continue
            heard = time.monotonic()
            if on_change is not None:
                on_change(found)
            if found.state not in RUNNING:
                return found
            if until is not None and time.monotonic() > until:
                raise ApiError(504, "Still running", f"Job {job_id} is still running after {timeout_s:g} s.")
            time.sleep(every_s)
