"""Object vectors for interventions, and the same without the scenes of an edit.

A table that holds the scene to edit, or the scene that it should become, has seen the answer: the edit then carries a
share of the goal's own embedding. Both scenes (with all their copies) are left out in closed form, for averages by
taking them out of the sums, for least squares by the update of Sherman, Morrison and Woodbury.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.additive import AdditiveModel, Singles, fit_additive
from bindscope.analysis.incidence import Incidence, checked_embeddings, incidence, pseudo_inverse
from bindscope.analysis.nearest import SceneGroups
from bindscope.core.specs import Estimator
from bindscope.scenes.labels import SceneLabels

#: A leverage this close to one means that a scene alone carries some part: without it nothing is known.
_SINGULAR = 1e-9
_ESTIMABLE = 1e-6


@dataclass(frozen=True, eq=False)
class Shifts:
    """What to add to an embedding: ``vectors`` [edit, dim], and whether both object vectors are known [edit]."""

    vectors: NDArray[np.floating]
    supported: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ObjectVectors:
    """Object vectors (level 1) of scenes, with what leaving scenes out takes.

    ``rows`` are the embeddings [scene, dim]; ``table`` [column, dim] and ``centre`` [dim] are the model's vectors and
    mean in the precision of the rows. For least squares, ``inverse`` [used, used] is the pseudo-inverse of the normal
    equations, ``estimable`` [used, used] the projection on what they determine, ``place`` [column] the row of a column
    in both.
    """

    model: AdditiveModel
    rows: NDArray[np.floating]
    table: NDArray[np.floating]
    centre: NDArray[np.floating]
    incidence: Incidence
    groups: SceneGroups
    place: NDArray[np.int64]
    inverse: NDArray[np.float64] | None
    estimable: NDArray[np.float64] | None

    def columns(self, slots: NDArray[np.int64], objects: NDArray[np.int64]) -> NDArray[np.int64]:
        """Columns of objects [edit] in slots [edit]."""
        return objects + (slots * self.incidence.sizes[0] if self.model.positional else 0)

    def shift(self, slots: NDArray[np.int64], before: NDArray[np.int64], after: NDArray[np.int64]) -> Shifts:
        """u(after) - u(before) from all scenes; objects are ids [edit]."""
        minus, plus = self.columns(slots, before), self.columns(slots, after)
        known = self.model.seen[minus] & self.model.seen[plus]
        if self.estimable is not None:
            a, b, on = self.place[minus], self.place[plus], self.estimable
            # Objects that no chain of scenes connects differ by an unknown constant.
            known &= (minus == plus) | (on[a, a] + on[b, b] - 2 * on[a, b] > 2 - _ESTIMABLE)
        return Shifts(self.table[plus] - self.table[minus], known)

    def shift_without(
        self,
        slots: NDArray[np.int64],
        before: NDArray[np.int64],
        *,
        after: NDArray[np.int64],
        left_out: NDArray[np.int64],
    ) -> Shifts:
        """The same from all scenes but those of the groups ``left_out`` [edit, group], -1 for none (two at most)."""
        whole = self.shift(slots, before, after)
        if self.model.estimator == "single":
            return whole
        minus, plus = self.columns(slots, before), self.columns(slots, after)
        if self.inverse is None:
            down, known_down = self._average_without(minus, left_out)
            up, known_up = self._average_without(plus, left_out)
            return Shifts(up - down, whole.supported & known_down & known_up)
        correction, solvable = self._least_squares_without(minus, plus, left_out=left_out)
        return Shifts(whole.vectors - correction.astype(self.rows.dtype), whole.supported & solvable)

    def _mean_of(self, groups: NDArray[np.int64]) -> NDArray[np.floating]:
        """Mean of embedding - mean over the scenes of each group."""
        if not self.groups.copies:
            return self.rows[self.groups.first(groups)] - self.centre
        members, start = self.groups.members(groups)
        sums = np.add.reduceat(self.rows[members].astype(np.float64), start, axis=0)
        return (sums / self.groups.sizes[groups, None] - self.model.mean).astype(self.rows.dtype)

    def _average_without(
        self, columns: NDArray[np.int64], left_out: NDArray[np.int64]
    ) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
        """u + sum over groups of k (u - z) / (C - K): C occurrences, k of them in the group, K in all groups."""
        there = np.maximum(left_out, 0)
        own = self.incidence.columns[self.groups.first(there.reshape(-1))].reshape(*there.shape, -1)
        times = (own == columns[:, None, None]).sum(2) * self.groups.sizes[there] * (left_out >= 0)
        rest = self.incidence.counts[columns] - times.sum(1)
        out = self.table[columns]
        for number, groups in enumerate(there.T):
            some = np.flatnonzero((times[:, number] > 0) & (rest > 0))
            if len(some):
                moved = self.table[columns[some]] - self._mean_of(groups[some])
                moved *= (times[some, number] / rest[some]).astype(self.rows.dtype)[:, None]
                out[some] += moved
        return out, rest > 0

    def _least_squares_without(
        self, minus: NDArray[np.int64], plus: NDArray[np.int64], *, left_out: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """a' G+ U (D^-1 - U' G+ U)^-1 r: a = plus - minus, U the rows left out, D how many copies, r residuals."""
        assert self.inverse is not None
        there = np.maximum(left_out, 0)
        weight = np.sqrt(self.groups.sizes[there] * (left_out >= 0))  # [edit, out]
        own = self.incidence.columns[self.groups.first(there.reshape(-1))].reshape(*there.shape, -1)
        terms = self.place[own]  # [edit, out, term]
        reach = (
            self.inverse[self.place[plus][:, None, None], terms] - self.inverse[self.place[minus][:, None, None], terms]
        )
        meet = self.inverse[terms[:, :, None, :, None], terms[:, None, :, None, :]].sum((3, 4))
        kept = np.eye(there.shape[1]) - weight[:, :, None] * meet * weight[:, None, :]
        solvable = np.linalg.det(kept) > _SINGULAR
        kept[~solvable] = np.eye(there.shape[1])
        factor = np.linalg.solve(kept, (reach.sum(2) * weight)[:, :, None])[:, :, 0] * weight
        correction = np.zeros((len(minus), len(self.model.mean)))
        for out in range(there.shape[1]):
            fitted = self.model.vectors[own[:, out]].sum(1)
            correction += factor[:, out, None] * (self._mean_of(there[:, out]) - fitted)
        return correction, solvable


def fit_object_vectors(
    embeddings: ArrayLike, labels: SceneLabels, *, estimator: Estimator, singles: Singles | None = None
) -> ObjectVectors:
    """Object vectors from all scenes of embeddings [scene, dim]. Raises InvalidInput as ``fit_additive`` does."""
    rows = checked_embeddings(embeddings, labels)
    model = fit_additive(rows, labels, estimator=estimator, level=1, singles=singles)
    found = incidence(labels, level=1, positional=model.positional)
    place = np.zeros(found.count, dtype=np.int64)
    inverse = estimable = None
    if estimator in ("lstsq", "lstsq_pos"):
        used = np.flatnonzero(found.counts)
        place[used] = np.arange(len(used))
        gram = found.gram(used)
        inverse = pseudo_inverse(gram)
        estimable = inverse @ gram
    table, centre = model.vectors.astype(rows.dtype), model.mean.astype(rows.dtype)
    return ObjectVectors(model, rows, table, centre, found, SceneGroups(labels), place, inverse, estimable)
