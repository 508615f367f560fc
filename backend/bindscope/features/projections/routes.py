"""Maps of embeddings."""

import time

from fastapi import APIRouter

from bindscope.api.dependencies import Parts, provenance_of, scene_of, source_of
from bindscope.features.projections.schemas import ProjectionRequest, ProjectionResponse
from bindscope.features.projections.service import Maps, MapSpec
from bindscope.services.container import Services
from bindscope.services.response_cache import remembered

router = APIRouter(prefix="/v1/projections", tags=["geometry"])


@router.post("")
def projection(body: ProjectionRequest, parts: Parts) -> ProjectionResponse:
    """A map of all scenes of a source in two or three dimensions."""
    digest = parts.sources.digest(source_of(body.source))
    return remembered(
        parts.measurements,
        "projection",
        digest=digest,
        asked=body,
        kind=ProjectionResponse,
        compute=lambda: _computed(body, parts),
    )


def _computed(body: ProjectionRequest, parts: Services) -> ProjectionResponse:
    started = time.perf_counter()
    source = source_of(body.source)
    data = parts.sources.resolve(source)
    scenes = [scene_of(scene, parts) for scene in body.place]
    found = parts.of(Maps).fitted(data, MapSpec(body.method, body.dims, body.seed))
    names = {name: list(data.value_names(k)) for k, name in enumerate(data.labels.names)}
    return ProjectionResponse.model_validate(
        {
            "points": found.points.round(6).tolist(),
            "labels": data.labels.scenes.tolist(),
            "concepts": names,
            "colors": parts.of(Maps).colors(source, data, body.color_by),
            "placed": parts.of(Maps).place(source, found, scenes),
            "explained": found.explained,
            "stress": found.stress,
            "seconds": round(time.perf_counter() - started, 3),
            "provenance": provenance_of(data, body.seed),
        }
    )
