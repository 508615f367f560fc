"""Additive decomposition: is a scene the sum of its objects?"""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.decompositions.schemas import (
    DECOMPOSITION,
    SCENE_SHARES,
    DecompositionRequest,
    DecompositionResponse,
    SceneShareRequest,
    SceneShareResponse,
)
from bindscope.features.decompositions.service import decomposition, scene_shares

router = APIRouter(tags=["geometry"])


@router.post(DECOMPOSITION.path)
def run_decomposition(body: DecompositionRequest, parts: Parts) -> DecompositionResponse:
    """Held-out R2, retrieval and probing of the scenes that an additive model reconstructs."""
    return decomposition(parts, body)


@router.post(SCENE_SHARES.path)
def explain_scene(body: SceneShareRequest, parts: Parts) -> SceneShareResponse:
    """What each object and each concept of one composed scene explains of its embedding."""
    return scene_shares(parts, body)
