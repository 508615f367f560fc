"""Targeted removal: what is left when concepts or objects are taken out?"""

from pydantic import Field

from bindscope.core.wire import AnalysisResponse, Binding, Endpoint, Recognition, RequestModel, StrictChance
from bindscope.scenes.sources import SourceModel


class RemovalRequest(RequestModel):
    """``splits`` splits by bag with seeds ``seed``, ``seed`` + 1, ..."""

    source: SourceModel
    train_ratio: float = Field(0.4, gt=0, lt=1)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    splits: int = Field(5, ge=1, le=50)


class RemovalResponse(AnalysisResponse):
    """Held-out recognition and binding after each removal, means over ``splits``, intervals over bags; probes are
    fitted anew on each variant.

    ``random_subspace_...`` take out a random subspace of as many dimensions as the removed part spans (``ranks``): the
    control. ``permuted_...`` take out the vectors of other values or objects, as published: that adds a signal which
    probes can read, and makes a bag of concepts seem to bind."""

    variants: dict[str, Recognition]
    bindings: dict[str, Binding]
    chance: Recognition
    object_chance: StrictChance
    ranks: dict[str, int]
    splits: int
    train_scenes: int
    test_scenes: int


REMOVAL = Endpoint("/v1/removals", RemovalRequest, RemovalResponse)
