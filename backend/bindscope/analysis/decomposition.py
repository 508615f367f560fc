"""Additive decomposition measured on held-out scenes (METHODS section 5): R2, retrieval and probing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.additive import AdditiveModel, Singles, fit_additive
from bindscope.analysis.incidence import blocks, checked_embeddings
from bindscope.analysis.metrics import Interval, wilson
from bindscope.analysis.nearest import search_among
from bindscope.analysis.probes import ProbeFit
from bindscope.analysis.readings import recognition_with
from bindscope.analysis.splits import split_scenes
from bindscope.domain.labels import SceneLabels
from bindscope.domain.specs import DecompositionSpec

#: Held-out scenes that are searched for: a seeded sample of more, its size is the interval's n.
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
    """``retrieval``: held-out scenes whose reconstruction is strictly nearest to their own embedding among all scenes.

    ``probing``: recognition in reconstructions of held-out scenes, by probes fitted on training scenes (None without
    probes). ``unseen``: held-out scenes with a part that training never showed in that slot; they are scored too, with
    the average part in its place. ``train`` and ``test`` are the rows of the split.
    """

    model: AdditiveModel
    r2: FitQuality
    retrieval: Interval
    probing: dict[str, Interval] | None
    unseen: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]

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
    """Fits an additive model on the training scenes of embeddings [scene, dim] and measures it.

    ``probe_fit`` is called once with the training scenes. Same input, same bits. Raises InvalidInput as
    ``fit_additive`` does and for fewer than two training or held-out scenes.
    """
    rows = checked_embeddings(embeddings, labels)
    train, test = split_scenes(labels, train_ratio=round(1.0 - spec.test_ratio, 12), seed=spec.seed)
    learned, held_out = labels.take(train), labels.take(test)
    training = rows[train]
    model = fit_additive(training, learned, estimator=spec.estimator, level=spec.level, singles=singles)
    probing = None
    if probe_fit is not None:
        probing = recognition_with(probe_fit(training, learned), model.reconstruct(held_out), held_out)
    quality = FitQuality(r_squared(model, training, learned), r_squared(model, rows[test], held_out))
    return DecompositionResult(
        model=model,
        r2=quality,
        retrieval=_retrieval(model, rows, labels, test=test, seed=spec.seed),
        probing=probing,
        unseen=int((~model.knows(held_out)).sum()),
        train=train,
        test=test,
    )


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


def _retrieval(
    model: AdditiveModel, rows: NDArray[np.floating], labels: SceneLabels, *, test: NDArray[np.int64], seed: int
) -> Interval:
    search = search_among(rows, labels)
    if len(test) > MAX_SEARCHES:
        test = np.sort(np.random.default_rng(seed).choice(test, MAX_SEARCHES, replace=False))
    found = search.retrieve(model.reconstruct(labels.take(test)), search.groups.group[test])
    return wilson(int(found.right.sum()), len(test))
