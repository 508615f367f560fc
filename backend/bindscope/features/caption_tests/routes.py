"""Public tests of compositional captions, from the files that a user has."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from bindscope.api.dependencies import Parts
from bindscope.api.streaming import NDJSON, answered
from bindscope.core.config import Settings
from bindscope.features.caption_tests.schemas import CaptionTestLine, CaptionTestResponse
from bindscope.features.caption_tests.service import CaptionTests


def routes(settings: Settings) -> APIRouter:
    """The route; an archive of pictures may be larger than other requests."""
    router = APIRouter(prefix="/v1/caption-tests", tags=["choose"])
    router.post(
        "",
        max_body_size=settings.max_upload_mb * 1024 * 1024,
        response_model=CaptionTestResponse,
        responses={200: {"content": {NDJSON: {}}}},
    )(run_caption_test)
    return router


def run_caption_test(
    file: Annotated[UploadFile, File(description="A .zip of annotation files (JSON, JSONL, Parquet) and pictures.")],
    model: Annotated[str, Form(min_length=1, max_length=1024)],
    request: Request,
    parts: Parts,
) -> CaptionTestResponse | Response:
    """SugarCrepe, Winoground or ARO on a model. With ``Accept: application/x-ndjson``: progress, then the result."""
    return answered(request, parts.of(CaptionTests).run(model, file.file), CaptionTestLine, CaptionTestResponse)
