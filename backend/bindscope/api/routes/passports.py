"""Whether a model answers as it should."""

from typing import Annotated

from fastapi import APIRouter, Query

from bindscope.api.dependencies import Parts
from bindscope.schemas.embeddings import ModelId
from bindscope.schemas.passports import PassportModel

router = APIRouter(prefix="/v1/passports", tags=["models"])


@router.get("")
def passport(model: Annotated[ModelId, Query()], parts: Parts, anew: bool = False) -> PassportModel:
    """Golden vectors, noise, canaries, activation and padding of a model, which is loaded for it. ``anew`` repeats what
    is known."""
    return PassportModel.model_validate(parts.passports.of(model, anew=anew))
