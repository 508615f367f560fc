"""Linear probes: is the information inside the embeddings?"""

import time
from dataclasses import replace

from fastapi import APIRouter

from bindscope.analysis.probing import probe
from bindscope.api.dependencies import Parts, provenance_of, source_of
from bindscope.core.specs import ProbeSpec
from bindscope.features.probes.schemas import ProbeRequest, ProbeResponse, ValueRecognition
from bindscope.services.container import Services
from bindscope.services.response_cache import remembered
from bindscope.services.twins import random_twin

router = APIRouter(prefix="/v1/probes", tags=["geometry"])


@router.post("")
def run_probe(body: ProbeRequest, parts: Parts) -> ProbeResponse:
    """Recognition of concepts and objects by probes that are fitted on part of the scenes."""
    digest = parts.sources.digest(source_of(body.source))
    return remembered(
        parts.measurements,
        "probe",
        digest=digest,
        asked=body,
        kind=ProbeResponse,
        compute=lambda: _computed(body, parts),
    )


def _computed(body: ProbeRequest, parts: Services) -> ProbeResponse:
    started = time.perf_counter()
    source = source_of(body.source)
    data = parts.sources.resolve(source)
    spec = ProbeSpec(body.train_ratio, body.seed, body.estimator, body.split, body.splits)
    result = probe(data.embeddings, data.labels, spec)
    twin, note = random_twin(parts.sources, source, result, spec=spec, seeds=body.twins) if body.twins else (None, None)
    return ProbeResponse.model_validate(
        {
            "binding": replace(result.binding, twin=twin),
            "train": result.train,
            "test": result.test,
            "chance": result.chance,
            "object_chance": result.object_chance,
            "per_value": {
                name: [
                    ValueRecognition(value=value, train=own.train, test=own.test)
                    for value, own in zip(data.value_names(k), result.per_value[name], strict=True)
                ]
                for k, name in enumerate(data.labels.names)
            },
            "strength": dict(result.strengths),
            "edges": list(result.edges),
            "splits": spec.splits,
            "train_scenes": result.train_scenes,
            "test_scenes": result.test_scenes,
            "note": note,
            "seconds": round(time.perf_counter() - started, 3),
            "provenance": provenance_of(data, body.seed),
        }
    )
