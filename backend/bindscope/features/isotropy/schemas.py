"""How evenly the embeddings of scenes fill their space."""

from bindscope.core.wire import AnalysisResponse, Endpoint, RequestModel
from bindscope.scenes.sources import SourceModel


class IsotropyRequest(RequestModel):
    """All scenes of the source."""

    source: SourceModel


class IsotropyResponse(AnalysisResponse):
    """``mean_cosine`` of all pairs of ``scenes``; ``directions``: how many hold the variance (participation ratio)."""

    scenes: int
    mean_cosine: float
    directions: float


ISOTROPY = Endpoint("/v1/isotropy", IsotropyRequest, IsotropyResponse)
