"""Models that can be asked."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.model_checks.service import ModelChecks
from bindscope.features.models.schemas import ModelList, ModelSummary
from bindscope.services.container import Services
from bindscope.services.model_pool import ModelState

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("")
def list_models(parts: Parts) -> ModelList:
    """Bundled models, oracles, local folders and what is loaded. Listing loads nothing."""
    return ModelList(models=[_summary(state, parts) for state in parts.models.states()])


def _summary(state: ModelState, parts: Services) -> ModelSummary:
    entry, info = state.entry, state.info
    return ModelSummary(
        id=entry.id,
        family=entry.family,
        modalities=list(info.modalities if info else entry.modalities),
        dim=info.dim if info else entry.dim,
        source=entry.source,
        loaded=info is not None,
        fingerprint=info.fingerprint.digest if info else None,
        available=entry.available,
        note=None if entry.available else _why_not(entry.source),
        device=info.device if info else None,
        dtype=info.dtype if info else None,
        pixels=info.pixels if info else None,
        checks=parts.of(ModelChecks).state(info.fingerprint.digest) if info else None,
    )


def _why_not(source: str) -> str:
    """Why a listed model cannot be asked now, and what to do."""
    if source == "hub":
        return "Downloads are off: set BINDSCOPE_ALLOW_DOWNLOADS=1 or put the model's folder below a model root."
    return "Its files are not installed: pip install 'bindscope[all]'."
