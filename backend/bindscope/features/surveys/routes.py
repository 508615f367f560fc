"""The verdict over many scenes."""

from fastapi import APIRouter, Request, Response

from bindscope.api.dependencies import Parts
from bindscope.api.streaming import NDJSON, lines_of, wants_lines
from bindscope.features.surveys.schemas import BatchLine, BatchProgress, VerdictBatch, VerdictBatchRequest
from bindscope.features.surveys.service import Progress, Survey, Surveys, SurveySpec
from bindscope.features.verdicts.routes import wording_of
from bindscope.scenes.wire import from_scene

router = APIRouter(prefix="/v1/verdicts/batch", tags=["verdicts"])


@router.post("", response_model=VerdictBatch, responses={200: {"content": {NDJSON: {}}}})
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
        dataset=body.dataset,
        robust_scenes=body.robust_scenes,
    )
    space = parts.spaces.get(body.space) if body.dataset is None else parts.sources.space_of(body.dataset)
    steps = parts.of(Surveys).run(body.model, space, spec=spec)
    if wants_lines(request):
        return lines_of(steps, _line, failed=lambda problem: BatchLine(error=problem))
    return next(batch_model(step) for step in steps if isinstance(step, Survey))


def _line(step: Progress | Survey) -> BatchLine:
    if isinstance(step, Survey):
        return BatchLine(result=batch_model(step))
    return BatchLine(progress=BatchProgress.model_validate(step))


def batch_model(survey: Survey) -> VerdictBatch:
    """The wire form of a survey."""
    fields = {name: getattr(survey, name) for name in VerdictBatch.model_fields}
    fields["atlas"] = [{**vars(cell), "example": from_scene(cell.example)} for cell in survey.atlas]
    fields["failures"] = [from_scene(scene) for scene in survey.failures]
    return VerdictBatch.model_validate(fields)
