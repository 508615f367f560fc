"""Scenes as pictures: anti-aliased flat shapes on a plain background, the same bits on every machine.

Each shape's signed distance is tabulated once (``outlines``) and sampled bilinearly inside the object's
bounding box; coverage is rounded to 1/256 before it is blended in integers, so that no rounding difference of a
floating-point library can reach a pixel.
"""

from collections.abc import Mapping, Sequence
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput
from bindscope.scenes.outlines import OUTLINES, TABLE_REACH, TABLE_STEPS, distance_table
from bindscope.scenes.scene import Placed, Scene

__all__ = ["BACKGROUND", "OUTLINES", "PALETTE", "RENDERER_VERSION", "render", "render_arrays", "render_many"]

#: Part of every key and of every result: raise it when any pixel changes.
RENDERER_VERSION = "1"
MIN_PIXELS, MAX_PIXELS = 16, 1024

#: RGB of the canvas and of each colour name.
BACKGROUND: tuple[int, int, int] = (246, 245, 241)
PALETTE: Mapping[str, tuple[int, int, int]] = {
    "blue": (38, 84, 214),
    "brown": (124, 72, 32),
    "cyan": (38, 200, 222),
    "gray": (132, 134, 138),
    "green": (34, 150, 60),
    "purple": (122, 48, 176),
    "red": (218, 32, 40),
    "yellow": (250, 210, 32),
    "orange": (250, 132, 20),
    "pink": (250, 128, 190),
}

_LAST = 2 * TABLE_REACH * TABLE_STEPS


def render(scene: Scene, pixels: int) -> NDArray[np.uint8]:
    """The scene as RGB [pixels, pixels, 3].

    Raises InvalidInput when the scene's space has no pictures or ``pixels`` is outside 16 to 1024.
    """
    picture: NDArray[np.uint8] = render_many([scene], pixels)[0]
    return picture


def render_many(scenes: Sequence[Scene], pixels: int) -> NDArray[np.uint8]:
    """The scenes as RGB [scene, pixels, pixels, 3]. Raises InvalidInput as ``render`` does."""
    canvas = _blank(len(scenes), pixels)
    for picture, scene in zip(canvas, scenes, strict=True):
        space = scene.space
        if not space.renderable:
            raise InvalidInput(
                f"Space {space.name!r} cannot be drawn: it needs the concepts color and shape with values that the "
                "renderer knows. Use a text-only model, or a space such as shapes2d."
            )
        color, shape = space.names.index("color"), space.names.index("shape")
        colors, shapes = space.concepts[color].values, space.concepts[shape].values
        for placed in sorted(scene.objects, key=_place):
            rgb, table = PALETTE[colors[placed.values[color]]], distance_table(shapes[placed.values[shape]])
            _draw(picture, table, rgb, x=placed.x, y=placed.y, size=placed.size)
    return canvas


def render_arrays(
    colors: Sequence[Sequence[str]],
    shapes: Sequence[Sequence[str]],
    *,
    places: NDArray[np.float64],
    pixels: int,
) -> NDArray[np.uint8]:
    """Pictures [scene, pixels, pixels, 3] from names [scene][object] and ``places`` [scene, object, (x, y, size)].

    The fast way for training data: nothing is checked but ``pixels``, and the pixels equal those of ``render``.
    """
    canvas = _blank(len(colors), pixels)
    for picture, names, outlines, spots in zip(canvas, colors, shapes, places, strict=True):
        for (x, y, size), name, outline in sorted(zip(spots.tolist(), names, outlines, strict=False)):
            _draw(picture, distance_table(outline), PALETTE[name], x=x, y=y, size=size)
    return canvas


def _place(placed: Placed) -> tuple[float, float]:
    """Drawing order: edges that touch blend the same way in whatever order a caption mentions the objects."""
    return placed.x, placed.y


def _blank(count: int, pixels: int) -> NDArray[np.uint8]:
    if not MIN_PIXELS <= pixels <= MAX_PIXELS:
        raise InvalidInput(f"pixels must be between {MIN_PIXELS} and {MAX_PIXELS}, got {pixels}.")
    canvas = np.empty((count, pixels, pixels, 3), dtype=np.uint8)
    canvas.reshape(count, pixels, pixels * 3)[:] = np.array(BACKGROUND * pixels, dtype=np.uint8)
    return canvas


def _axis(centre: float, side: float, pixels: int) -> tuple[int, int, NDArray[np.intp], NDArray[np.float32]]:
    """First and last pixel that the object can touch, and where their centres fall in the table: index, share."""
    first = max(0, floor(centre - side / 2 - 0.5))
    last = min(pixels, ceil(centre + side / 2 + 0.5))
    at = (np.arange(first, last) + 0.5 - centre) * (TABLE_STEPS / side) + TABLE_REACH * TABLE_STEPS
    at = np.clip(at, 0.0, _LAST - 1.0)
    index = at.astype(np.intp)
    return first, last, index, (at - index).astype(np.float32)


def _draw(
    picture: NDArray[np.uint8],
    table: NDArray[np.float32],
    rgb: tuple[int, int, int],
    *,
    x: float,
    y: float,
    size: float,
) -> None:
    pixels = picture.shape[0]
    side = size * pixels
    left, right, column, across = _axis(x * pixels, side, pixels)
    top, bottom, row, down = _axis(y * pixels, side, pixels)
    low = int(column[0])
    near = table[:, low : int(column[-1]) + 2]
    upper, lower = near[row], near[row + 1]
    lines = upper + (lower - upper) * down[:, None]
    begin, end = lines[:, column - low], lines[:, column - low + 1]
    away = begin + (end - begin) * across
    # 256.5 = 256 * (0.5 - distance in pixels) + rounding, with the distance's share taken out.
    away *= np.float32(-256 * side)
    away += np.float32(128.5)
    cover = np.clip(away, np.float32(0), np.float32(256)).astype(np.uint16)
    cover = np.repeat(cover, 3, axis=1)
    patch = picture[top:bottom, left:right]
    # At most 255 * 256 + 128: it fits 16 bits.
    mixed = patch.reshape(bottom - top, -1) * (np.uint16(256) - cover)
    cover *= np.array(rgb * (right - left), dtype=np.uint16)
    mixed += cover
    mixed += np.uint16(128)
    mixed >>= 8
    patch[:] = mixed.reshape(patch.shape)
