"""Targeted removal: what is left when concepts or objects are taken out?"""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.removals.schemas import REMOVAL, RemovalRequest, RemovalResponse
from bindscope.features.removals.service import removal

router = APIRouter(tags=["geometry"])


@router.post(REMOVAL.path)
def run_removal(body: RemovalRequest, parts: Parts) -> RemovalResponse:
    """Each variant: parts and probes fitted on the training scenes, read on held-out ones."""
    return removal(parts, body)
