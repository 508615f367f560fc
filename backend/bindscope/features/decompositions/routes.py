"""Additive decomposition: is a scene the sum of its objects?"""

import time

from fastapi import APIRouter

from bindscope.analysis.decomposition import decompose
from bindscope.analysis.probes import fit_probes
from bindscope.api.dependencies import Parts, asked_source_of, provenance_of, scene_of, source_of
from bindscope.core.specs import DecompositionSpec
from bindscope.features.decompositions.one_scene import left_to_right, scene_shares
from bindscope.features.decompositions.schemas import (
    DecompositionRequest,
    DecompositionResponse,
    ObjectShare,
    SceneShareRequest,
    SceneShareResponse,
)
from bindscope.services.container import Services
from bindscope.services.response_cache import remembered

router = APIRouter(prefix="/v1/decompositions", tags=["geometry"])


@router.post("")
def run_decomposition(body: DecompositionRequest, parts: Parts) -> DecompositionResponse:
    """Held-out R2, retrieval and probing of the scenes that an additive model reconstructs."""
    digest = parts.sources.digest(source_of(body.source))
    return remembered(
        parts.measurements,
        "decomposition",
        digest=digest,
        asked=body,
        kind=DecompositionResponse,
        compute=lambda: _computed(body, parts),
    )


def _computed(body: DecompositionRequest, parts: Services) -> DecompositionResponse:
    started = time.perf_counter()
    source = source_of(body.source)
    data = parts.sources.resolve(source)
    result = decompose(
        data.embeddings,
        data.labels,
        DecompositionSpec(body.estimator, body.level, body.test_ratio, body.seed, body.splits),
        probe_fit=fit_probes,
        singles=parts.sources.singles(source) if body.estimator == "single" else None,
    )
    return DecompositionResponse.model_validate(
        {
            "r2": result.r2,
            "retrieval": result.retrieval,
            "binding": result.binding,
            "probing": result.probing,
            "object_chance": result.object_chance,
            "splits": body.splits,
            "unseen": result.unseen,
            "train_scenes": len(result.train),
            "test_scenes": len(result.test),
            "seconds": round(time.perf_counter() - started, 3),
            "provenance": provenance_of(data, body.seed),
        }
    )


@router.post("/scene")
def explain_scene(body: SceneShareRequest, parts: Parts) -> SceneShareResponse:
    """What each object and each concept of one composed scene explains of its embedding."""
    digest = parts.sources.digest(asked_source_of(body.source))
    return remembered(
        parts.measurements,
        "shares",
        digest=digest,
        asked=body,
        kind=SceneShareResponse,
        compute=lambda: _explained(body, parts),
    )


def _explained(body: SceneShareRequest, parts: Services) -> SceneShareResponse:
    started = time.perf_counter()
    source = asked_source_of(body.source)
    scene = scene_of(body.scene, parts)
    scene = left_to_right(scene) if source.modality == "image" else scene
    shares = scene_shares(parts.sources, source, scene, spec=DecompositionSpec(body.estimator, body.level))
    concepts = shares.concepts[0].tolist() if shares.concepts is not None else None
    objects = [
        ObjectShare(
            values=scene.space.named(o),
            share=float(shares.objects[0, slot]),
            concepts=dict(zip(scene.space.names, concepts[slot], strict=True)) if concepts else None,
        )
        for slot, o in enumerate(scene.values)
    ]
    return SceneShareResponse(
        objects=objects,
        residual=float(shares.residual[0]),
        seconds=round(time.perf_counter() - started, 3),
        provenance=provenance_of(parts.sources.resolve(source), 0),
    )
