"""Public tests of compositional captions, from the files that a user has."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from bindscope.api.dependencies import Parts
from bindscope.api.streaming import NDJSON, lines_of, wants_lines
from bindscope.schemas.pair_tests import PairTestLine, PairTestProgress, PairTestResponse
from bindscope.services.pair_tests import PairProgress, PairReport


def routes(*, max_upload_mb: int) -> APIRouter:
    """The route; an archive of pictures may be larger than other requests."""
    router = APIRouter(prefix="/v1/pair-tests", tags=["choose"])
    router.post(
        "",
        max_body_size=max_upload_mb * 1024 * 1024,
        response_model=PairTestResponse,
        responses={200: {"content": {NDJSON: {}}}},
    )(run_pair_test)
    return router


def run_pair_test(
    file: Annotated[UploadFile, File(description="A .zip of annotation files (JSON, JSONL, Parquet) and pictures.")],
    model: Annotated[str, Form(min_length=1, max_length=1024)],
    request: Request,
    parts: Parts,
) -> PairTestResponse | Response:
    """SugarCrepe, Winoground or ARO on a model. With ``Accept: application/x-ndjson``: progress, then the result."""
    steps = parts.pair_tests.run(model, file.file)
    if wants_lines(request):
        return lines_of(steps, _line, failed=lambda problem: PairTestLine(error=problem))
    return next(_response(step) for step in steps if isinstance(step, PairReport))


def _line(step: PairProgress | PairReport) -> PairTestLine:
    if isinstance(step, PairReport):
        return PairTestLine(result=_response(step))
    return PairTestLine(progress=PairTestProgress.model_validate(step))


def _response(report: PairReport) -> PairTestResponse:
    return PairTestResponse.model_validate(asdict(report))
