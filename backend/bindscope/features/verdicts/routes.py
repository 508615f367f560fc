"""The verdict on one scene."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.verdicts.schemas import VERDICT, Verdict, VerdictRequest
from bindscope.features.verdicts.service import Verdicts, wording_of

router = APIRouter(tags=["verdicts"])


@router.post(VERDICT.path)
def verdict(body: VerdictRequest, parts: Parts) -> Verdict:
    """Does the model prefer the true caption of the scene or the one with the values exchanged?"""
    wording = wording_of(body.template, body.articles, body.orders)
    scene = parts.pools.scene(body.scene)
    return parts.of(Verdicts).verdict(body.model, scene, wording=wording, robust=body.robustness)
