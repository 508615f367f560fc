"""The principal axes of training scenes that a ridge probe may read: those in which more than rounding is seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.precision import rounding_noise
from bindscope.core import cancellation

Array = NDArray[np.float64]

#: Scenes that are turned into float64 at a time.
BLOCK = 8192
#: Spread of the training scenes, against their size, below which all vectors are equal.
_CONSTANT = 1e-7
_RANK = 1e-13


@dataclass(frozen=True, eq=False)
class Axes:
    """Centred and scaled rows A = (x - mean) / top in their principal axes: A'A = V diag(w) V'."""

    mean: Array
    top: float
    w: Array
    V: Array

    @property
    def unit(self) -> float:
        """The mean eigenvalue, dropped ones counted: the unit of strengths."""
        return float(self.w.sum()) / self._full

    _full: int

    def coordinates(self, rows: NDArray[np.floating]) -> Array:
        """U [scene, axis], orthonormal columns over all training scenes."""
        out: Array = ((rows.astype(np.float64) - self.mean) / self.top) @ (self.V / np.sqrt(self.w))
        return out


def axes_of(rows: NDArray[np.floating]) -> Axes | None:
    """None where all vectors are equal but for rounding; axes in which only rounding is seen are left out."""
    mean = rows.mean(0, dtype=np.float64)
    top = max(float(np.abs(rows[at : at + BLOCK] - mean).max(initial=0.0)) for at in range(0, len(rows), BLOCK))
    if top <= _CONSTANT * max(float(np.abs(rows).max(initial=0.0)), 1e-300):
        return None
    count, dim = rows.shape
    noise = count * (rounding_noise(rows) / top) ** 2
    if count <= dim:
        centred = (rows.astype(np.float64) - mean) / top
        w, U = np.linalg.eigh(centred @ centred.T)
        keep = w > max(w.max() * _RANK * dim, noise)
        if not keep.any():
            return None
        return Axes(mean, top, w[keep], centred.T @ U[:, keep] / np.sqrt(w[keep]), count)
    square = np.zeros((dim, dim))
    for at in range(0, count, BLOCK):
        cancellation.check()
        part = (rows[at : at + BLOCK].astype(np.float64) - mean) / top
        square += part.T @ part
    w, V = np.linalg.eigh(square)
    keep = w > max(w.max() * _RANK * count, noise)
    return Axes(mean, top, w[keep], V[:, keep], dim) if keep.any() else None
