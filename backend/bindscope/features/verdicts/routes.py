"""The verdict on one scene, and over many."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts, scene_of
from bindscope.features.surveys.schemas import VerdictBatchRequest
from bindscope.features.verdicts.schemas import SceneQuestion, Verdict, VerdictRequest
from bindscope.features.verdicts.service import Verdicts
from bindscope.scenes.captions import Captioner
from bindscope.services.judging import Wording

router = APIRouter(prefix="/v1/verdicts", tags=["verdicts"])


def wording_of(body: SceneQuestion | VerdictBatchRequest) -> Wording:
    """The wording that a request asks for. Raises InvalidInput, UnknownName."""
    return Wording(Captioner(body.template, body.articles), body.orders)


@router.post("")
def verdict(body: VerdictRequest, parts: Parts) -> Verdict:
    """Does the model prefer the true caption of the scene or the one with the values exchanged?"""
    scene = scene_of(body.scene, parts)
    found = parts.of(Verdicts).verdict(body.model, scene, wording=wording_of(body), robust=body.robustness)
    return Verdict.model_validate(found)
