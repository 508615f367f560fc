"""All ordered scenes of a concept space, or a seeded sample of them, and the texts that analyses ask about."""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import PayloadTooLarge
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.scene import Scene, scene_in_slots

_MOST_NUMBERED = 2**62


def scene_labels(space: ConceptSpace, objects: int, *, limit: int) -> SceneLabels:
    """Labels of all ordered tuples of ``objects`` objects, first object slowest, or a seeded sample of ``limit``."""
    return SceneLabels(_values(space, objects, limit), space.values, space.names)


def _values(space: ConceptSpace, objects: int, limit: int) -> NDArray[np.int64]:
    total = prod([space.object_count] * objects)
    if total <= limit:
        numbers = np.arange(total, dtype=np.int64)
    elif total > _MOST_NUMBERED:
        # Too many scenes to number them; two equal ones among so many are as good as impossible.
        drawn = np.random.default_rng(0).integers(0, space.object_count, size=(limit, objects), dtype=np.int64)
        return values_of(drawn, space)
    else:
        rng = np.random.default_rng(0)
        numbers = np.unique(rng.integers(0, total, size=limit, dtype=np.int64))
        while len(numbers) < limit:
            more = rng.integers(0, total, size=limit - len(numbers), dtype=np.int64)
            numbers = np.unique(np.concatenate([numbers, more]))
    return values_of(np.stack(np.unravel_index(numbers, [space.object_count] * objects), axis=1), space)


def labels_of(scene: Scene) -> SceneLabels:
    """The labels of one scene."""
    rows: NDArray[np.int64] = np.array([scene.values], dtype=np.int64)
    return SceneLabels(rows, scene.space.values, scene.space.names)


def single_objects(space: ConceptSpace) -> SceneLabels:
    """Labels of scenes that show each object alone."""
    alone = values_of(np.arange(space.object_count, dtype=np.int64), space)[:, None]
    return SceneLabels(alone, space.values, space.names)


def values_of(ids: NDArray[np.int64], space: ConceptSpace) -> NDArray[np.int64]:
    """Value indices [..., concept] of object ids, the last concept fastest."""
    return np.stack(np.unravel_index(ids, space.values), axis=-1).astype(np.int64)


def in_slots(space: ConceptSpace, objects: Sequence[Sequence[tuple[int, ...]]]) -> list[Scene]:
    """Scenes with their objects in slots from left to right."""
    return [scene_in_slots(space, scene) for scene in objects]


def needed_texts(space: ConceptSpace, *, objects: int, template: str, limit: int) -> list[str]:
    """Captions of all ordered scenes of ``objects`` objects, then one query for each object and concept value.

    Raises PayloadTooLarge for more than ``limit``.
    """
    captioner = Captioner(template)
    count = prod([space.object_count] * objects)
    if count + space.object_count > limit:
        raise PayloadTooLarge(
            f"Space {space.name!r} has {count:,} ordered scenes of {objects} objects: ask for a limit of that many, or "
            "for fewer objects."
        )
    rows = scene_labels(space, objects, limit=count).scenes.tolist()
    texts = [captioner.caption(space, [tuple(o) for o in row]) for row in rows]
    texts += [captioner.object_query(space, o) for o in space.objects()]
    texts += [captioner.concept_query(space, k, v) for k, size in enumerate(space.values) for v in range(size)]
    return list(dict.fromkeys(texts))
