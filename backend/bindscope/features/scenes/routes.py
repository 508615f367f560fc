"""Pictures of scenes."""

import io

from fastapi import APIRouter, Response
from PIL import Image

from bindscope.api.dependencies import Parts
from bindscope.features.datasets.routes import picture_answer
from bindscope.features.scenes.schemas import RenderRequest
from bindscope.scenes.render import render

router = APIRouter(prefix="/v1/scenes", tags=["scenes"])


@router.post("/render", response_class=Response, responses={200: {"content": {"image/png": {}}}})
def render_scene(body: RenderRequest, parts: Parts) -> Response:
    """The PNG that a model with pictures of this size sees; the picture itself for a scene of an upload."""
    scene = parts.pools.scene(body.scene)
    if scene.origin is not None:
        return picture_answer(parts, scene.origin, body.pixels)
    file = io.BytesIO()
    Image.fromarray(render(scene, body.pixels)).save(file, format="PNG")
    return Response(file.getvalue(), media_type="image/png")
