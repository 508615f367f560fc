"""Exact retrieval among scene embeddings: is the right scene the nearest one by cosine?

A scene is the *ordered* tuple of its objects; copies of one scene are all right. A lead of at most RESOLUTION over
the best wrong scene is a tie, and a tie is not right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.incidence import blocks
from bindscope.analysis.metrics import unit
from bindscope.analysis.verdict import RESOLUTION
from bindscope.domain.labels import SceneLabels

#: Cosines that are held at a time.
_COSINES = 1 << 24


class SceneGroups:
    """Scenes of equal ordered objects, as groups that are numbered from 0.

    ``group`` [scene]; ``count`` groups; ``sizes`` [group]. Finds scenes of any number of objects without packing them
    into one integer, slot by slot.
    """

    def __init__(self, labels: SceneLabels) -> None:
        self._objects = labels.object_count
        self._steps: list[NDArray[np.int64]] = []
        code = np.zeros(len(labels), dtype=np.int64)
        for slot in labels.object_ids.T:
            known, code = np.unique(code * self._objects + slot, return_inverse=True)
            self._steps.append(known)
        self.group: NDArray[np.int64] = code
        self.count = len(self._steps[-1])
        self.sizes: NDArray[np.int64] = np.bincount(code, minlength=self.count)
        self._members: NDArray[np.int64] = np.argsort(code, kind="stable")
        self._first: NDArray[np.int64] = np.cumsum(self.sizes) - self.sizes

    def find(self, object_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Group of each scene given by its object ids [scene, slot]; -1 where there is no such scene."""
        code = np.zeros(len(object_ids), dtype=np.int64)
        missing = np.zeros(len(object_ids), dtype=bool)
        for slot, known in zip(object_ids.T, self._steps, strict=True):
            wanted = code * self._objects + slot
            code = np.minimum(np.searchsorted(known, wanted), max(0, len(known) - 1))
            missing |= known[code] != wanted
        return np.where(missing, -1, code)

    def first(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """The lowest scene of each group."""
        return self._members[self._first[groups]]

    def members(self, groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All scenes of each group, one after the other, and where each group starts."""
        sizes = self.sizes[groups]
        start = np.cumsum(sizes) - sizes
        within = np.arange(int(sizes.sum())) - np.repeat(start, sizes)
        return self._members[np.repeat(self._first[groups], sizes) + within], start


@dataclass(frozen=True, eq=False)
class Retrieval:
    """For each query: whether its scene is strictly nearest, and the nearest wrong scene (-1: none) and the margin."""

    right: NDArray[np.bool_]
    wrong: NDArray[np.int64]
    margin: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SceneSearch:
    """``directions`` float32 [scene, dim], unit length (a zero embedding stays zero), and the groups of the scenes."""

    directions: NDArray[np.float32]
    groups: SceneGroups

    def retrieve(self, queries: NDArray[np.floating], goals: NDArray[np.int64]) -> Retrieval:
        """Searches all scenes for queries [query, dim], whose right answers are the groups ``goals`` [query].

        The scan is in float32; the best right and the best wrong scene are then compared in float64.
        """
        step = max(1, _COSINES // max(1, len(self.directions)))
        right, wrong, margin = [], [], []
        for first in range(0, len(queries), step):
            part = self._retrieve(unit(queries[first : first + step]), goals[first : first + step])
            right.append(part.right)
            wrong.append(part.wrong)
            margin.append(part.margin)
        if not right:
            return Retrieval(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64), np.zeros(0))
        return Retrieval(np.concatenate(right), np.concatenate(wrong), np.concatenate(margin))

    def _retrieve(self, queries: NDArray[np.float64], goals: NDArray[np.int64]) -> Retrieval:
        cosines = queries.astype(np.float32) @ self.directions.T
        members, start = self.groups.members(goals)
        rows = np.arange(len(queries))
        owner = np.repeat(rows, self.groups.sizes[goals])
        own = cosines[owner, members]
        best = np.maximum.reduceat(own, start)
        # The first member that reaches the best cosine of its group.
        place = np.flatnonzero(own == best[owner])
        best_member = members[place[np.unique(owner[place], return_index=True)[1]]]
        cosines[owner, members] = -np.inf
        wrong = cosines.argmax(1)
        alone = ~np.isfinite(cosines[rows, wrong])
        lead = self._exact(queries, best_member) - self._exact(queries, wrong)
        margin = np.where(alone, np.inf, lead)
        return Retrieval(np.asarray(margin > RESOLUTION), np.where(alone, -1, wrong), margin)

    def _exact(self, queries: NDArray[np.float64], scenes: NDArray[np.int64]) -> NDArray[np.float64]:
        # Rounding of a direction to float32 errs in all directions: some 1e-8 of a cosine.
        found: NDArray[np.float64] = np.einsum("qd,qd->q", queries, unit(self.directions[scenes]))
        return found

    def top(self, query: NDArray[np.floating], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The ``k`` scenes nearest to one query [dim] and their cosines; equal cosines go by the lower scene."""
        cosines = np.clip((unit(query).astype(np.float32) @ self.directions.T).astype(np.float64), -1.0, 1.0)
        order = np.argsort(-cosines, kind="stable")[:k]
        return order, cosines[order]


def search_among(embeddings: ArrayLike, labels: SceneLabels) -> SceneSearch:
    """Prepares exact search among embeddings [scene, dim]."""
    rows = np.asarray(embeddings)
    directions = np.empty(rows.shape, dtype=np.float32)
    for block in blocks(len(rows)):
        directions[block] = unit(rows[block])
    return SceneSearch(directions, SceneGroups(labels))
