"""Vectors of scenes, texts and pictures."""

import io
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from bindscope.api.dependencies import Parts
from bindscope.core.errors import InvalidInput
from bindscope.core.wire import ModelId
from bindscope.features.embeddings.schemas import EmbeddingRequest, EmbeddingResponse
from bindscope.scenes.scene import Scene
from bindscope.services.container import Services
from bindscope.services.embedder import Embedded
from bindscope.services.pictures import pictures_in
from bindscope.services.provenance import provenance

router = APIRouter(prefix="/v1/embeddings", tags=["embeddings"])
NPY = "application/x-npy"


@router.post("", response_model=EmbeddingResponse, responses={200: {"content": {NPY: {}}}})
def embed(body: EmbeddingRequest, request: Request, parts: Parts) -> EmbeddingResponse | Response:
    """Not normalised. With ``Accept: application/x-npy`` the answer is a float32 .npy file."""
    return _answer(_embedded(body, parts), request, space=body.scenes[0].space if body.scenes else None)


@router.post(
    "/pictures",
    response_model=EmbeddingResponse,
    responses={200: {"content": {NPY: {}}}},
    openapi_extra={
        "requestBody": {"required": True, "content": {NPY: {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def embed_array(model: Annotated[ModelId, Query()], request: Request, parts: Parts) -> object:
    """Pictures as one uint8 .npy array [item, height, width, 3] (``Content-Type: application/x-npy``): no base64, and
    pictures of the model's own size are not decoded or resized at all."""
    body = await request.body()
    return await run_in_threadpool(_of_array, model, body, request, parts)


def _of_array(model: str, body: bytes, request: Request, parts: Services) -> EmbeddingResponse | Response:
    return _answer(parts.embedder.pictures(model, pictures_in(body)), request, space=None)


def _answer(found: Embedded, request: Request, *, space: str | None) -> EmbeddingResponse | Response:
    if NPY in request.headers.get("accept", ""):
        file = io.BytesIO()
        np.save(file, found.vectors, allow_pickle=False)
        headers = {"X-Bindscope-Cached": str(found.cached), "X-Bindscope-Fingerprint": found.info.fingerprint.digest}
        return Response(file.getvalue(), media_type=NPY, headers=headers)
    return EmbeddingResponse(
        embeddings=found.vectors.tolist(),
        dim=found.info.dim,
        cached=found.cached,
        provenance=provenance(found.info, space=space),
    )


def _embedded(body: EmbeddingRequest, parts: Services) -> Embedded:
    if body.texts is not None:
        return parts.embedder.texts(body.model, body.texts)
    if body.images is not None:
        side = parts.models.info(body.model).pixels or 0
        with parts.pictures.opened(body.images, side=side) as pictures:
            return parts.embedder.pictures(body.model, pictures)
    scenes: list[Scene] = []
    for i, wire in enumerate(body.scenes or (), start=1):
        try:
            scenes.append(parts.pools.scene(wire))
        except InvalidInput as error:
            if type(error) is InvalidInput:
                raise InvalidInput(f"Scene {i}: {error}") from error
            raise
    return parts.embedder.scenes(body.model, scenes)
