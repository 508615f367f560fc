"""Copies of a scene that say or show the same a hair differently: does the winner of its contest survive?"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bindscope.core.errors import InvalidInput
from bindscope.core.hashing import content_hash
from bindscope.scenes.scene import MAX_SIZE, MIN_SIZE, Placed, Scene

#: Copies of a picture; how far each object moves at most, as a share of the canvas; how much its size changes at most.
COPIES, MOVED, RESIZED = 20, 0.01, 0.02
#: What captions are put into, where there is no picture to move.
TEMPLATES = ("{}", "a photo of {}", "a picture of {}", "an image of {}", "There is {}.", "This is {}.")
#: Share of the copies that must keep the winner: 16 of 20 pictures, 5 of 6 templates.
LEAST_SAME = 0.8
_TRIES = 12

Kind = Literal["places", "templates"]


@dataclass(frozen=True)
class Robustness:
    """``same`` of ``copies`` have the outcome of the scene itself; ``kind``: what was changed."""

    same: int
    copies: int
    kind: Kind

    @property
    def stable(self) -> bool:
        """Whether the winner may be named."""
        return self.same >= LEAST_SAME * self.copies


def jittered(scene: Scene, *, copies: int = COPIES) -> list[Scene]:
    """Copies, seeded by the scene itself: places moved by up to 1 % of the side, sizes changed by up to 2 %, inside the
    canvas and without overlap. Objects that touch move less."""
    seed = int.from_bytes(content_hash(scene.canonical(), size=8), "big")
    return [_copy(scene, np.random.default_rng([seed, number])) for number in range(copies)]


def _copy(scene: Scene, rng: np.random.Generator) -> Scene:
    reach = 1.0
    for _ in range(_TRIES):
        shift = reach * rng.uniform(-1, 1, (len(scene.objects), 3))
        try:
            return Scene(scene.space, tuple(_moved(o, *row) for o, row in zip(scene.objects, shift, strict=True)))
        except InvalidInput:
            reach *= 0.7
    return scene


def _moved(placed: Placed, right: float, down: float, larger: float) -> Placed:
    size = min(max(placed.size * (1 + RESIZED * larger), MIN_SIZE), MAX_SIZE)
    size = round(size, 4)
    low, high = np.ceil(size / 2 * 1e4) / 1e4, np.floor((1 - size / 2) * 1e4) / 1e4
    x, y = np.clip([placed.x + MOVED * right, placed.y + MOVED * down], low, high)
    return replace(placed, x=float(x), y=float(y), size=size)
