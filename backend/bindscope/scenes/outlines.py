"""The ten shapes as signed distances and as SVG paths, both from the same numbers.

Every shape lies in the box [-0.5, 0.5] x [-0.5, 0.5], y downwards, and is as large as the box allows.
Distances use only +, -, *, /, sqrt and comparisons, which IEEE 754 rounds the same way on every machine.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]
Point = tuple[float, float]

#: Samples of a distance table in a unit of length, and how far it reaches from the centre.
TABLE_STEPS, TABLE_REACH = 128, 1

_POLYGONS: Mapping[str, tuple[Point, ...]] = {
    "square": ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)),
    "triangle": ((0.0, -0.5), (0.5, 0.5), (-0.5, 0.5)),
    "diamond": ((0.0, -0.5), (0.4, 0.0), (0.0, 0.5), (-0.4, 0.0)),
    "pentagon": ((0.0, -0.4755), (0.5, -0.1123), (0.309, 0.4755), (-0.309, 0.4755), (-0.5, -0.1123)),
    "star": (
        (0.0, -0.4755),
        (0.1298, -0.1284),
        (0.5, -0.1123),
        (0.21, 0.1184),
        (0.309, 0.4755),
        (0.0, 0.271),
        (-0.309, 0.4755),
        (-0.21, 0.1184),
        (-0.5, -0.1123),
        (-0.1298, -0.1284),
    ),
    "cross": (
        (-0.17, -0.5),
        (0.17, -0.5),
        (0.17, -0.17),
        (0.5, -0.17),
        (0.5, 0.17),
        (0.17, 0.17),
        (0.17, 0.5),
        (-0.17, 0.5),
        (-0.17, 0.17),
        (-0.5, 0.17),
        (-0.5, -0.17),
        (-0.17, -0.17),
    ),
}

# Heart: two circles and the wedge between their tangents to the tip. Crescent: a disc less a disc.
_HEART_X, _HEART_Y, _HEART_R, _HEART_TIP, _HEART_NOTCH = 0.24, -0.2, 0.26, 0.46, -0.3
_HEART_TANGENT: Point = (0.434089, -0.026998)
_RING_INNER = 0.29
_MOON_X, _MOON_R, _BITE_X, _BITE_R = 0.11, 0.5, 0.35, 0.42
_MOON_TIP: Point = (0.383333, 0.418675)


def _polygon(x: Grid, y: Grid, corners: tuple[Point, ...]) -> Grid:
    nearest = np.full(x.shape, np.inf)
    inside = np.zeros(x.shape, dtype=bool)
    previous = corners[-1]
    for corner in corners:
        ex, ey = previous[0] - corner[0], previous[1] - corner[1]
        wx, wy = x - corner[0], y - corner[1]
        along = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0.0, 1.0)
        bx, by = wx - ex * along, wy - ey * along
        nearest = np.minimum(nearest, bx * bx + by * by)
        side = ex * wy - ey * wx
        inside ^= ((wy >= 0) & (y < previous[1]) & (side > 0)) | ((wy < 0) & (y >= previous[1]) & (side <= 0))
        previous = corner
    return np.asarray(np.where(inside, -1.0, 1.0) * np.sqrt(nearest))


def _disc(x: Grid, y: Grid, cx: float, cy: float, radius: float) -> Grid:
    dx, dy = x - cx, y - cy
    return np.asarray(np.sqrt(dx * dx + dy * dy) - radius)


def _heart(x: Grid, y: Grid) -> Grid:
    (tx, ty), cx, cy = _HEART_TANGENT, _HEART_X, _HEART_Y
    wedge = ((0.0, _HEART_TIP), (-tx, ty), (-cx, cy), (0.0, _HEART_NOTCH), (cx, cy), (tx, ty))
    lobes = np.minimum(_disc(x, y, -cx, cy, _HEART_R), _disc(x, y, cx, cy, _HEART_R))
    return np.minimum(lobes, _polygon(x, y, wedge))


def _ring(x: Grid, y: Grid) -> Grid:
    return np.maximum(_disc(x, y, 0.0, 0.0, 0.5), -_disc(x, y, 0.0, 0.0, _RING_INNER))


def _crescent(x: Grid, y: Grid) -> Grid:
    return np.maximum(_disc(x, y, _MOON_X, 0.0, _MOON_R), -_disc(x, y, _BITE_X, 0.0, _BITE_R))


_CURVED: Mapping[str, Callable[[Grid, Grid], Grid]] = {
    "circle": lambda x, y: _disc(x, y, 0.0, 0.0, 0.5),
    "heart": _heart,
    "ring": _ring,
    "crescent": _crescent,
}

#: Names of the shapes that can be drawn.
SHAPES: tuple[str, ...] = (*_POLYGONS, *_CURVED)


def distance(shape: str, x: Grid, y: Grid) -> Grid:
    """Signed distance to the outline of ``shape``, negative inside, in units of the box's side."""
    if shape in _CURVED:
        return _CURVED[shape](x, y)
    return _polygon(x, y, _POLYGONS[shape])


@lru_cache(maxsize=len(SHAPES))
def distance_table(shape: str) -> NDArray[np.float32]:
    """``distance`` [row, column] on a grid of TABLE_STEPS samples a unit, TABLE_REACH units from the centre."""
    line = np.arange(-TABLE_REACH * TABLE_STEPS, TABLE_REACH * TABLE_STEPS + 1) / TABLE_STEPS
    x, y = np.meshgrid(line, line)
    table = distance(shape, x, y).astype(np.float32)
    table.setflags(write=False)
    return table


def _corners_path(corners: tuple[Point, ...]) -> str:
    return "M" + " L".join(f"{x:g},{y:g}" for x, y in corners) + " Z"


def _circle_path(radius: float, *, sweep: int) -> str:
    r = f"{radius:g}"
    return f"M{r},0 A{r},{r} 0 1 {sweep} -{r},0 A{r},{r} 0 1 {sweep} {r},0 Z"


def _heart_path() -> str:
    (tx, ty), r = _HEART_TANGENT, _HEART_R
    arc = f"A{r:g},{r:g} 0 1 0"
    return f"M0,{_HEART_TIP:g} L{tx:g},{ty:g} {arc} 0,{_HEART_NOTCH:g} {arc} {-tx:g},{ty:g} Z"


def _crescent_path() -> str:
    x, y = _MOON_TIP
    return f"M{x:g},{-y:g} A{_MOON_R:g},{_MOON_R:g} 0 1 0 {x:g},{y:g} A{_BITE_R:g},{_BITE_R:g} 0 1 1 {x:g},{-y:g} Z"


#: SVG path data of each shape in the unit box, for editors: fill rule nonzero.
OUTLINES: Mapping[str, str] = {
    **{name: _corners_path(corners) for name, corners in _POLYGONS.items()},
    "circle": _circle_path(0.5, sweep=1),
    "heart": _heart_path(),
    # The inner circle runs the other way round, so that the hole stays a hole under either fill rule.
    "ring": _circle_path(0.5, sweep=1) + " " + _circle_path(_RING_INNER, sweep=0),
    "crescent": _crescent_path(),
}
