"""Targeted removal: take the concept part or the object part out of the embeddings, and probe again.

The parts are least squares fits for each slot, on the probes' own training scenes only: fitted on the scored scenes as
well, a removal takes their noise along and pushes recognition below chance. The control takes out a random subspace of
as many dimensions as the removed part spans: it depends on no label, so it can not create what it leaves. The published
control takes out the vectors of *other* values or objects, which adds an additive signal that probes can read: it makes
a pure bag of concepts seem to bind. It is kept for reproduction.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.additive import AdditiveModel, fit_additive
from bindscope.analysis.binding import Binding, Pairs, StrictChance
from bindscope.analysis.held_out import (
    HeldOut,
    binding_of_held_out,
    chance_where_swaps,
    dealt_anew,
    derived_binding,
    held_out,
    recognition_of_held_out,
)
from bindscope.analysis.incidence import Level, blocks, checked_embeddings
from bindscope.analysis.metrics import Interval
from bindscope.analysis.probes import ProbeFit
from bindscope.analysis.readings import chance_intervals
from bindscope.analysis.splits import bag_splits
from bindscope.core.specs import RemovalSpec
from bindscope.scenes.labels import SceneLabels

Ids = NDArray[np.int64]

VARIANTS = (
    "original",
    "minus_concepts",
    "minus_objects",
    "random_subspace_concepts",
    "random_subspace_objects",
    "permuted_concepts",
    "permuted_objects",
)

#: Variants that labels help to make: only a control shows what of their binding is the encoder's.
LABELLED = ("minus_concepts", "minus_objects", "permuted_concepts", "permuted_objects")

#: Singular values below this share of the largest one are rounding.
_RANK = 1e-10


@dataclass(frozen=True, eq=False)
class RemovalResult:
    """Held-out recognition and binding of each of the VARIANTS over all splits, intervals over bags.

    ``chance`` is what random scores reach on the same scenes, ``object_chance`` the levels of strict object recognition
    where a valid swap exists. ``ranks``: dimensions that the ``concepts`` and the ``objects`` part span (at most, over
    the splits). ``train`` and ``test`` are the rows of the first split.
    """

    variants: dict[str, dict[str, Interval]]
    bindings: dict[str, Binding]
    chance: dict[str, Interval]
    object_chance: StrictChance
    ranks: dict[str, int]
    train: Ids
    test: Ids

    @property
    def train_scenes(self) -> int:
        return len(self.train)

    @property
    def test_scenes(self) -> int:
        return len(self.test)


def remove_parts(
    embeddings: ArrayLike, labels: SceneLabels, spec: RemovalSpec, *, probe_fit: ProbeFit
) -> RemovalResult:
    """Probes embeddings [scene, dim] and what each of the other VARIANTS leaves of them, under each split.

    Raises InvalidInput as ``fit_additive`` and ``split_bags`` do.
    """
    rows, pairs = checked_embeddings(embeddings, labels), Pairs.of(labels)
    splits = bag_splits(labels, train_ratio=spec.train_ratio, seed=spec.seed, splits=spec.splits, pairs=pairs)
    read: dict[str, list[HeldOut]] = {name: [] for name in VARIANTS}
    control: dict[str, list[HeldOut]] = {name: [] for name in LABELLED}
    ranks = {"concepts": 0, "objects": 0}
    for number, parts in enumerate(splits):
        seed = spec.seed + number
        fitted = Parts.fitted(rows, labels, parts[0])
        ranks = {part: max(ranks[part], fitted.rank(part)) for part in ranks}
        for name in VARIANTS:
            read[name].append(_read(rows, labels, pairs, parts, fitted, name, seed, probe_fit))
        dealt = rows[dealt_anew(pairs, seed=seed)]
        fitted = Parts.fitted(dealt, labels, parts[0])
        for name in LABELLED:
            control[name].append(_read(dealt, labels, pairs, parts, fitted, name, seed, probe_fit))
    tested = np.unique(np.concatenate([test for _, test in splits]))
    return RemovalResult(
        variants={name: recognition_of_held_out(own, labels, pairs) for name, own in read.items()},
        bindings={
            name: derived_binding(own, control[name], labels, pairs, probe_fit=probe_fit)
            if name in LABELLED
            else binding_of_held_out(own, labels, pairs, probe_fit=probe_fit)
            for name, own in read.items()
        },
        chance=chance_intervals(labels.take(tested)),
        object_chance=chance_where_swaps(tested, labels),
        ranks=ranks,
        train=splits[0][0],
        test=splits[0][1],
    )


def _read(
    rows: NDArray[np.floating],
    labels: SceneLabels,
    pairs: Pairs,
    parts: tuple[Ids, Ids],
    fitted: "Parts",
    name: str,
    seed: int,
    probe_fit: ProbeFit,
) -> HeldOut:
    """What probes of the training scenes read from the held-out ones, in what a variant leaves of both."""
    train, test = parts
    left = fitted.variant(rows, labels, name, seed=seed)
    probes = probe_fit(left[train], labels.take(train))
    return held_out(probes, left[test], labels, pairs=pairs, train=train, rows=test)


@dataclass(frozen=True, eq=False)
class Parts:
    """What can be taken out: the additive models of the ``concepts`` and of the ``objects`` of the training scenes."""

    concepts: AdditiveModel
    objects: AdditiveModel

    @classmethod
    def fitted(cls, embeddings: NDArray[np.floating], labels: SceneLabels, train: Ids) -> "Parts":
        """Fits both on rows ``train`` of embeddings [scene, dim]."""

        def model(level: Level) -> AdditiveModel:
            return fit_additive(embeddings[train], labels.take(train), estimator="lstsq_pos", level=level)

        return cls(model(2), model(1))

    def rank(self, part: str) -> int:
        """How many dimensions the vectors of ``concepts`` or ``objects`` span."""
        spread = np.linalg.svd(self._model(part).vectors, compute_uv=False)
        return int((spread > _RANK * spread.max(initial=0.0)).sum())

    def variant(
        self, embeddings: NDArray[np.floating], labels: SceneLabels, name: str, *, seed: int
    ) -> NDArray[np.floating]:
        """What one of the VARIANTS leaves of embeddings [scene, dim]; the mean stays."""
        if name == "original":
            return embeddings
        kind, _, part = name.rpartition("_")
        model = self._model(part)
        if kind == "random_subspace":
            return without_random_subspace(embeddings, model.mean, self.rank(part), seed=seed)
        model = permuted(model, seed=seed) if kind == "permuted" else model
        columns, out = model.columns(labels), np.empty(embeddings.shape)
        for block in blocks(len(embeddings)):
            out[block] = embeddings[block] - (model.sum_of(columns[block]) - model.mean)
        return out

    def _model(self, part: str) -> AdditiveModel:
        return self.concepts if part == "concepts" else self.objects


def without_random_subspace(
    embeddings: NDArray[np.floating], mean: NDArray[np.float64], rank: int, *, seed: int
) -> NDArray[np.float64]:
    """Embeddings [scene, dim] without what lies, around ``mean``, in a random subspace of ``rank`` dimensions."""
    dim = embeddings.shape[1]
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, min(rank, dim))))[0]
    out = np.empty(embeddings.shape)
    for block in blocks(len(embeddings)):
        centred = embeddings[block] - mean
        out[block] = mean + (centred - (centred @ basis) @ basis.T if rank < dim else 0.0)
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
