"""Additive decomposition: is a scene the sum of its objects?"""

from typing import Literal

from pydantic import Field

from bindscope.core.specs import Estimator
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
from bindscope.scenes.wire import SceneModel


class DecompositionRequest(RequestModel):
    """``level`` 1: the scene is a sum of object vectors; 2: of concept vectors. ``splits`` splits by bag with seeds
    ``seed``, ``seed`` + 1, ..."""

    source: SourceModel
    estimator: Estimator = "lstsq_pos"
    level: Literal[1, 2] = 1
    test_ratio: float = Field(0.2, gt=0, lt=1)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    splits: int = Field(5, ge=1, le=50)


class FitQuality(ResponseModel):
    """Share of variance explained, around the training mean; null where the scenes do not vary."""

    train: float | None
    test: float | None


class DecompositionResponse(AnalysisResponse):
    """Means over ``splits``; intervals and n are over bags.

    ``binding`` and ``probing``: what probes of real vectors read from rebuilt held-out ones; ``object_chance`` has the
    levels of strict object recognition. ``unseen``: held-out scenes of the first split with an object (or value) that
    training never showed in that slot."""

    r2: FitQuality
    retrieval: Interval
    binding: Binding
    probing: Recognition
    object_chance: StrictChance
    unseen: int
    splits: int
    train_scenes: int
    test_scenes: int


class SceneShareRequest(RequestModel):
    """One composed scene, explained by a model fitted on all scenes of the source."""

    source: SourceModel
    scene: SceneModel
    estimator: Estimator = "lstsq_pos"
    level: Literal[1, 2] = 2


class ObjectShare(ResponseModel):
    """``share`` of the squared distance from the mean; at level 2 ``concepts`` splits it. May be below zero."""

    values: dict[str, str]
    share: float
    concepts: dict[str, float] | None


class SceneShareResponse(AnalysisResponse):
    """Shares of the objects and the residual add up to one."""

    objects: list[ObjectShare]
    residual: float


DECOMPOSITION = Endpoint("/v1/decompositions", DecompositionRequest, DecompositionResponse)

SCENE_SHARES = Endpoint("/v1/decompositions/scene", SceneShareRequest, SceneShareResponse)
