"""Pictures of scenes."""

import io

from fastapi import APIRouter, Response
from PIL import Image

from bindscope.api.dependencies import Parts
from bindscope.domain.render import render
from bindscope.schemas.scenes import RenderRequest, to_scene

router = APIRouter(prefix="/v1/scenes", tags=["scenes"])


@router.post("/render", response_class=Response, responses={200: {"content": {"image/png": {}}}})
def render_scene(body: RenderRequest, parts: Parts) -> Response:
    """The PNG that a model with pictures of this size sees."""
    scene = to_scene(body.scene, parts.spaces.get(body.scene.space))
    file = io.BytesIO()
    Image.fromarray(render(scene, body.pixels)).save(file, format="PNG")
    return Response(file.getvalue(), media_type="image/png")
