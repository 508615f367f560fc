"""Rendering requests."""

from pydantic import Field

from bindscope.core.wire import RequestModel
from bindscope.scenes.wire import SceneModel


class RenderRequest(RequestModel):
    """A scene and the side of the square picture."""

    scene: SceneModel
    pixels: int = Field(224, ge=16, le=1024)
