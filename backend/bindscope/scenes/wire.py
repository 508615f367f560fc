"""Scenes on the wire, and the two ways between them and scenes."""

from pydantic import Field, model_validator

from bindscope.core.errors import InvalidInput
from bindscope.core.wire import RequestModel
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.scene import MAX_OBJECTS, Placed, Scene, slots


class PlacedObject(RequestModel):
    """One object of a scene. ``x y`` are the centre, ``size`` the side, all as shares of the canvas."""

    values: dict[str, str] = Field(description="Value of each concept, by name.", max_length=8)
    x: float | None = Field(None, ge=0, le=1)
    y: float | None = Field(None, ge=0, le=1)
    size: float | None = Field(None, gt=0, le=1)


class SceneModel(RequestModel):
    """A scene. Objects without a place stand in slots from left to right; list order is the order of mention.

    ``dataset`` and ``row`` name a scene of an upload instead: its labels are the objects then, and places say nothing.
    ``dataset`` and ``objects`` without a row mean its first scene with these objects in this order.
    """

    space: str = Field("shapes2d", max_length=64)
    objects: list[PlacedObject] = Field(default_factory=list, max_length=MAX_OBJECTS)
    dataset: str | None = Field(None, pattern=r"^[0-9a-f]{16}$")
    row: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _drawn_or_uploaded(self) -> "SceneModel":
        if self.dataset is None and self.row is not None:
            raise ValueError("A row belongs to a dataset: name it.")
        if self.row is None and not self.objects:
            raise ValueError("A scene without objects: list at least one.")
        return self


def to_scene(wire: SceneModel, space: ConceptSpace) -> Scene:
    """The scene. Raises InvalidInput or UnknownName that name the object and the value."""
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
