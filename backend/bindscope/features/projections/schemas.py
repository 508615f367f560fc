"""Maps of embeddings."""

from typing import Literal

from pydantic import Field

from bindscope.core.wire import AnalysisResponse, Endpoint, RequestModel
from bindscope.scenes.sources import SourceModel
from bindscope.scenes.wire import SceneModel


class ProjectionRequest(RequestModel):
    """``place``: scenes that are put on the finished map. ``color_by``: ``verdict`` is the outcome of each scene's
    caption contest, ``probe`` whether probes that never saw the scene read its objects."""

    source: SourceModel
    method: Literal["umap", "pca", "mds"] = "pca"
    dims: Literal[2, 3] = 2
    color_by: Literal["concepts", "verdict", "probe"] = "concepts"
    place: list[SceneModel] = Field(default_factory=list, max_length=32)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class ProjectionResponse(AnalysisResponse):
    """``points`` [scene][dims]; ``labels`` [scene][object][concept] are numbers of values, named in ``concepts`` (by
    number for uploads). ``colors``: a word a scene, null for ``concepts``. ``placed``: the scenes of the request.

    ``explained``: shares of the variance on the axes (pca); ``stress``: mean error of the distances as a share of them
    (mds).
    """

    points: list[list[float]]
    labels: list[list[list[int]]]
    concepts: dict[str, list[str]]
    colors: list[str] | None = None
    placed: list[list[float]]
    explained: list[float] | None = None
    stress: float | None = None


PROJECTION = Endpoint("/v1/projections", ProjectionRequest, ProjectionResponse)
