"""Vectors of scenes, texts and pictures."""

import io

import numpy as np
from fastapi import APIRouter, Request, Response

from bindscope.api.dependencies import Parts
from bindscope.domain.scenes import Scene
from bindscope.errors import InvalidInput
from bindscope.schemas.base import Provenance
from bindscope.schemas.embeddings import EmbeddingRequest, EmbeddingResponse
from bindscope.schemas.scenes import to_scene
from bindscope.services.assembly import Services
from bindscope.services.embedder import Embedded
from bindscope.services.pictures import decode_pictures
from bindscope.services.provenance import provenance

router = APIRouter(prefix="/v1/embeddings", tags=["embeddings"])
NPY = "application/x-npy"


@router.post("", response_model=EmbeddingResponse, responses={200: {"content": {NPY: {}}}})
def embed(body: EmbeddingRequest, request: Request, parts: Parts) -> EmbeddingResponse | Response:
    """Not normalised. With ``Accept: application/x-npy`` the answer is a float32 .npy file."""
    found = _embedded(body, parts)
    if NPY in request.headers.get("accept", ""):
        file = io.BytesIO()
        np.save(file, found.vectors, allow_pickle=False)
        headers = {"X-Bindscope-Cached": str(found.cached), "X-Bindscope-Fingerprint": found.info.fingerprint.digest}
        return Response(file.getvalue(), media_type=NPY, headers=headers)
    space = body.scenes[0].space if body.scenes else None
    return EmbeddingResponse(
        embeddings=found.vectors.tolist(),
        dim=found.info.dim,
        cached=found.cached,
        provenance=Provenance.model_validate(provenance(found.info, space=space)),
    )


def _embedded(body: EmbeddingRequest, parts: Services) -> Embedded:
    if body.texts is not None:
        return parts.embedder.texts(body.model, body.texts)
    if body.images is not None:
        return parts.embedder.pictures(body.model, decode_pictures(body.images))
    scenes: list[Scene] = []
    for i, wire in enumerate(body.scenes or (), start=1):
        try:
            scenes.append(to_scene(wire, parts.spaces.get(wire.space)))
        except InvalidInput as error:
            if type(error) is InvalidInput:
                raise InvalidInput(f"Scene {i}: {error}") from error
            raise
    return parts.embedder.scenes(body.model, scenes)
