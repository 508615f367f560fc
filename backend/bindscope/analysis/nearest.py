"""Exact retrieval among scene embeddings: is the right scene the nearest one by cosine?

A scene is the *ordered* tuple of its objects; copies of one scene are all right. A lead of at most RESOLUTION over
the best wrong scene is a tie, and a tie is not right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.incidence import blocks
from bindscope.analysis.metrics import unit
from bindscope.analysis.verdict import RESOLUTION
from bindscope.core import cancellation
from bindscope.scenes.labels import SceneLabels

#: Cosines that are held at a time, unless the scenes are so many that this would be too few queries.
_COSINES, _QUERIES = 1 << 20, 256
#: Leads that float32 cannot be trusted to tell from a tie are computed again.
_DOUBTFUL = 1e-4


class SceneGroups:
    """Scenes of equal ordered objects, as groups that are numbered from 0.

    ``group`` [scene]; ``count`` groups; ``sizes`` [group]; ``copies``: some group has more than one scene. Scenes
    of any number of objects are found slot by slot, without packing them into one integer.
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
        self.copies = self.count < len(labels)
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
class Term:
    """``sign`` * ``table`` [row, dim] at ``index`` [query]."""

    sign: int
    table: NDArray[np.floating]
    index: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SceneSearch:
    """``directions`` float32 [scene, dim], unit length (a zero embedding stays zero), and the groups of the scenes."""

    directions: NDArray[np.float32]
    groups: SceneGroups

    def retrieve(self, queries: NDArray[np.floating], goals: NDArray[np.int64]) -> Retrieval:
        """Searches all scenes for queries [query, dim], whose right answers are the groups ``goals`` [query].

        The scan is in float32; where the best right and the best wrong scene are close, they are compared in float64.
        """
        found = [
            self._judge(_directions(queries[part]) @ self.directions.T, queries[part], goals=goals[part])
            for part in self._steps(len(queries))
        ]
        return _joined(found)

    def retrieve_sums(self, terms: Sequence[Term], goals: NDArray[np.int64]) -> Retrieval:
        """The same for queries that are sums of terms, sign times table[index]; their tables are searched only once."""
        count, rows = len(goals), sum(len(table) for table in {id(t.table): t.table for t in terms}.values())
        if rows > count or any(not _moderate(term.table) for term in terms):
            return self.retrieve(np.asarray(sum(t.sign * t.table[t.index] for t in terms)), goals)
        known = {id(t.table): t.table @ self.directions.T for t in terms}
        found = []
        for part in self._steps(count):
            cancellation.check()
            queries = _sum_of([(t.sign, t.table, t.index[part]) for t in terms])
            products = _sum_of([(t.sign, known[id(t.table)], t.index[part]) for t in terms])
            length = np.sqrt(np.einsum("qd,qd->q", queries, queries))[:, None]
            cosines = np.divide(products, length, out=np.zeros_like(products), where=length > 0)
            found.append(self._judge(cosines, queries, goals=goals[part]))
        return _joined(found)

    def _steps(self, count: int) -> list[slice]:
        step = max(_QUERIES, _COSINES // max(1, len(self.directions)))
        return [slice(first, first + step) for first in range(0, count, step)]

    def _judge(
        self, cosines: NDArray[np.float32], queries: NDArray[np.floating], *, goals: NDArray[np.int64]
    ) -> Retrieval:
        """Compares right and wrong scenes under cosines [query, scene], which are used up."""
        rows = np.arange(len(queries))
        own = self._best_member(cosines, goals) if self.groups.copies else self.groups.first(goals)
        best = cosines[rows, own]
        self._hide(cosines, goals)
        wrong = cosines.argmax(1)
        lead = (best - cosines[rows, wrong]).astype(np.float64)
        close = np.flatnonzero(np.abs(lead) < _DOUBTFUL)
        if len(close):
            # Rounding of a direction to float32 errs in all directions: some 1e-8 of a cosine.
            right, other = unit(self.directions[own[close]]), unit(self.directions[wrong[close]])
            lead[close] = np.einsum("qd,qd->q", unit(queries[close]), right - other)
        return Retrieval(np.asarray(lead > RESOLUTION), np.where(np.isinf(lead), -1, wrong), lead)

    def _hide(self, cosines: NDArray[np.float32], goals: NDArray[np.int64]) -> None:
        """Takes the right scenes of each query out of the search, in place."""
        members, _ = self.groups.members(goals)
        cosines[np.repeat(np.arange(len(goals)), self.groups.sizes[goals]), members] = -np.inf

    def _best_member(self, cosines: NDArray[np.float32], goals: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first of the nearest right scenes of each query."""
        members, start = self.groups.members(goals)
        owner = np.repeat(np.arange(len(goals)), self.groups.sizes[goals])
        own = cosines[owner, members]
        place = np.flatnonzero(own == np.maximum.reduceat(own, start)[owner])
        return members[place[np.unique(owner[place], return_index=True)[1]]]

    def top(self, query: NDArray[np.floating], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The ``k`` scenes nearest to one query [dim] and their cosines; equal cosines go by the lower scene."""
        cosines = np.clip((unit(query).astype(np.float32) @ self.directions.T).astype(np.float64), -1.0, 1.0)
        order = np.argsort(-cosines, kind="stable")[:k]
        return order, cosines[order]


def _joined(found: Sequence[Retrieval]) -> Retrieval:
    if not found:
        return Retrieval(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64), np.zeros(0))
    return Retrieval(*(np.concatenate([getattr(f, name) for f in found]) for name in ("right", "wrong", "margin")))


def _sum_of(terms: Sequence[tuple[int, NDArray[np.floating], NDArray[np.int64]]]) -> NDArray[np.float32]:
    (sign, table, index), *rest = terms
    out = table[index] if sign > 0 else -table[index]
    for sign, table, index in rest:
        if sign > 0:
            out += table[index]
        else:
            out -= table[index]
    return out.astype(np.float32, copy=False)


def _moderate(table: NDArray[np.floating]) -> bool:
    """Whether sums of products stay well inside float32."""
    return table.dtype == np.float32 and float(np.abs(table).max(initial=0.0)) < 1e12


def _directions(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows of unit length in float32; in one pass where squares in float32 neither overflow nor vanish."""
    if vectors.dtype == np.float32:
        square = np.einsum("qd,qd->q", vectors, vectors)
        if np.isfinite(square).all() and (square > 1e-20).all():
            scaled: NDArray[np.float32] = vectors / np.sqrt(square)[:, None]
            return scaled
    return unit(vectors).astype(np.float32)


def search_among(embeddings: ArrayLike, labels: SceneLabels) -> SceneSearch:
    """Prepares exact search among embeddings [scene, dim]."""
    rows = np.asarray(embeddings)
    directions = np.empty(rows.shape, dtype=np.float32)
    for block in blocks(len(rows)):
        directions[block] = _directions(rows[block])
    return SceneSearch(directions, SceneGroups(labels))
