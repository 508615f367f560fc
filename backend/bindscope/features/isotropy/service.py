"""Isotropy of a pool of scenes."""

from bindscope.analysis.isotropy import isotropy
from bindscope.features.isotropy.schemas import ISOTROPY, IsotropyRequest, IsotropyResponse
from bindscope.services.container import Services
from bindscope.services.pools import ScenePool


def isotropy_of(parts: Services, asked: IsotropyRequest) -> IsotropyResponse:
    """Raises as ``ScenePool.digest``, and InvalidInput where all scenes have one vector."""
    pool = parts.pools.of(asked.source)
    return parts.analyses.answer(ISOTROPY, asked, numbers=pool.digest(), compute=lambda: _computed(pool))


def _computed(pool: ScenePool) -> IsotropyResponse:
    data = pool.embedded()
    return IsotropyResponse.of(isotropy(data.embeddings), provenance=data.made_with(None))
