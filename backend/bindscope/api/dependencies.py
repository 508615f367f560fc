"""State reaches routes from here, never from a module global."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from bindscope.domain.scenes import Scene
from bindscope.errors import InvalidInput
from bindscope.schemas.base import Provenance, SceneModel
from bindscope.schemas.jobs import JobModel, JobSummary
from bindscope.schemas.scenes import to_scene
from bindscope.schemas.sources import SourceModel
from bindscope.services.assembly import Services
from bindscope.services.jobs import JobDetail
from bindscope.services.sources import DatasetSource, ModelSource, SourceData
from bindscope.store.jobs import JobRecord


def services_of(request: Request) -> Services:
    """The services that the app's lifespan assembled."""
    found: Services = request.state.services
    return found


Parts = Annotated[Services, Depends(services_of)]


def source_of(wire: SourceModel) -> ModelSource | DatasetSource:
    """The source that a request names."""
    if wire.dataset is not None:
        modality = wire.modality or "image"
        return DatasetSource(wire.dataset, wire.model, modality, wire.template if wire.model else "plain")
    assert wire.model is not None
    assert wire.space is not None
    assert wire.modality is not None
    return ModelSource(wire.model, wire.space, wire.modality, wire.objects, wire.limit, wire.template)


def asked_source_of(wire: SourceModel) -> ModelSource | DatasetSource:
    """The source of a question about one scene. Raises InvalidInput for vectors that nobody can add to."""
    source = source_of(wire)
    if source.model is None:
        raise InvalidInput("A single scene can be asked about on a model, not on vectors that were uploaded alone.")
    return source


def scene_of(wire: SceneModel, parts: Services) -> Scene:
    """The scene that a request describes, or the row of an upload that it names. Raises UnknownName, InvalidInput."""
    if wire.dataset is None:
        return to_scene(wire, parts.spaces.get(wire.space))
    if wire.row is None:
        space = parts.sources.space_of(wire.dataset)
        return parts.sources.like(wire.dataset, [space.index(obj.values) for obj in wire.objects])
    return parts.sources.scenes(wire.dataset, [wire.row])[0]


def provenance_of(data: SourceData, seed: int) -> Provenance:
    """The wire form, with the seed of the analysis."""
    return Provenance.model_validate(data.provenance).model_copy(update={"seed": seed})


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
