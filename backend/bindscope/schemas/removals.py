"""Targeted removal (METHODS section 5)."""

from pydantic import Field

from bindscope.schemas.base import AnalysisResponse, Recognition, RequestModel
from bindscope.schemas.sources import SourceModel


class RemovalRequest(RequestModel):
    source: SourceModel
    train_ratio: float = Field(0.4, gt=0, lt=1)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class RemovalResponse(AnalysisResponse):
    """Held-out recognition after each removal; probes are fitted anew on each variant."""

    variants: dict[str, Recognition]
    chance: Recognition
    train_scenes: int
    test_scenes: int
