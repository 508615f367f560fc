"""Models side by side."""

from fastapi import APIRouter, Request, Response

from bindscope.api.dependencies import Parts
from bindscope.api.streaming import NDJSON, answered
from bindscope.features.comparisons.schemas import (
    COMPARISON,
    DISAGREEMENTS,
    ComparisonLine,
    ComparisonRequest,
    ComparisonResponse,
    DisagreementRequest,
    DisagreementResponse,
)
from bindscope.features.comparisons.service import Comparisons

router = APIRouter(tags=["compare"])


@router.post(COMPARISON.path, response_model=ComparisonResponse, responses={200: {"content": {NDJSON: {}}}})
def comparison(body: ComparisonRequest, request: Request, parts: Parts) -> ComparisonResponse | Response:
    """A board of models: binding score, recognition, probes, additivity, repair gain, and ranks.

    With ``Accept: application/x-ndjson``: one progress line a row, then the result.
    """
    return answered(request, parts.of(Comparisons).board(body), ComparisonLine, ComparisonResponse)


@router.post(DISAGREEMENTS.path)
def disagreements(body: DisagreementRequest, parts: Parts) -> DisagreementResponse:
    """Where two models decide differently."""
    return parts.of(Comparisons).differences(body)
