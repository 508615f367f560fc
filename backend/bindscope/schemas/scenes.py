"""Rendering requests, and the two ways between wire scenes and domain scenes."""

from pydantic import Field

from bindscope.domain.concepts import ConceptSpace
from bindscope.domain.scenes import Placed, Scene, slots
from bindscope.errors import InvalidInput
from bindscope.schemas.base import PlacedObject, RequestModel, SceneModel


class RenderRequest(RequestModel):
    """A scene and the side of the square picture."""

    scene: SceneModel
    pixels: int = Field(224, ge=16, le=1024)


def to_scene(wire: SceneModel, space: ConceptSpace) -> Scene:
    """The domain scene. Raises InvalidInput or UnknownName that name the object and the value."""
    default = slots(len(wire.objects))
    placed: list[Placed] = []
    for number, (obj, (x, y, size)) in enumerate(zip(wire.objects, default, strict=True), start=1):
        given = [obj.x is not None, obj.y is not None]
        if any(given) and not all(given):
            raise InvalidInput(f"Object {number} has only one of x and y: give both or neither.")
        placed.append(
            Placed(
                space.index(obj.values),
                x if obj.x is None else obj.x,
                y if obj.y is None else obj.y,
                size if obj.size is None else obj.size,
            )
        )
    return Scene(space, tuple(placed))


def from_scene(scene: Scene) -> SceneModel:
    """The wire form, with every place written out."""
    objects = [PlacedObject(values=scene.space.named(o.values), x=o.x, y=o.y, size=o.size) for o in scene.objects]
    if scene.origin is None:
        return SceneModel(space=scene.space.name, objects=objects)
    return SceneModel(space=scene.space.name, objects=objects, dataset=scene.origin.dataset, row=scene.origin.row)
