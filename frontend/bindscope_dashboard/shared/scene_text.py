"""Scenes as texts.

A scene is written ``shapes2d~~red~square~0.28~0.5~0.3~~blue~circle~0.72~0.5~0.3``: the space, then each object's values
and place. Values of concepts never hold a tilde, and browsers leave it as it is.
"""

from collections.abc import Mapping

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.features.spaces.schemas import SpaceModel
from bindscope.scenes.concepts import Concept, ConceptSpace
from bindscope.scenes.wire import PlacedObject, SceneModel, from_scene, to_scene


def space_of(wire: SpaceModel) -> ConceptSpace:
    """The concept space of a wire space."""
    concepts = tuple(Concept(c.name, tuple(c.values)) for c in wire.concepts)
    return ConceptSpace(
        wire.name, concepts, wire.phrase, wire.renderable, tuple(wire.articles.items()), tuple(wire.templates)
    )


def placed(scene: SceneModel, space: ConceptSpace) -> SceneModel:
    """The scene, checked, with every place written out. Raises InvalidInput."""
    return from_scene(to_scene(scene, space))


def scene_text(scene: SceneModel, space: ConceptSpace) -> str:
    """The compact form of a scene; places are left out where the space cannot be drawn."""
    parts = [scene.space]
    for obj in scene.objects:
        fields = [obj.values[name] for name in space.names]
        if space.renderable and None not in (obj.x, obj.y, obj.size):
            fields += [f"{number:.10g}" for number in (obj.x, obj.y, obj.size)]
        parts.append("~".join(fields))
    return "~~".join(parts)


def scene_from_text(text: str, spaces: Mapping[str, ConceptSpace]) -> SceneModel:
    """The inverse of ``scene_text``. Raises UnknownName or InvalidInput that say what is wrong."""
    name, *objects = text.split("~~")
    if name not in spaces:
        raise UnknownName("space", name, tuple(spaces))
    space = spaces[name]
    if not 1 <= len(objects) <= 6:
        raise InvalidInput(f"A scene has 1 to 6 objects, got {len(objects)}.")
    return placed(
        SceneModel(space=name, objects=[_object(number, o, space) for number, o in enumerate(objects, 1)]), space
    )


def _object(number: int, text: str, space: ConceptSpace) -> PlacedObject:
    fields = text.split("~")
    count = len(space.names)
    if len(fields) not in (count, count + 3):
        raise InvalidInput(f"Object {number} needs {count} values, and optionally x, y and size.")
    values = dict(zip(space.names, fields, strict=False))
    if len(fields) == count:
        return PlacedObject(values=values)
    try:
        x, y, size = (float(field) for field in fields[count:])
        return PlacedObject(values=values, x=x, y=y, size=size)
    except ValueError as error:
        raise InvalidInput(f"Object {number} needs x, y and size between 0 and 1, got {fields[count:]}.") from error


def in_words(scene: SceneModel) -> str:
    """The objects of a scene, from the wire: ``red square, blue circle``."""
    return ", ".join(" ".join(obj.values.values()) for obj in scene.objects)
