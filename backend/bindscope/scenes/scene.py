"""Scenes: one to six objects of a space, each at a place on the unit canvas.

``x`` grows to the right, ``y`` downwards, both are centres in 0..1; ``size`` is the side of the square that
the shape fills, as a share of the canvas. Objects without a place stand in slots from left to right.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite

import numpy as np

from bindscope.core.errors import InvalidInput
from bindscope.scenes.concepts import ConceptSpace, Object

MAX_OBJECTS = 6
MIN_SIZE, MAX_SIZE = 0.08, 0.6
_PLACES = 4  # decimals kept of x, y and size: a tenth of a pixel at 384 pixels

#: Slot layouts by number of objects: (x, y, size).
_SLOTS: Mapping[int, tuple[tuple[float, float, float], ...]] = {
    1: ((0.5, 0.5, 0.34),),
    2: ((0.28, 0.5, 0.3), (0.72, 0.5, 0.3)),
    3: ((0.19, 0.5, 0.26), (0.5, 0.5, 0.26), (0.81, 0.5, 0.26)),
    4: ((0.14, 0.5, 0.2), (0.38, 0.5, 0.2), (0.62, 0.5, 0.2), (0.86, 0.5, 0.2)),
    5: tuple((0.11 + 0.195 * i, 0.5, 0.165) for i in range(5)),
    6: tuple((0.1 + 0.16 * i, 0.5, 0.14) for i in range(6)),
}


@dataclass(frozen=True)
class Placed:
    """One object and its place."""

    values: Object
    x: float
    y: float
    size: float

    def __post_init__(self) -> None:
        for name in ("x", "y", "size"):
            number = getattr(self, name)
            if not isfinite(number):
                raise InvalidInput(f"{name} must be a finite number, got {number}.")
            object.__setattr__(self, name, round(float(number), _PLACES))
        if not MIN_SIZE <= self.size <= MAX_SIZE:
            raise InvalidInput(f"size must be between {MIN_SIZE} and {MAX_SIZE}, got {self.size}.")
        for name in ("x", "y"):
            place = getattr(self, name)
            if not self.size / 2 - 1e-9 <= place <= 1 - self.size / 2 + 1e-9:
                raise InvalidInput(
                    f"The object at ({self.x}, {self.y}) with size {self.size} reaches off the canvas: "
                    f"keep {name} between {self.size / 2:.4g} and {1 - self.size / 2:.4g}."
                )

    def overlaps(self, other: "Placed") -> bool:
        """Whether the two bounding squares share more than an edge."""
        reach = (self.size + other.size) / 2 - 1e-9
        return abs(self.x - other.x) < reach and abs(self.y - other.y) < reach


@dataclass(frozen=True)
class Origin:
    """Row ``row`` of an upload: a scene that somebody photographed or embedded, not one that is drawn here."""

    dataset: str
    row: int


@dataclass(frozen=True)
class Scene:
    """A space and its placed objects, in the order in which a caption mentions them.

    ``origin``: where the picture (or its vector) lies; None for scenes that are drawn. The places of the objects of
    such a scene are slots by the order of the labels, and say nothing about the picture.
    """

    space: ConceptSpace
    objects: tuple[Placed, ...]
    origin: Origin | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.objects) <= MAX_OBJECTS:
            raise InvalidInput(f"A scene has 1 to {MAX_OBJECTS} objects, got {len(self.objects)}.")
        for (i, a), (j, b) in combinations(enumerate(self.objects), 2):
            if a.overlaps(b):
                raise InvalidInput(f"Objects {i + 1} and {j + 1} overlap: move them apart or make them smaller.")

    @property
    def values(self) -> tuple[Object, ...]:
        """The objects without their places."""
        return tuple(o.values for o in self.objects)

    def from_left_to_right(self) -> "Scene":
        """The same scene with its objects listed by their place, as slots are."""
        return Scene(self.space, tuple(sorted(self.objects, key=lambda o: (o.x, o.y))), self.origin)

    def canonical(self) -> str:
        """The same text for the same picture of the same objects, whatever way it was written."""
        body = [[list(o.values), o.x, o.y, o.size] for o in self.objects]
        concepts = [[c.name, list(c.values)] for c in self.space.concepts]
        parts: dict[str, object] = {"concepts": concepts, "objects": body}
        if self.origin is not None:
            parts["origin"] = [self.origin.dataset, self.origin.row]
        return json.dumps(parts, separators=(",", ":"), ensure_ascii=False)


def slots(count: int) -> tuple[tuple[float, float, float], ...]:
    """(x, y, size) of the slots for ``count`` objects, left to right."""
    if count not in _SLOTS:
        raise InvalidInput(f"A scene has 1 to {MAX_OBJECTS} objects, got {count}.")
    return _SLOTS[count]


def scene_in_slots(space: ConceptSpace, objects: Sequence[Object], origin: Origin | None = None) -> Scene:
    """The objects from left to right."""
    placed = (Placed(tuple(o), *slot) for o, slot in zip(objects, slots(len(objects)), strict=True))
    return Scene(space, tuple(placed), origin)


def random_layout(count: int, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Places (x, y, size) that do not overlap, sizes varied; falls back to the slots when none is found."""
    base = {1: 0.36, 2: 0.32, 3: 0.27, 4: 0.24, 5: 0.22, 6: 0.2}[count]
    for _ in range(60):
        size = np.round(rng.uniform(0.75 * base, 1.1 * base, count), _PLACES)
        place = np.round(size[:, None] / 2 + rng.random((count, 2)) * (1 - size[:, None]), _PLACES)
        place = np.clip(place, np.ceil(size[:, None] / 2 * 1e4) / 1e4, np.floor((1 - size[:, None] / 2) * 1e4) / 1e4)
        gap = np.abs(place[:, None] - place[None]).max(-1)
        reach = (size[:, None] + size[None]) / 2 + 0.01
        if (gap + 9 * np.eye(count) >= reach).all():
            return [(float(x), float(y), float(s)) for (x, y), s in zip(place, size, strict=True)]
    return list(slots(count))


def random_scene(space: ConceptSpace, count: int, rng: np.random.Generator) -> Scene:
    """``count`` objects drawn uniformly (repetition allowed) at random places."""
    objects = [tuple(int(rng.integers(v)) for v in space.values) for _ in range(count)]
    return scene_at(space, objects, random_layout(count, rng))


def scene_at(space: ConceptSpace, objects: Sequence[Object], layout: Sequence[tuple[float, float, float]]) -> Scene:
    """The objects at the places of ``layout``."""
    return Scene(space, tuple(Placed(tuple(o), *place) for o, place in zip(objects, layout, strict=True)))
