"""Interventions: replace an object in embedding space."""

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


class InterventionRequest(RequestModel):
    """``concept``: whose value is replaced (default: the first). ``limit``: most edits made, a seeded sample. Probes
    read edits under ``splits`` splits by bag with seeds ``seed``, ``seed`` + 1, ..."""

    source: SourceModel
    estimator: Estimator = "avg_pos"
    concept: str | None = Field(None, max_length=64)
    limit: int = Field(20_000, ge=1, le=200_000)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    splits: int = Field(5, ge=1, le=50)


class MeanCosine(ResponseModel):
    """Mean cosine of edited vectors with the encoder's own vectors of the counterfactual pictures."""

    mean: float
    low: float
    high: float
    n: int


class InterventionResponse(AnalysisResponse):
    """Intervals and n are over bags (sets of scenes that show the same values).

    ``retrieval_published`` keeps both scenes of an edit in the averages and leaves out scenes whose objects differ in
    the edited concept alone, as the published script does. ``unsupported`` edits lack an object vector once their own
    scenes are left out. ``stayed``: the scene before the edit is nearer than the right one. ``binding`` and
    ``probing``: what probes read from edits among held-out scenes, asked for the edited scene; ``object_chance`` has
    the levels of strict object recognition."""

    edits: int
    unsupported: int
    concept: str
    retrieval: Interval
    retrieval_published: Interval
    stayed: Interval
    binding: Binding
    probing: Recognition
    object_chance: StrictChance
    splits: int
    rendered_cosine: MeanCosine | None


class EditRequest(RequestModel):
    """Replace object number ``object`` (from 0, left to right) of a scene by one with the values ``replacement``."""

    source: SourceModel
    scene: SceneModel
    object: int = Field(0, ge=0, le=5)
    replacement: dict[str, str] = Field(max_length=8)
    estimator: Estimator = "avg_pos"


class NearScene(ResponseModel):
    """A real scene near the edited vector. ``wanted``: it is the one that the edit aims at."""

    scene: SceneModel
    cosine: float
    wanted: bool


class ScoreChange(ResponseModel):
    """A probe's score before and after; ``present`` in the edited scene, ``was_present`` in the original."""

    name: str
    before: float
    after: float
    present: bool
    was_present: bool


class EditResponse(AnalysisResponse):
    """``rendered_cosine``: of the edited vector with the model's own vector of the counterfactual; ``source_cosine``:
    of the vector before the edit with it. ``concepts`` has the scores of every value, ``objects`` of the objects of
    both scenes and of the highest others."""

    right: bool
    nearest: list[NearScene]
    rendered_cosine: float
    source_cosine: float
    concepts: dict[str, list[ScoreChange]]
    objects: list[ScoreChange]
    edited: SceneModel


INTERVENTIONS = Endpoint("/v1/interventions", InterventionRequest, InterventionResponse)

EDIT = Endpoint("/v1/interventions/edit", EditRequest, EditResponse)
