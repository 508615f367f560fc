"""Interventions: edit scenes in embedding space and see where they land."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.interventions import service
from bindscope.features.interventions.schemas import (
    EDIT,
    INTERVENTIONS,
    EditRequest,
    EditResponse,
    InterventionRequest,
    InterventionResponse,
)

router = APIRouter(tags=["geometry"])


@router.post(INTERVENTIONS.path)
def run_interventions(body: InterventionRequest, parts: Parts) -> InterventionResponse:
    """All edits at once: retrieval of the edited scene, probes on the edited vectors, cosine to the counterfactual."""
    return service.interventions(parts, body)


@router.post(EDIT.path)
def edit(body: EditRequest, parts: Parts) -> EditResponse:
    """One edit: the nearest real scenes, and the probes before and after."""
    return service.edit(parts, body)
