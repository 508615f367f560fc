"""Linear probes (METHODS section 4)."""

from pydantic import Field

from bindscope.schemas.base import AnalysisResponse, Interval, Recognition, RequestModel, ResponseModel
from bindscope.schemas.sources import SourceModel


class ProbeRequest(RequestModel):
    source: SourceModel
    train_ratio: float = Field(0.4, gt=0, lt=1)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class ValueRecognition(ResponseModel):
    """Scenes that hold the value: how often its concept is recognised, held out and in training."""

    value: str
    train: Interval
    test: Interval


class ProbeResponse(AnalysisResponse):
    """``strength`` is the regularisation that was chosen inside the training part, for each head."""

    train: Recognition
    test: Recognition
    chance: Recognition
    per_value: dict[str, list[ValueRecognition]]
    strength: dict[str, float]
    train_scenes: int
    test_scenes: int
