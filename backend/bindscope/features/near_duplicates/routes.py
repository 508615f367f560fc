"""Captions whose meanings differ and whose embeddings do not."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.near_duplicates.schemas import NEAR_DUPLICATES, NearDuplicatesRequest, NearDuplicatesResponse
from bindscope.features.near_duplicates.service import NearDuplicates

router = APIRouter(tags=["choose"])


@router.post(NEAR_DUPLICATES.path)
def near_duplicates(body: NearDuplicatesRequest, parts: Parts) -> NearDuplicatesResponse:
    """Captions that mean different things and share a vector."""
    return parts.of(NearDuplicates).answer(body)
