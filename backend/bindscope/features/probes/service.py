"""Linear probes on a pool of scenes, beside their random-weights twin."""

from dataclasses import replace

from bindscope.analysis.probing import probe
from bindscope.core.specs import ProbeSpec
from bindscope.features.probes.schemas import PROBE, ProbeRequest, ProbeResponse, ValueRecognition
from bindscope.services.container import Services
from bindscope.services.pools import ScenePool
from bindscope.services.twins import random_twin


def probes(parts: Services, asked: ProbeRequest) -> ProbeResponse:
    """Raises as ``ScenePool.digest``, and InvalidInput where the scenes do not vary enough."""
    pool = parts.pools.of(asked.source)
    return parts.analyses.answer(PROBE, asked, numbers=pool.digest(), compute=lambda: _computed(pool, asked))


def _computed(pool: ScenePool, asked: ProbeRequest) -> ProbeResponse:
    data = pool.embedded()
    spec = ProbeSpec(asked.train_ratio, asked.seed, asked.estimator, asked.split, asked.splits)
    found = probe(data.embeddings, data.labels, spec)
    twin, note = random_twin(pool, found, spec=spec, seeds=asked.twins) if asked.twins else (None, None)
    return ProbeResponse.of(
        found,
        binding=replace(found.binding, twin=twin),
        per_value={
            name: [
                ValueRecognition.of(own, value=value)
                for value, own in zip(data.value_names(k), found.per_value[name], strict=True)
            ]
            for k, name in enumerate(data.labels.names)
        },
        strength=dict(found.strengths),
        edges=list(found.edges),
        splits=spec.splits,
        note=note,
        provenance=data.made_with(asked.seed),
    )
