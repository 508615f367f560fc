"""How evenly the embeddings of scenes fill their space."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.isotropy.schemas import ISOTROPY, IsotropyRequest, IsotropyResponse
from bindscope.features.isotropy.service import isotropy_of

router = APIRouter(tags=["geometry"])


@router.post(ISOTROPY.path)
def run_isotropy(body: IsotropyRequest, parts: Parts) -> IsotropyResponse:
    """Mean cosine of all pairs of scenes, and how many directions hold their variance."""
    return isotropy_of(parts, body)
