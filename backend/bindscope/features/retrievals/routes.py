"""Retrieval with swapped twins in the gallery."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.retrievals.schemas import RETRIEVAL, RetrievalRequest, RetrievalResponse
from bindscope.features.retrievals.service import Retrievals

router = APIRouter(tags=["retrieval"])


@router.post(RETRIEVAL.path)
def retrieval(body: RetrievalRequest, parts: Parts) -> RetrievalResponse:
    """Whom does a query find: the right scene, or its swapped twin?"""
    return parts.of(Retrievals).answer(body)
