"""Long work: a job is a record, a stream of events and cells that are computed and kept one by one."""

from typing import Any, Literal

from pydantic import Field

from bindscope.core.wire import ResponseModel

JobKindName = Literal["complexity", "training", "phase_diagram"]
JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]


class CellFailure(ResponseModel):
    """One cell that could not be computed, and why; the others of its job are not affected."""

    cell: dict[str, Any]
    error: str


class LiveCell(ResponseModel):
    """A cell that is being computed now.

    ``history`` lists what it reported so far, oldest first: ``step``, ``loss`` and, at evaluations,
    ``seen_object``, ``seen_concepts``, ``unseen_object`` and ``unseen_concepts``.
    """

    cell: dict[str, Any]
    step: int
    steps: int
    seconds: float
    history: list[dict[str, float | None]]


class JobSummary(ResponseModel):
    """One job.

    ``done`` of ``total`` cells are finished (``failed`` of the total could not be), ``reused`` of the done were there
    before. ``fraction`` (0 to 1) counts the progress inside running cells too; ``rate`` is cells per minute and
    ``eta_s`` the time left, both None until they can be told. ``stage`` says in words what happens now. Times are
    UTC, ISO 8601.
    """

    id: str
    kind: JobKindName
    title: str
    state: JobState
    done: int
    total: int
    failed: int = 0
    reused: int = 0
    fraction: float
    stage: str | None = None
    rate: float | None = None
    eta_s: float | None = None
    elapsed_s: float = 0.0
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    error: str | None = None
    resumable: bool
    request: dict[str, Any]


class JobModel(JobSummary):
    """One job with its result: of all cells when it is done, of the finished ones before that; None without any."""

    result: dict[str, Any] | None = None
    failures: list[CellFailure] = Field(default_factory=list)
    live: list[LiveCell] = Field(default_factory=list)


class JobList(ResponseModel):
    """Newest first."""

    jobs: list[JobSummary]


class JobEvent(ResponseModel):
    """One event of a job. ``id`` orders them: send the last one seen to go on from there.

    ``state`` (the record changed: data is a JobSummary), ``report`` (a running cell tells how it goes),
    ``cell`` (finished: ``cell``, ``result``), ``cell_failed`` (``cell``, ``error``).
    """

    id: str
    event: Literal["state", "report", "cell", "cell_failed"]
    data: dict[str, Any]
