"""The verdict on one scene, and over many."""

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from bindscope.api.dependencies import Parts
from bindscope.api.errors import problem_of
from bindscope.domain.captions import Captioner
from bindscope.errors import BindscopeError
from bindscope.schemas.scenes import from_scene, to_scene
from bindscope.schemas.verdicts import (
    BatchLine,
    BatchProgress,
    Verdict,
    VerdictBatch,
    VerdictBatchRequest,
    VerdictRequest,
)
from bindscope.services.judging import Wording
from bindscope.services.surveys import Progress, Survey, SurveySpec

router = APIRouter(prefix="/v1/verdicts", tags=["verdicts"])
NDJSON = "application/x-ndjson"


def wording_of(body: VerdictRequest | VerdictBatchRequest) -> Wording:
    """The wording that a request asks for. Raises InvalidInput, UnknownName."""
    return Wording(Captioner(body.template, body.articles), body.orders)


@router.post("")
def verdict(body: VerdictRequest, parts: Parts) -> Verdict:
    """Does the model prefer the true caption of the scene or the one with the values exchanged?"""
    scene = to_scene(body.scene, parts.spaces.get(body.scene.space))
    return Verdict.model_validate(parts.verdicts.verdict(body.model, scene, wording=wording_of(body)))


@router.post("/batch", response_model=VerdictBatch, responses={200: {"content": {NDJSON: {}}}})
def verdict_batch(body: VerdictBatchRequest, request: Request, parts: Parts) -> VerdictBatch | Response:
    """Over seeded random scenes. With ``Accept: application/x-ndjson``: progress lines, then the result."""
    spec = SurveySpec(
        count=body.count,
        seed=body.seed,
        objects=body.objects,
        layout=body.layout,
        only_valid_swaps=body.only_valid_swaps,
        control=body.control,
        wording=wording_of(body),
    )
    steps = parts.surveys.run(body.model, parts.spaces.get(body.space), spec=spec)
    if NDJSON in request.headers.get("accept", ""):
        return StreamingResponse(_lines(steps), media_type=NDJSON)
    return next(batch_model(step) for step in steps if isinstance(step, Survey))


def _lines(steps: Iterator[Progress | Survey]) -> Iterator[str]:
    try:
        for step in steps:
            if isinstance(step, Survey):
                line = BatchLine(result=batch_model(step))
            else:
                line = BatchLine(progress=BatchProgress.model_validate(step))
            yield line.model_dump_json(exclude_none=False) + "\n"
    except BindscopeError as error:
        # The status line is already sent, so the error travels as the last line.
        yield BatchLine(error=problem_of(error).model_dump(exclude_none=True)).model_dump_json() + "\n"


def batch_model(survey: Survey) -> VerdictBatch:
    """The wire form of a survey."""
    fields = {name: getattr(survey, name) for name in VerdictBatch.model_fields}
    fields["atlas"] = [{**vars(cell), "example": from_scene(cell.example)} for cell in survey.atlas]
    fields["failures"] = [from_scene(scene) for scene in survey.failures]
    return VerdictBatch.model_validate(fields)
