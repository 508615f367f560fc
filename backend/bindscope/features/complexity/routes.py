"""Complexity of the binding function: how simple a function predicts scenes of unseen objects."""

from fastapi import APIRouter, Response

from bindscope.api.dependencies import Parts
from bindscope.core.specs import COMPLEXITY_KINDS
from bindscope.features.complexity.schemas import ComplexityKinds, ComplexityRequest
from bindscope.features.jobs.schemas import JobModel
from bindscope.features.jobs.wire import accepted

router = APIRouter(prefix="/v1/complexity", tags=["long work"])


@router.get("")
def complexity_kinds() -> ComplexityKinds:
    """The families of functions on offer; any ``mlp:WIDTH`` is valid."""
    return ComplexityKinds(kinds=list(COMPLEXITY_KINDS))


@router.post("", status_code=202)
def start_complexity(body: ComplexityRequest, parts: Parts, response: Response) -> JobModel:
    """Starts the fits, or finds the job that does them already."""
    request = {**body.model_dump(mode="json"), "source": dict(parts.pools.of(body.source).fields())}
    return accepted(parts.jobs.submit("complexity", request), response)
