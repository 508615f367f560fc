"""Whether a model answers as it should."""

from typing import Annotated

from fastapi import APIRouter, Query

from bindscope.api.dependencies import Parts
from bindscope.core.wire import ModelId
from bindscope.features.model_checks.schemas import ModelCheckReport, ModelCheckRequest
from bindscope.features.model_checks.service import ModelChecks

router = APIRouter(prefix="/v1/model-checks", tags=["models"])


@router.get("")
def known_checks(model: Annotated[ModelId, Query()], parts: Parts, refresh: bool = False) -> ModelCheckReport:
    """Golden vectors, noise, canaries, activation and padding of a model, which is loaded for it. ``refresh`` repeats
    what is known."""
    return parts.of(ModelChecks).of(model, refresh=refresh)


@router.post("")
def check_model(body: ModelCheckRequest, parts: Parts) -> ModelCheckReport:
    """The same, asked for in a body."""
    return parts.of(ModelChecks).of(body.model, refresh=body.refresh)
