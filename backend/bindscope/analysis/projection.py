"""Maps of embeddings in two or three dimensions, on which new points can be placed.

``pca`` is exact; ``mds`` keeps cosine distances as well as it can (metric, SMACOF, started from the principal
components); ``umap`` keeps neighbourhoods. Vectors are scaled to length one first, so that all three see cosines.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.metrics import unit
from bindscope.core.errors import InvalidInput

Array = NDArray[np.float64]
Method = Literal["umap", "pca", "mds"]

#: Distances of so many points fit into memory and time.
MOST_MDS = 2000
_ITERATIONS, _TOLERANCE = 300, 1e-6
_NEIGHBOURS = 15


@dataclass(frozen=True, eq=False)
class Projection:
    """``points`` [item, dims]. ``explained``: share of the variance on each axis (pca); ``stress``: what distances
    on the map differ from those of the vectors, as a share of them (mds). ``place`` maps vectors [item, dim] of new
    items to [item, dims]."""

    points: Array
    explained: list[float] | None
    stress: float | None
    place: Callable[[ArrayLike], Array] = field(repr=False)


def project(vectors: ArrayLike, *, method: Method, dims: int, seed: int) -> Projection:
    """A map of ``vectors`` [item, dim]; the same input and seed give the same map.

    Raises InvalidInput for fewer items than dims + 2, for more than a method can take, and for vectors that UMAP cannot
    place.
    """
    rows = unit(vectors)
    if len(rows) < dims + 2:
        raise InvalidInput(f"A map in {dims} dimensions needs at least {dims + 2} scenes, got {len(rows)}.")
    if method == "pca":
        return _pca(rows, dims)
    if method == "mds":
        return _mds(rows, dims)
    return _umap(rows, dims, seed)


def _pca(rows: Array, dims: int) -> Projection:
    mean = rows.mean(0)
    axes, spread = _axes(rows - mean, dims)
    total = float(((rows - mean) ** 2).sum())
    shares = [float(own) / total if total > 0 else 0.0 for own in spread]
    return Projection((rows - mean) @ axes.T, shares, None, lambda new: (unit(new) - mean) @ axes.T)


def _axes(centred: Array, dims: int) -> tuple[Array, Array]:
    """The widest directions [dims, dim] and the sums of squares on them; signs are fixed by the largest entry."""
    if centred.shape[0] < centred.shape[1]:
        square, turn = np.linalg.eigh(centred @ centred.T)
        axes = (centred.T @ turn[:, ::-1][:, :dims]).T
        length = np.linalg.norm(axes, axis=1, keepdims=True)
        axes = np.divide(axes, length, out=np.zeros_like(axes), where=length > 0)
    else:
        square, turn = np.linalg.eigh(centred.T @ centred)
        axes = turn[:, ::-1][:, :dims].T
    if len(axes) < dims:
        axes = np.concatenate([axes, np.zeros((dims - len(axes), centred.shape[1]))])
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], axis=1)
    spread = np.maximum(np.concatenate([square[::-1], np.zeros(dims)])[:dims], 0.0)
    return axes * np.where(largest < 0, -1.0, 1.0), spread


def _distances(one: Array, other: Array) -> Array:
    out: Array = 1.0 - np.clip(one @ other.T, -1.0, 1.0)
    return out


def _mds(rows: Array, dims: int) -> Projection:
    if len(rows) > MOST_MDS:
        raise InvalidInput(
            f"MDS compares every pair, so it takes at most {MOST_MDS:,} scenes, got {len(rows):,}: "
            "ask for a smaller limit, or another method."
        )
    wanted = _distances(rows, rows)
    start = _pca(rows, dims).points
    points = _scaled(start, wanted)
    before = np.inf
    for _ in range(_ITERATIONS):
        points, stress = _majorised(points, wanted)
        if before - stress < _TOLERANCE * max(stress, 1e-30):
            break
        before = stress
    size = float((wanted**2).sum())
    share = float(np.sqrt(stress / size)) if size > 0 else 0.0
    return Projection(points, None, share, lambda new: _settled(_distances(unit(new), rows), points))


def _scaled(points: Array, wanted: Array) -> Array:
    """The start in the units of the distances."""
    found = _gaps(points, points)
    size = float((found**2).sum())
    return points * (float((found * wanted).sum()) / size if size > 0 else 1.0)


def _gaps(one: Array, other: Array) -> Array:
    square = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T
    out: Array = np.sqrt(np.maximum(square, 0.0))
    return out


def _majorised(points: Array, wanted: Array) -> tuple[Array, float]:
    """One step of SMACOF (the Guttman transform), and the stress before it."""
    found = _gaps(points, points)
    ratio = np.divide(wanted, found, out=np.zeros_like(found), where=found > 1e-12)
    moved = (points * ratio.sum(1)[:, None] - ratio @ points) / len(points)
    return moved, float(((found - wanted) ** 2).sum())


def _settled(wanted: Array, points: Array) -> Array:
    """Places for new items from their distances [new, item] to those on the map, started at the nearest one."""
    own = points[wanted.argmin(1)] + 1e-9
    for _ in range(_ITERATIONS):
        found = _gaps(own, points)
        ratio = np.divide(wanted, found, out=np.zeros_like(found), where=found > 1e-12)
        moved = points.mean(0) + (own * ratio.sum(1)[:, None] - ratio @ points) / len(points)
        if np.abs(moved - own).max() < _TOLERANCE:
            break
        own = moved
    return np.asarray(own)


def _umap(rows: Array, dims: int, seed: int) -> Projection:
    if rows.shape[1] < dims:
        raise InvalidInput(f"UMAP makes no {dims} dimensions of vectors of fewer numbers: choose pca.")
    import warnings

    with warnings.catch_warnings():
        # Compiled code of its dependencies warns about how it is built.
        warnings.simplefilter("ignore")
        from umap import UMAP

        fitted: Any = UMAP(
            n_components=dims,
            n_neighbors=min(_NEIGHBOURS, len(rows) - 1),
            metric="cosine",
            init="pca",
            random_state=seed,
            transform_seed=seed,
            n_jobs=1,
        )
        points = np.asarray(fitted.fit_transform(rows.astype(np.float32)), dtype=np.float64)
    if not np.isfinite(points).all():
        raise InvalidInput("UMAP finds no place for some of these vectors, which differ too little: choose pca.")

    def place(new: ArrayLike) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(fitted.transform(unit(new).astype(np.float32)), dtype=np.float64)

    return Projection(points, None, None, place)
