"""One photo and two captions."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.photos.schemas import PHOTO, PhotoRequest, PhotoVerdict
from bindscope.features.photos.service import photo_verdict

router = APIRouter(tags=["verdicts"])


@router.post(PHOTO.path)
def verdict(body: PhotoRequest, parts: Parts) -> PhotoVerdict:
    """Which of two captions does the model prefer for this photo? Nothing is kept."""
    with parts.pictures.opened([body.image]) as (photo,):
        return photo_verdict(parts.embedder, body.model, photo, captions=body.captions)
