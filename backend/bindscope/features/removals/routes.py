"""Targeted removal: what is left when concepts or objects are taken out?"""

import time

from fastapi import APIRouter

from bindscope.analysis.probes import fit_probes
from bindscope.analysis.removal import remove_parts
from bindscope.api.dependencies import Parts, provenance_of, source_of
from bindscope.core.specs import RemovalSpec
from bindscope.features.removals.schemas import RemovalRequest, RemovalResponse
from bindscope.services.container import Services
from bindscope.services.response_cache import remembered

router = APIRouter(prefix="/v1/removals", tags=["geometry"])


@router.post("")
def run_removal(body: RemovalRequest, parts: Parts) -> RemovalResponse:
    """Each variant: parts and probes fitted on the training scenes, read on held-out ones."""
    digest = parts.sources.digest(source_of(body.source))
    return remembered(
        parts.measurements,
        "removal",
        digest=digest,
        asked=body,
        kind=RemovalResponse,
        compute=lambda: _computed(body, parts),
    )


def _computed(body: RemovalRequest, parts: Services) -> RemovalResponse:
    started = time.perf_counter()
    data = parts.sources.resolve(source_of(body.source))
    result = remove_parts(
        data.embeddings,
        data.labels,
        RemovalSpec(body.train_ratio, body.seed, body.splits),
        probe_fit=fit_probes,
    )
    return RemovalResponse.model_validate(
        {
            "variants": result.variants,
            "bindings": result.bindings,
            "chance": result.chance,
            "object_chance": result.object_chance,
            "ranks": result.ranks,
            "splits": body.splits,
            "train_scenes": len(result.train),
            "test_scenes": len(result.test),
            "seconds": round(time.perf_counter() - started, 3),
            "provenance": provenance_of(data, body.seed),
        }
    )
