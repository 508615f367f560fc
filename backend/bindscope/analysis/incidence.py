"""Which parts a scene is made of, as columns of a design matrix that is never written down.

A *part* is an object (level 1) or a concept value (level 2) in a slot; positional estimators keep one table of
vectors for each slot, the others share one among the slots. Sums over scenes and their normal equations need only
the columns of each scene, so that the work grows with scenes x dim and the memory with parts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.core.errors import InvalidInput
from bindscope.scenes.labels import SceneLabels

Level = Literal[1, 2]

#: Scenes that are turned into float64 at a time.
BLOCK = 8192
#: Most columns whose normal equations are solved: above, the eigenproblem takes minutes.
MAX_COLUMNS = 4096
#: Numbers beyond this could overflow once squared and summed.
_LARGEST = 1e60


@dataclass(frozen=True, eq=False)
class Incidence:
    """Columns [scene, term] of each scene in tables of ``sizes`` rows, ``tables`` times (1 or one for each slot).

    Terms go slot after slot, within a slot concept after concept (level 1: one term, the object).
    """

    columns: NDArray[np.int64]
    sizes: tuple[int, ...]
    tables: int

    @property
    def count(self) -> int:
        """All columns."""
        return sum(self.sizes) * self.tables

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First column of each table, and ``count``: slot after slot, within a slot concept after concept."""
        return np.cumsum([0, *(self.sizes * self.tables)])

    def take(self, rows: NDArray[np.int64]) -> "Incidence":
        """The incidence of some scenes."""
        return Incidence(self.columns[rows], self.sizes, self.tables)

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """How often each column occurs: [column]. Two equal objects in pooled slots count twice."""
        return np.bincount(self.columns.reshape(-1), minlength=self.count).astype(np.float64)

    def sums(self, embeddings: NDArray[np.floating], mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of embedding - ``mean`` over all occurrences of each column: [column, dim], in float64."""
        out = np.zeros((self.count, embeddings.shape[1]))
        for rows in blocks(len(self.columns)):
            centred = embeddings[rows].astype(np.float64)
            centred -= mean
            for column in self.columns[rows].T:
                order = np.argsort(column, kind="stable")
                ordered = column[order]
                first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
                out[ordered[first]] += np.add.reduceat(centred[order], first, axis=0)
        return out

    def gram(self, used: NDArray[np.int64]) -> NDArray[np.float64]:
        """How often two of the columns ``used`` meet in a scene: [used, used], the normal equations' matrix."""
        place = np.zeros(self.count, dtype=np.int64)
        place[used] = np.arange(len(used))
        columns, size = place[self.columns], len(used)
        out = np.zeros(size * size)
        for a in columns.T:
            for b in columns.T:
                out += np.bincount(a * size + b, minlength=size * size)
        return out.reshape(size, size)


def incidence(labels: SceneLabels, *, level: Level, positional: bool) -> Incidence:
    """The columns of every scene."""
    sizes = (labels.object_count,) if level == 1 else labels.values
    values = labels.object_ids[:, :, None] if level == 1 else labels.scenes
    within = np.cumsum([0, *sizes[:-1]])
    slot = np.arange(labels.slots) * (sum(sizes) if positional else 0)
    columns = (values + within + slot[:, None]).reshape(len(labels), -1)
    return Incidence(columns, sizes, labels.slots if positional else 1)


def pseudo_inverse(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moore-Penrose inverse of a matrix of counts: gives the solution of least norm where slots trade constants.

    Raises InvalidInput above MAX_COLUMNS.
    """
    if len(gram) > MAX_COLUMNS:
        raise InvalidInput(
            f"Least squares over {len(gram)} part vectors is too large (at most {MAX_COLUMNS}): "
            "use an averaging estimator (avg, avg_pos), or level 2."
        )
    square, turn = np.linalg.eigh(gram)
    kept = square > 1e-10 * square.max(initial=0.0)
    inverse: NDArray[np.float64] = (turn[:, kept] / square[kept]) @ turn[:, kept].T
    return inverse


def checked_embeddings(embeddings: ArrayLike, labels: SceneLabels) -> NDArray[np.floating]:
    """Embeddings [scene, dim] as floating point numbers, not copied where they are.

    Raises InvalidInput for other shapes, fewer than two scenes, and numbers that are not finite or that would overflow.
    """
    rows = np.asarray(embeddings)
    if rows.dtype.kind not in "fiub":
        raise InvalidInput(f"Embeddings must be real numbers, got {rows.dtype}.")
    if rows.ndim != 2 or rows.shape[1] < 1 or len(rows) != len(labels):
        raise InvalidInput(
            f"Embeddings must be [scene, dim] with one row for each of the {len(labels)} labelled scenes, "
            f"got {list(rows.shape)}."
        )
    if len(rows) < 2:
        raise InvalidInput(f"At least two scenes are needed, got {len(rows)}.")
    if rows.dtype.kind != "f":
        rows = rows.astype(np.float64)
    for part in blocks(len(rows)):
        largest = float(np.abs(rows[part]).max())
        if not np.isfinite(largest):
            raise InvalidInput("Embeddings hold NaN or infinite numbers: leave those scenes out.")
        if largest > _LARGEST:
            raise InvalidInput(f"Embeddings hold numbers as large as {largest:.3g}: scale them down.")
    return rows


def blocks(count: int) -> Iterator[slice]:
    """Slices of at most BLOCK rows that cover ``count`` rows."""
    for first in range(0, count, BLOCK):
        yield slice(first, min(first + BLOCK, count))


def mean_of(embeddings: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean over scenes in float64, block by block: [dim]."""
    total = np.zeros(embeddings.shape[1])
    for rows in blocks(len(embeddings)):
        total += embeddings[rows].sum(0, dtype=np.float64)
    return total / max(1, len(embeddings))
