"""Targeted removal on a pool of scenes."""

from bindscope.analysis.probes import fit_probes
from bindscope.analysis.removal import remove_parts
from bindscope.core.specs import RemovalSpec
from bindscope.features.removals.schemas import REMOVAL, RemovalRequest, RemovalResponse
from bindscope.services.container import Services
from bindscope.services.pools import ScenePool


def removal(parts: Services, asked: RemovalRequest) -> RemovalResponse:
    """Raises as ``ScenePool.digest``, and InvalidInput where the scenes do not vary enough."""
    pool = parts.pools.of(asked.source)
    return parts.analyses.answer(REMOVAL, asked, numbers=pool.digest(), compute=lambda: _computed(pool, asked))


def _computed(pool: ScenePool, asked: RemovalRequest) -> RemovalResponse:
    data = pool.embedded()
    spec = RemovalSpec(asked.train_ratio, asked.seed, asked.splits)
    found = remove_parts(data.embeddings, data.labels, spec, probe_fit=fit_probes)
    return RemovalResponse.of(
        found,
        splits=asked.splits,
        train_scenes=len(found.train),
        test_scenes=len(found.test),
        provenance=data.made_with(asked.seed),
    )
