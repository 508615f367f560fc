"""Models side by side."""

from collections.abc import Iterator
from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from bindscope.api.dependencies import Parts
from bindscope.api.streaming import NDJSON, lines_of, wants_lines
from bindscope.core.errors import InvalidInput
from bindscope.core.wire import Interval, Provenance
from bindscope.features.comparisons.rows import ComparisonSpec
from bindscope.features.comparisons.schemas import (
    ComparisonLine,
    ComparisonProgress,
    ComparisonRequest,
    ComparisonResponse,
    ComparisonRow,
    Disagreement,
    DisagreementRequest,
    DisagreementResponse,
    PairModel,
)
from bindscope.features.comparisons.service import Board, BoardProgress, Comparisons
from bindscope.jobs.kind import digest
from bindscope.scenes.wire import from_scene
from bindscope.services.container import Services
from bindscope.services.provenance import provenance
from bindscope.services.response_cache import Question, remembered

router = APIRouter(prefix="/v1", tags=["compare"])


@router.post("/comparisons", response_model=ComparisonResponse, responses={200: {"content": {NDJSON: {}}}})
def comparison(body: ComparisonRequest, request: Request, parts: Parts) -> ComparisonResponse | Response:
    """A board of models: binding score, recognition, probes, additivity, repair gain, and ranks.

    With ``Accept: application/x-ndjson``: one progress line a row, then the result.
    """
    steps = _steps(body, parts)
    if wants_lines(request):
        return lines_of(steps, _line, failed=lambda problem: ComparisonLine(error=problem))
    return next(step for step in steps if isinstance(step, ComparisonResponse))


def _line(step: BoardProgress | ComparisonResponse) -> ComparisonLine:
    if isinstance(step, ComparisonResponse):
        return ComparisonLine(result=step)
    return ComparisonLine(progress=ComparisonProgress.model_validate(step))


def _steps(body: ComparisonRequest, parts: Services) -> Iterator[BoardProgress | ComparisonResponse]:
    names = list(dict.fromkeys(body.models))
    question = Question(
        parts.measurements, "comparison", digest=_digest(body, parts), asked=body, kind=ComparisonResponse
    )
    kept = question.kept()
    if kept is not None:
        yield kept
        return
    spec = ComparisonSpec(body.space, body.count, body.limit, body.seed, body.template, body.repair, body.dataset)
    for step in parts.of(Comparisons).board(names, spec):
        yield step if isinstance(step, BoardProgress) else question.keep(_response(step, names))


def _response(found: Board, names: list[str]) -> ComparisonResponse:
    rows = [ComparisonRow.model_validate(row) for row in found.rows]
    pairs = [
        PairModel.model_validate(
            {**asdict(test), "first": names[test.first], "second": names[test.second], "separate": test.separate}
        )
        for test in found.tests
    ]
    return ComparisonResponse(
        rows=rows,
        pairs=pairs,
        scenes=found.scenes,
        bags=found.bags,
        seconds=found.seconds,
        provenance=rows[0].provenance,
    )


@router.post("/disagreements")
def disagreements(body: DisagreementRequest, parts: Parts) -> DisagreementResponse:
    """Where two models decide differently."""
    return remembered(
        parts.measurements,
        "disagreements",
        digest=_digest(body, parts),
        asked=body,
        kind=DisagreementResponse,
        compute=lambda: _disagreements(body, parts),
    )


def _disagreements(body: DisagreementRequest, parts: Services) -> DisagreementResponse:
    first, second = body.models
    if first == second:
        raise InvalidInput("A model never disagrees with itself: name two different ones.")
    spec = ComparisonSpec(body.space, count=body.count, seed=body.seed, template=body.template, dataset=body.dataset)
    found = parts.of(Comparisons).differences((first, second), spec, most=body.most)
    space = body.space if body.dataset is None else parts.sources.space_of(body.dataset).name
    made = provenance(
        parts.models.info(first), space=space, template=body.template, seed=body.seed, dataset=body.dataset
    )
    return DisagreementResponse(
        items=[
            Disagreement(scene=from_scene(own.scene), outcomes=list(own.outcomes), margins=list(own.margins))
            for own in found.items
        ],
        total=found.total,
        table=found.table,
        scenes=found.scenes,
        difference=None if found.difference is None else Interval.model_validate(found.difference),
        p=found.p,
        seconds=found.seconds,
        provenance=Provenance.model_validate(made),
    )


def _digest(body: ComparisonRequest | DisagreementRequest, parts: Services) -> str:
    prints = [parts.models.info(name).fingerprint.digest for name in body.models]
    if body.dataset is not None:
        return digest(prints, parts.datasets.facts(body.dataset).id)
    return digest(prints, asdict(parts.spaces.get(body.space)))
