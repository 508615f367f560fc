"""Targeted removal (METHODS section 5): take the concept part or the object part out of the embeddings, probe again.

The parts are least squares fits for each slot, on the probes' own training scenes only: fitted on the scored scenes as
well, a removal takes their noise along and pushes recognition below chance. As controls the parts of *other* concept
values or objects are taken out: one permutation for each, shared by the slots, in which nothing keeps its place where
that can be (published permutations may leave some in place).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.additive import AdditiveModel, fit_additive
from bindscope.analysis.incidence import blocks, checked_embeddings
from bindscope.analysis.metrics import Interval
from bindscope.analysis.probes import ProbeFit
from bindscope.analysis.readings import chance_intervals, recognition_with
from bindscope.analysis.splits import split_scenes
from bindscope.domain.labels import SceneLabels
from bindscope.domain.specs import RemovalSpec

VARIANTS = ("original", "minus_concepts", "minus_objects", "permuted_concepts", "permuted_objects")


@dataclass(frozen=True, eq=False)
class RemovalResult:
    """Held-out recognition of each of the VARIANTS, chance on the same scenes, and the rows of the split."""

    variants: dict[str, dict[str, Interval]]
    chance: dict[str, Interval]
    train: NDArray[np.int64]
    test: NDArray[np.int64]

    @property
    def train_scenes(self) -> int:
        return len(self.train)

    @property
    def test_scenes(self) -> int:
        return len(self.test)


def remove_parts(
    embeddings: ArrayLike, labels: SceneLabels, spec: RemovalSpec, *, probe_fit: ProbeFit
) -> RemovalResult:
    """Probes embeddings [scene, dim] and four variants; ``probe_fit`` is called on the training scenes of each.

    Raises InvalidInput as ``fit_additive`` does and for fewer than two training or held-out scenes.
    """
    rows = checked_embeddings(embeddings, labels)
    train, test = split_scenes(labels, train_ratio=spec.train_ratio, seed=spec.seed)
    learned, held_out = labels.take(train), labels.take(test)
    variants: dict[str, dict[str, Interval]] = {}
    for name in VARIANTS:
        left = variant(rows, labels, name, train=train, seed=spec.seed)
        variants[name] = recognition_with(probe_fit(left[train], learned), left[test], held_out)
    return RemovalResult(variants, chance_intervals(held_out), train, test)


def variant(
    embeddings: ArrayLike, labels: SceneLabels, name: str, *, train: NDArray[np.int64], seed: int
) -> NDArray[np.floating]:
    """One of the VARIANTS of embeddings [scene, dim], the parts fitted on rows ``train``; the mean stays."""
    rows = np.asarray(embeddings)
    if name == "original":
        return rows
    level = 2 if name.endswith("concepts") else 1
    model = fit_additive(rows[train], labels.take(train), estimator="lstsq_pos", level=2 if level == 2 else 1)
    if name.startswith("permuted"):
        model = permuted(model, seed=seed)
    columns, out = model.columns(labels), np.empty(rows.shape)
    for block in blocks(len(rows)):
        out[block] = rows[block] - (model.sum_of(columns[block]) - model.mean)
    return out


def permuted(model: AdditiveModel, *, seed: int) -> AdditiveModel:
    """The model with the vectors of each table dealt out anew: no seen object (or value) keeps its own.

    One cycle runs through all that were seen in any slot, the same in every slot; a single one stays.
    """
    rng = np.random.default_rng(seed)
    sizes = [int(np.prod(model.values))] if model.level == 1 else list(model.values)
    seen = model.seen.reshape(model.tables, -1)
    source, first = np.arange(seen.shape[1]), 0
    for size in sizes:
        known = first + rng.permutation(np.flatnonzero(seen[:, first : first + size].any(0)))
        source[known] = np.roll(known, 1)
        first += size
    vectors = model.vectors.reshape(model.tables, seen.shape[1], -1)[:, source]
    return replace(model, vectors=vectors.reshape(model.vectors.shape), seen=seen[:, source].reshape(-1))
