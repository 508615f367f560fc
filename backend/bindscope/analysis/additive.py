"""Additive models of scene embeddings (docs/methods/decompositions.md): z = m + sum over objects of u(o), or of
concept vectors.

Five estimators, each at level 1 (object vectors) and level 2 (concept vectors, u(o) = sum over concepts of u_k(c_k)):

- ``avg`` conditional means minus the mean, slots pooled (a scene of two equal objects counts twice);
- ``avg_pos`` the same for each slot;
- ``single`` embeddings of scenes of one object;
- ``lstsq``, ``lstsq_pos`` exact least squares from the normal equations, pooled or for each slot.

The sum is never scaled by the number of objects. In a full factorial design the other objects average out, so a
conditional mean minus the mean *is* the object's vector: there ``avg_pos`` equals ``lstsq_pos``, and ``avg`` equals
``lstsq``. Where objects depend on each other (no two alike, say) the averages are biased and least squares is not.

Slots may trade constants without changing any sum. One choice is fixed: over the occurrences in the fitted scenes,
each table of vectors has mean zero. A part that never occurred has the vector zero, the average part.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.incidence import (
    Level,
    blocks,
    checked_embeddings,
    incidence,
    mean_of,
    pseudo_inverse,
)
from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.core.specs import ESTIMATORS, Estimator
from bindscope.scenes.labels import SceneLabels

#: Embeddings [scene, dim] and labels of scenes of one object each.
Singles = tuple[ArrayLike, SceneLabels]


@dataclass(frozen=True, eq=False)
class SceneShares:
    """Shares of |z - m|^2; each row of ``objects`` and ``residual`` together sums to one.

    ``objects`` [scene, slot]; ``concepts`` [scene, slot, concept], which sum to ``objects`` (None at level 1);
    ``residual`` [scene]. A part explains <part, z - m> / |z - m|^2: less than zero where it points away from the scene.
    Where z = m there is nothing to explain: the residual is one.
    """

    objects: NDArray[np.float64]
    concepts: NDArray[np.float64] | None
    residual: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AdditiveModel:
    """``mean`` [dim] and part ``vectors`` [column, dim], ``seen`` [column]; columns as in ``incidence``."""

    estimator: Estimator
    level: Level
    mean: NDArray[np.float64]
    vectors: NDArray[np.float64]
    seen: NDArray[np.bool_]
    values: tuple[int, ...]
    tables: int

    @property
    def positional(self) -> bool:
        """Whether each slot has vectors of its own."""
        return self.estimator in ("avg_pos", "lstsq_pos")

    @property
    def objects(self) -> NDArray[np.float64]:
        """Object vectors [slot or 1, object, dim]; at level 2 the sums of their concept vectors."""
        shape = (self.tables, -1, len(self.mean))
        if self.level == 1:
            return self.vectors.reshape(shape)
        grid = np.indices(self.values).reshape(len(self.values), -1)
        parts = [table[:, ids] for table, ids in zip(self.concepts, grid, strict=True)]
        return np.asarray(sum(parts[1:], parts[0]))

    @property
    def concepts(self) -> tuple[NDArray[np.float64], ...]:
        """Level 2: vectors [slot or 1, value, dim] of each concept. Raises InvalidInput at level 1."""
        if self.level == 1:
            raise InvalidInput("A level 1 model has object vectors only: fit level 2 for concept vectors.")
        tables = self.vectors.reshape(self.tables, sum(self.values), -1)
        return tuple(np.split(tables, np.cumsum(self.values)[:-1], axis=1))

    def columns(self, labels: SceneLabels) -> NDArray[np.int64]:
        """Columns [scene, term] of scenes. Raises InvalidInput for another space or number of slots."""
        if labels.values != self.values or (self.positional and labels.slots != self.tables):
            raise InvalidInput(
                f"This model is of scenes with values {self.values}"
                + (f" and {self.tables} slots" if self.positional else "")
                + f", got values {labels.values} and {labels.slots} slots."
            )
        return incidence(labels, level=self.level, positional=self.positional).columns

    def knows(self, labels: SceneLabels) -> NDArray[np.bool_]:
        """Scenes all of whose parts occurred in the fitted scenes: [scene]."""
        return np.asarray(self.seen[self.columns(labels)].all(1))

    def reconstruct(self, labels: SceneLabels) -> NDArray[np.float64]:
        """Mean plus the part vectors of each scene: [scene, dim]."""
        return self.sum_of(self.columns(labels))

    def sum_of(self, columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Mean plus the vectors of columns [scene, term]: [scene, dim]."""
        out = np.tile(self.mean, (len(columns), 1))
        for term in columns.T:
            out += self.vectors[term]
        return out

    def shares(self, embeddings: ArrayLike, labels: SceneLabels) -> SceneShares:
        """What each part of each scene explains of embeddings [scene, dim]."""
        rows = np.asarray(embeddings, dtype=np.float64)
        columns = self.columns(labels)
        if rows.shape != (len(labels), len(self.mean)):
            raise InvalidInput(
                f"Embeddings must be [scene, dim] = {[len(labels), len(self.mean)]}, got {list(rows.shape)}."
            )
        parts, total = np.zeros(columns.shape), np.zeros(len(rows))
        for block in blocks(len(rows)):
            centred = rows[block] - self.mean
            total[block] = (centred**2).sum(1)
            for term, column in enumerate(columns[block].T):
                parts[block, term] = (self.vectors[column] * centred).sum(1)
        parts = np.divide(parts, total[:, None], out=np.zeros_like(parts), where=total[:, None] > 0)
        by_concept = parts.reshape(len(rows), labels.slots, -1)
        return SceneShares(by_concept.sum(2), by_concept if self.level == 2 else None, 1.0 - parts.sum(1))


