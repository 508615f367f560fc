"""Seeded random scenes. Scene ``i`` of a seed is the same however many are drawn."""

import numpy as np

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.scene import Scene, random_layout, scene_at, slots

LAYOUTS = ("random", "slots")
_TRIES = 1000


def sample_scenes(
    space: ConceptSpace, count: int, *, seed: int, objects: int = 2, layout: str = "random", only_valid_swaps: bool
) -> list[Scene]:
    """``count`` scenes of ``objects`` objects, drawn uniformly with repetition; places random or in slots.

    ``only_valid_swaps`` draws a scene again until it has a valid swap; raises InvalidInput where none can.
    """
    if layout not in LAYOUTS:
        raise UnknownName("layout", layout, LAYOUTS)
    if only_valid_swaps and (objects < 2 or len(space.concepts) < 2):
        raise InvalidInput("A valid swap needs at least two objects and a space with at least two concepts.")
    return [_one(space, np.random.default_rng([seed, i]), objects, layout, only_valid_swaps) for i in range(count)]


def _one(space: ConceptSpace, rng: np.random.Generator, objects: int, layout: str, only_valid_swaps: bool) -> Scene:
    for _ in range(_TRIES):
        drawn = [tuple(int(v) for v in row) for row in rng.integers(0, space.values, (objects, len(space.values)))]
        if not only_valid_swaps or valid_swaps(drawn):
            places = random_layout(objects, rng) if layout == "random" else slots(objects)
            return scene_at(space, drawn, places)
    raise InvalidInput(f"Found no scene with a valid swap in space {space.name!r}.")
