"""Maps of embeddings."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.projections.schemas import PROJECTION, ProjectionRequest, ProjectionResponse
from bindscope.features.projections.service import Projections

router = APIRouter(tags=["geometry"])


@router.post(PROJECTION.path)
def projection(body: ProjectionRequest, parts: Parts) -> ProjectionResponse:
    """A map of all scenes of a source in two or three dimensions."""
    return parts.of(Projections).answer(body)