def fit_additive(
    embeddings: ArrayLike,
    labels: SceneLabels,
    *,
    estimator: Estimator,
    level: Level = 1,
    singles: Singles | None = None,
) -> AdditiveModel:
    """Fits on all given scenes, embeddings [scene, dim].

    ``singles`` are scenes of one object, which the estimator ``single`` needs. Raises InvalidInput without them, for
    inputs that do not fit together, and where least squares would be too large.
    """
    if estimator not in ESTIMATORS:
        raise UnknownName("estimator", estimator, ESTIMATORS)
    if level not in (1, 2):
        raise InvalidInput(f"level must be 1 (objects) or 2 (concepts), got {level}.")
    rows = checked_embeddings(embeddings, labels)
    found = incidence(labels, level=level, positional=estimator in ("avg_pos", "lstsq_pos"))
    mean, counts = mean_of(rows), found.counts
    if estimator == "single":
        vectors, seen = _from_singles(singles, labels, counts, level=level, dim=rows.shape[1])
    else:
        sums, seen = found.sums(rows, mean), counts > 0
        vectors = np.zeros_like(sums)
        if estimator in ("avg", "avg_pos"):
            vectors[seen] = sums[seen] / counts[seen, None]
        else:
            used = np.flatnonzero(seen)
            vectors[used] = pseudo_inverse(found.gram(used)) @ sums[used]
    _centre_tables(vectors, counts * seen, seen=seen, starts=found.starts)
    return AdditiveModel(estimator, level, mean, vectors, seen, labels.values, found.tables)


def _from_singles(
    singles: Singles | None, labels: SceneLabels, counts: NDArray[np.float64], *, level: Level, dim: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean embedding of the single-object scenes with each object or value, and which have one."""
    if singles is None or not len(singles[1]):
        raise InvalidInput("The estimator 'single' needs embeddings of single-object scenes: add them or use avg_pos.")
    alone = singles[1]
    if alone.slots != 1 or alone.values != labels.values:
        raise InvalidInput("Single-object scenes must have one object each, of the same concepts as the scenes.")
    rows = np.asarray(singles[0])
    if rows.shape != (len(alone), dim) or not np.isfinite(rows).all():
        raise InvalidInput(
            f"Embeddings of single-object scenes must be finite, [scene, {dim}], got {list(rows.shape)}."
        )
    found = incidence(alone, level=level, positional=False)
    seen = found.counts > 0
    if not (counts * seen).any():
        raise InvalidInput("No object of the single-object scenes occurs in the scenes: they cannot explain them.")
    vectors = found.sums(rows, mean_of(rows))
    vectors[seen] /= found.counts[seen, None]
    return vectors, seen


def _centre_tables(
    vectors: NDArray[np.float64], weights: NDArray[np.float64], *, seen: NDArray[np.bool_], starts: NDArray[np.int64]
) -> None:
    """Takes the weighted mean out of the seen rows of each table, in place."""
    for first, last in pairwise(starts):
        weight, known = weights[first:last], seen[first:last]
        if weight.any():
            table = vectors[first:last]
            table[known] -= weight @ table / weight.sum()
