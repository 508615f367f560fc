"""Edits of a scene that do not need the canvas: another space, another object, another order, a random scene."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bindscope.core.errors import InvalidInput
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import MAX_OBJECTS, scene_in_slots
from bindscope.scenes.wire import PlacedObject, SceneModel, from_scene
from bindscope_dashboard.shared.scene_text import placed


def from_edit(edit: Mapping[str, Any], space: ConceptSpace) -> SceneModel:
    """The scene in a message of the editor. Raises InvalidInput."""
    try:
        scene = SceneModel.model_validate({"space": space.name, "objects": edit.get("objects")})
    except ValidationError as error:
        raise InvalidInput("The editor sent a scene that cannot be read.") from error
    return placed(scene, space)


def first_scene(space: ConceptSpace) -> SceneModel:
    """Where a new user starts: a red square and a blue circle, or the first values of another space."""
    wanted = ({"color": "red", "shape": "square"}, {"color": "blue", "shape": "circle"})
    if set(space.names) == {"color", "shape"} and all(
        value in space.concept(name).values for obj in wanted for name, value in obj.items()
    ):
        return from_scene(scene_in_slots(space, [space.index(obj) for obj in wanted]))
    second = tuple(min(1, size - 1) for size in space.values)
    return from_scene(scene_in_slots(space, [(0,) * len(space.values), second]))


def random_scene(space: ConceptSpace, *, objects: int, seed: int) -> SceneModel:
    """Scene number ``seed``: always the same one; with a valid swap wherever one can be."""
    swaps = objects >= 2 and len(space.concepts) >= 2
    return from_scene(sample_scenes(space, 1, seed=seed, objects=objects, only_valid_swaps=swaps)[0])


def with_value(scene: SceneModel, index: int, concept: str, *, value: str) -> SceneModel:
    """Object ``index`` with another value."""
    objects = list(scene.objects)
    old = objects[index]
    objects[index] = old.model_copy(update={"values": {**old.values, concept: value}})
    return scene.model_copy(update={"objects": objects})


def with_another(scene: SceneModel, space: ConceptSpace) -> SceneModel:
    """One object more, of values not used yet, all in slots. Raises InvalidInput when the scene is full."""
    if len(scene.objects) >= MAX_OBJECTS:
        raise InvalidInput(f"A scene holds at most {MAX_OBJECTS} objects.")
    values: dict[str, str] = {}
    for concept in space.concepts:
        used = {o.values[concept.name] for o in scene.objects}
        values[concept.name] = next((v for v in concept.values if v not in used), concept.values[0])
    return _in_slots([*(o.values for o in scene.objects), values], space)


def without(scene: SceneModel, index: int, space: ConceptSpace) -> SceneModel:
    """The scene without object ``index``, the others in slots."""
    return _in_slots([o.values for i, o in enumerate(scene.objects) if i != index], space)


def mentioned_earlier(scene: SceneModel, index: int) -> SceneModel:
    """Object ``index`` exchanged with the one before it in the order of mention."""
    objects = list(scene.objects)
    objects[index - 1], objects[index] = objects[index], objects[index - 1]
    return scene.model_copy(update={"objects": objects})


def _in_slots(objects: list[dict[str, str]], space: ConceptSpace) -> SceneModel:
    wire = SceneModel(space=space.name, objects=[PlacedObject(values=values) for values in objects])
    return placed(wire, space)
