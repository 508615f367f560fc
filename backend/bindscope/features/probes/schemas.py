"""Linear probes: is the information inside the embeddings?"""

from typing import Literal

from pydantic import Field

from bindscope.core.wire import (
    AnalysisResponse,
    Binding,
    Endpoint,
    Interval,
    Recognition,
    RequestModel,
    ResponseModel,
    StrictChance,
)
from bindscope.scenes.sources import SourceModel


class ProbeRequest(RequestModel):
    """``splits`` splits with seeds ``seed``, ``seed`` + 1, ... ; ``split``: all scenes that show the same values on one
    side (``bag``), or each scene for itself, as published (``scene``). ``estimator``: closed-form ridge regression, or
    the published steps of Adam. ``twins``: initialisations of the random-weights twin that are probed alongside."""

    source: SourceModel
    train_ratio: float = Field(0.4, gt=0, lt=1)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    estimator: Literal["ridge", "published"] = "ridge"
    split: Literal["bag", "scene"] = "bag"
    splits: int = Field(5, ge=1, le=50)
    twins: int = Field(0, ge=0, le=5)


class ValueRecognition(ResponseModel):
    """Scenes that hold the value: how often its concept is recognised, held out and in training."""

    value: str
    train: Interval
    test: Interval


class ProbeResponse(AnalysisResponse):
    """Means over ``splits``; intervals and n are over bags (sets of scenes that show the same values).

    ``chance`` is what random scores reach, ``object_chance`` the levels of strict object recognition where a valid swap
    exists. ``strength`` is the regularisation of each head that was chosen inside the training part, null where nothing
    could be fitted; ``edges`` names heads whose strength lies at a still rising end of the grid. ``note`` says why
    there is no twin though one was asked for."""

    binding: Binding
    train: Recognition
    test: Recognition
    chance: Recognition
    object_chance: StrictChance
    per_value: dict[str, list[ValueRecognition]]
    strength: dict[str, float | None]
    edges: list[str]
    splits: int
    train_scenes: int
    test_scenes: int
    note: str | None = None


PROBE = Endpoint("/v1/probes", ProbeRequest, ProbeResponse)
