"""Linear probes: is the information inside the embeddings?"""

import time

from fastapi import APIRouter

from bindscope.analysis.probes import probe
from bindscope.api.dependencies import Parts, provenance_of, source_of
from bindscope.api.remembered import remembered
from bindscope.domain.specs import ProbeSpec
from bindscope.schemas.probes import ProbeRequest, ProbeResponse, ValueRecognition
from bindscope.services.assembly import Services

router = APIRouter(prefix="/v1/probes", tags=["geometry"])


@router.post("")
def run_probe(body: ProbeRequest, parts: Parts) -> ProbeResponse:
    """Recognition of concepts and objects by probes that are fitted on part of the scenes."""
    digest = parts.sources.digest(source_of(body.source))
    return remembered(
        parts, "probe", digest=digest, asked=body, kind=ProbeResponse, compute=lambda: _computed(body, parts)
    )


def _computed(body: ProbeRequest, parts: Services) -> ProbeResponse:
    started = time.perf_counter()
    data = parts.sources.resolve(source_of(body.source))
    result = probe(data.embeddings, data.labels, ProbeSpec(body.train_ratio, body.seed))
    return ProbeResponse.model_validate(
        {
            "train": result.train,
            "test": result.test,
            "chance": result.chance,
            "per_value": {
                name: [
                    ValueRecognition(value=value, train=own.train, test=own.test)
                    for value, own in zip(data.value_names(k), result.per_value[name], strict=True)
                ]
                for k, name in enumerate(data.labels.names)
            },
            "strength": dict(result.strengths),
            "train_scenes": result.train_scenes,
            "test_scenes": result.test_scenes,
            "seconds": round(time.perf_counter() - started, 3),
            "provenance": provenance_of(data, body.seed),
        }
    )
