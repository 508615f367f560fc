"""Long work: watch it, stop it, go on with it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from bindscope.api.dependencies import Parts
from bindscope.core.errors import StoreUnavailable, UnknownName
from bindscope.features.jobs.schemas import JobList, JobModel
from bindscope.features.jobs.wire import job_model, job_summary
from bindscope.services.container import Services

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_JobId = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
#: Seconds between two looks for new events.
_LOOK_S = 0.25
#: Halves below 2^64, as the store counts events.
_STREAM_ID = r"^\d{1,19}(-\d{1,19})?$"


@router.get("")
def list_jobs(parts: Parts) -> JobList:
    """All jobs, newest first."""
    return JobList(jobs=[job_summary(record) for record in parts.jobs.list()])


@router.get("/{job_id}")
def get_job(job_id: _JobId, parts: Parts) -> JobModel:
    """One job with what it found so far."""
    return job_model(parts.jobs.detail(job_id))


@router.post("/{job_id}/cancel")
def cancel_job(job_id: _JobId, parts: Parts) -> JobModel:
    """Stops the job; its finished cells are kept."""
    return job_model(parts.jobs.cancel(job_id))


@router.post("/{job_id}/resume", status_code=202)
def resume_job(job_id: _JobId, parts: Parts) -> JobModel:
    """Goes on with a job that was stopped or interrupted, or did not succeed: only what is missing is computed."""
    return job_model(parts.jobs.resume(job_id))


@router.delete("/{job_id}", status_code=204)
def delete_job(job_id: _JobId, parts: Parts) -> Response:
    """Forgets a job that is not running; its finished cells and runs are kept."""
    parts.jobs.delete(job_id)
    return Response(status_code=204)


async def _watched(job_id: _JobId, parts: Parts) -> Services:
    """The job is looked up before the stream begins, while an error still has a status."""
    await run_in_threadpool(parts.jobs.events, job_id, after="0")
    return parts


@router.get("/{job_id}/events", response_class=EventSourceResponse)
async def job_events(
    job_id: _JobId,
    parts: Annotated[Services, Depends(_watched)],
    last_event_id: Annotated[str, Header(pattern=_STREAM_ID)] = "0",
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: ``state``, ``report``, ``cell``, ``cell_failed``; ends when the job does.

    After a break send the last id as ``Last-Event-ID``: nothing is missed and nothing comes twice.
    """
    last = last_event_id
    while True:
        try:
            events, ended = await run_in_threadpool(parts.jobs.events, job_id, after=last)
        except StoreUnavailable:
            await asyncio.sleep(1)  # it comes back, and the events with it
            continue
        except UnknownName:
            return  # the job was deleted
        for event in events:
            last = event.id
            yield ServerSentEvent(event=event.event, id=event.id, data=event.data)
        if ended and not events:
            return
        if not events:
            await asyncio.sleep(_LOOK_S)
