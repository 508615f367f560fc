"""The wire forms of jobs."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from fastapi import Response

from bindscope.features.jobs.schemas import JobModel, JobSummary
from bindscope.jobs.service import JobDetail
from bindscope.jobs.store import JobRecord


def job_summary(record: JobRecord) -> JobSummary:
    """The wire form of a job's record."""
    return JobSummary.model_validate(_job_fields(record))


def job_model(detail: JobDetail) -> JobModel:
    """The wire form of a job with what it found."""
    found = {"result": detail.result, "failures": detail.failures, "live": detail.live}
    return JobModel.model_validate({**_job_fields(detail.record), **found})


def accepted(detail: JobDetail, response: Response) -> JobModel:
    """The answer to a request that started work: where the job can be watched stands in ``Location``."""
    response.headers["Location"] = f"/v1/jobs/{detail.record.id}"
    return job_model(detail)


def _job_fields(record: JobRecord) -> dict[str, Any]:
    times = {f"{name}_at": _utc(getattr(record, name)) for name in ("created", "started", "finished")}
    resumable = record.ended and record.state != "done"
    return {**asdict(record), **times, "resumable": resumable}


def _utc(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
