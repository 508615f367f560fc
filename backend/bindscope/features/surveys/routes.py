"""The verdict over many scenes."""

from fastapi import APIRouter, Request, Response

from bindscope.api.dependencies import Parts
from bindscope.api.streaming import NDJSON, answered
from bindscope.features.surveys.schemas import SURVEY, BatchLine, VerdictBatch, VerdictBatchRequest
from bindscope.features.surveys.service import Surveys

router = APIRouter(tags=["verdicts"])


@router.post(SURVEY.path, response_model=VerdictBatch, responses={200: {"content": {NDJSON: {}}}})
def verdict_batch(body: VerdictBatchRequest, request: Request, parts: Parts) -> VerdictBatch | Response:
    """Over seeded random scenes. With ``Accept: application/x-ndjson``: progress lines, then the result."""
    return answered(request, parts.of(Surveys).run(body), BatchLine, VerdictBatch)
