"""Additive decomposition measured on held-out scenes: R2, retrieval, and what probes read from rebuilt scenes.

Splits are by bag. The probes that read rebuilt scenes learn from one half of the training bags, the vectors that these
are rebuilt from are fitted on the other: fitted on the same scenes, object vectors carry those scenes' noise, which the
probes take for objects, and a pure bag of concepts would seem to bind. Object vectors are made with labels, so the
score stands beside a control: the same after the vectors of each bag were dealt out anew among its scenes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.additive import AdditiveModel, Singles, fit_additive
from bindscope.analysis.binding import Binding, Pairs, StrictChance, share_over_bags
from bindscope.analysis.held_out import (
    HeldOut,
    chance_where_swaps,
    dealt_anew,
    derived_binding,
    held_out,
    recognition_of_held_out,
)
from bindscope.analysis.incidence import blocks, checked_embeddings
from bindscope.analysis.metrics import Interval
from bindscope.analysis.nearest import search_among
from bindscope.analysis.probes import ProbeFit
from bindscope.analysis.splits import bag_splits, halves
from bindscope.core.specs import DecompositionSpec
from bindscope.scenes.labels import SceneLabels

Ids = NDArray[np.int64]

#: Held-out scenes that are searched for over all splits: a seeded sample of more.
MAX_SEARCHES = 4000

#: A spread below this share of the squared embeddings is rounding.
_NO_SPREAD = 1e-26


@dataclass(frozen=True)
class FitQuality:
    """R2 on training and held-out scenes, both around the training mean; None where the scenes do not vary."""

    train: float | None
    test: float | None


@dataclass(frozen=True, eq=False)
class DecompositionResult:
    """Means over the splits; intervals and their n are over bags.

    ``retrieval``: held-out scenes whose reconstruction is strictly nearest to their own embedding among all scenes.
    ``binding`` and ``probing``: what probes of real vectors read from reconstructions of held-out scenes (None without
    probes); ``object_chance``: levels of strict object recognition. ``unseen``: held-out scenes of the first split with
    a part that training never showed in that slot; they are scored too, with the average part in its place. ``model``,
    ``train`` and ``test`` are those of the first split.
    """

    model: AdditiveModel
    r2: FitQuality
    retrieval: Interval
    binding: Binding | None
    probing: dict[str, Interval] | None
    object_chance: StrictChance
    unseen: int
    train: Ids
    test: Ids

    @property
    def train_scenes(self) -> int:
        return len(self.train)

    @property
    def test_scenes(self) -> int:
        return len(self.test)


def decompose(
    embeddings: ArrayLike,
    labels: SceneLabels,
    spec: DecompositionSpec,
    *,
    probe_fit: ProbeFit | None = None,
    singles: Singles | None = None,
) -> DecompositionResult:
    """Fits an additive model on the training scenes of embeddings [scene, dim] of each split and measures it.

    Same input, same bits. Raises InvalidInput as ``fit_additive`` and ``split_bags`` do.
    """
    rows, pairs = checked_embeddings(embeddings, labels), Pairs.of(labels)

    ratio = round(1.0 - spec.test_ratio, 12)
    splits = bag_splits(labels, train_ratio=ratio, seed=spec.seed, splits=spec.splits, pairs=pairs)
    models = [_fitted(rows, labels, train, spec, singles) for train, _ in splits]
    probing = binding = None
    if probe_fit is not None:
        rebuilt: list[HeldOut] = []
        control: list[HeldOut] = []
        for number, parts in enumerate(splits):
            seed = spec.seed + number
            dealt = rows[dealt_anew(pairs, seed=seed)]
            for vectors, out in ((rows, rebuilt), (dealt, control)):
                out.append(_rebuilt(vectors, labels, pairs, parts, spec, seed, probe_fit, singles))
        probing = recognition_of_held_out(rebuilt, labels, pairs)
        binding = derived_binding(rebuilt, control, labels, pairs, probe_fit=probe_fit)
    quality = [
        [r_squared(model, rows[part], labels.take(part)) for model, part in zip(models, parts, strict=True)]
        for parts in zip(*splits, strict=True)
    ]
    train, test = splits[0]
    return DecompositionResult(
        model=models[0],
        r2=FitQuality(*(_mean(own) for own in quality)),
        retrieval=_retrieval(models, [test for _, test in splits], rows, labels, pairs=pairs, seed=spec.seed),
        binding=binding,
        probing=probing,
        object_chance=chance_where_swaps(np.concatenate([test for _, test in splits]), labels),
        unseen=int((~models[0].knows(labels.take(test))).sum()),
        train=train,
        test=test,
    )


def _fitted(
    rows: NDArray[np.floating], labels: SceneLabels, part: Ids, spec: DecompositionSpec, singles: Singles | None
) -> AdditiveModel:
    return fit_additive(rows[part], labels.take(part), estimator=spec.estimator, level=spec.level, singles=singles)


def _rebuilt(
    rows: NDArray[np.floating],
    labels: SceneLabels,
    pairs: Pairs,
    parts: tuple[Ids, Ids],
    spec: DecompositionSpec,
    seed: int,
    probe_fit: ProbeFit,
    singles: Singles | None,
) -> HeldOut:
    """Held-out scenes rebuilt from one half of the training bags, as probes of the other half read them."""
    train, test = parts
    to_probe, to_fit = halves(train, seed=seed, pairs=pairs)
    probes = probe_fit(rows[to_probe], labels.take(to_probe))
    vectors = _fitted(rows, labels, to_fit, spec, singles).reconstruct(labels.take(test))
    return held_out(probes, vectors, labels, pairs=pairs, train=to_probe, rows=test)


def r_squared(model: AdditiveModel, embeddings: NDArray[np.floating], labels: SceneLabels) -> float | None:
    """1 - residual / spread around the model's mean, over scenes and dimensions; None where nothing spreads."""
    columns = model.columns(labels)
    residual = spread = size = 0.0
    for block in blocks(len(embeddings)):
        z = embeddings[block].astype(np.float64)
        size += float((z**2).sum())
        spread += float(((z - model.mean) ** 2).sum())
        residual += float(((z - model.sum_of(columns[block])) ** 2).sum())
    return None if spread <= _NO_SPREAD * size else 1.0 - residual / spread


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _retrieval(
    models: Sequence[AdditiveModel],
    tests: Sequence[Ids],
    rows: NDArray[np.floating],
    labels: SceneLabels,
    *,
    pairs: Pairs,
    seed: int,
) -> Interval:
    search, most = search_among(rows, labels), max(1, MAX_SEARCHES // len(models))
    hits, seen, means = np.zeros(len(labels)), np.zeros(len(labels)), []
    for number, (model, test) in enumerate(zip(models, tests, strict=True)):
        some = test
        if len(test) > most:
            some = np.sort(np.random.default_rng(seed + number).choice(test, most, replace=False))
        right = search.retrieve(model.reconstruct(labels.take(some)), search.groups.group[some]).right
        hits[some] += right
        seen[some] += 1
        means.append(float(right.mean()))
    shares = np.divide(hits, seen, out=np.full(len(labels), np.nan), where=seen > 0)
    return share_over_bags(shares, pairs.bag, seed_means=means)
