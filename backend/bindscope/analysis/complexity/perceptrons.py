"""MLP family: one table of vectors for each slot and concept, summed, a rectifier, and a linear map to the embedding.

That is the published network (tables, concatenation, linear layer, rectifier, linear layer): a linear map of
concatenated tables is a sum of mapped tables. It starts from the mean (the last layer at zero) and is trained by Adam
for some hundred steps instead of thousands; where to stop and how much the weights decay is chosen on held-out objects.
All folds and decays of a cell are trained at once, with batched weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.complexity.components import principal_components
from bindscope.analysis.complexity.problem import Array, Family, Problem, Tick, Validation, one_hot
from bindscope.analysis.complexity.splits import Rows

if TYPE_CHECKING:
    from torch import Tensor

#: Steps at which training may stop, and the part of the weights that decays away in a step.
STOPS = (10, 20, 40, 70, 100, 150)
DECAYS = (1e-3, 1e-2)

_WARM_UP = 10
#: Learning rate at width one: with outputs divided by the root of the width, the rate goes as its inverse.
_RATE = 0.32
#: Training takes all scenes at each step up to this many, then a sample of them.
_BATCH = 4096
#: Cross-validation predicts so many of the widest components.
_VALIDATION_COMPONENTS = 64
#: Components are learned in units of this power of their spread: between all alike and in proportion.
_EVENNESS = 0.5


@dataclass(frozen=True, eq=False)
class MlpFit:
    """``inner`` [value, hidden], ``threshold`` [hidden], ``outer`` [hidden, component], ``offset`` [component], and
    ``axes`` [component, dim], slope included.
    """

    inner: NDArray[np.float32]
    threshold: NDArray[np.float32]
    outer: NDArray[np.float32]
    offset: NDArray[np.float32]
    axes: Array
    sizes: tuple[int, ...]
    chosen: dict[str, float]

    def predict(self, codes: Rows) -> Array:
        """Targets [scene, dim]."""
        hidden = one_hot(codes, self.sizes).astype(np.float32) @ self.inner + self.threshold
        parts = np.maximum(hidden, 0) @ self.outer + self.offset
        return np.asarray(parts.astype(np.float64) @ self.axes)


def mlp_of(width: int) -> Family:
    """The family of MLPs with ``width`` hidden units."""

    def fit(problem: Problem, tick: Tick) -> MlpFit:
        axes = principal_components(problem.targets, most=problem.targets.shape[1], spread_left=0.0)
        parts = problem.targets @ axes.T
        spread = np.sqrt((parts**2).mean(0))
        units = np.where(spread > 0, spread, 1.0) ** _EVENNESS
        parts = parts / units
        stop, decay, slope = _chosen(
            problem, parts[:, :_VALIDATION_COMPONENTS], units[:_VALIDATION_COMPONENTS], width, tick
        )
        rows = np.arange(len(parts))
        whole = _Batch(problem, parts, [rows], units, width)
        for _ in whole.train([decay], stops=(stop,), tick=tick):
            pass
        inner, threshold, outer, offset = whole.weights()
        return MlpFit(
            inner,
            threshold,
            outer,
            offset,
            slope * units[:, None] * axes,
            problem.sizes,
            {"steps": float(stop), "decay": decay, "slope": slope},
        )

    return fit


def _chosen(problem: Problem, parts: Array, units: Array, width: int, tick: Tick) -> tuple[int, float, float]:
    """Steps, decay and slope with the least error on held-out objects."""
    if not problem.folds:
        return STOPS[0], DECAYS[-1], 0.0
    folds = problem.folds
    means = [parts[fold.train].mean(0) for fold in folds]
    batch = _Batch(problem, parts, [fold.train for fold in folds for _ in DECAYS], units, width)
    decays = list(DECAYS) * len(folds)
    held = [problem.codes[fold.held] for fold in folds]
    guesses = [
        [batch.predict(n * len(DECAYS) + d, codes) for d in range(len(DECAYS)) for codes in (held[n],)]
        for _ in batch.train(decays, stops=STOPS, tick=tick)
        for n in range(len(folds))
    ]
    validation = Validation(len(STOPS) * len(DECAYS))
    for n, fold in enumerate(folds):
        fitted = [guesses[stop * len(folds) + n][d] * units for stop in range(len(STOPS)) for d in range(len(DECAYS))]
        validation.see((parts[fold.held] - means[n]) * units, dict(enumerate(fitted)))
    best = int(validation.errors.argmin())
    stop, decay = divmod(best, len(DECAYS))
    return STOPS[stop], DECAYS[decay], float(validation.slopes[best])


class _Batch:
    """MLPs of equal shape that learn from different rows: weights [model, ...]."""

    def __init__(self, problem: Problem, parts: Array, rows: Sequence[Rows], units: Array, width: int) -> None:
        import torch

        self.sizes, self.width = problem.sizes, width
        self.rows = [r[:: -(-len(r) // (1 << 17))] for r in rows]
        self.codes, self.parts = problem.codes, parts
        self.units = torch.tensor(units, dtype=torch.float32)
        self.shuffle = np.random.default_rng([problem.seed, 1])
        random = torch.Generator().manual_seed(problem.seed)
        values, models = sum(self.sizes), len(rows)
        # Every model starts alike. A value that is never shown stays at zero: it neither adds nor takes.
        inner = torch.randn(values, width, generator=random) / len(self.sizes) ** 0.5
        threshold = 0.5 * torch.randn(1, width, generator=random)
        shown = torch.tensor(np.stack([self._features(r).any(0) for r in self.rows]), dtype=torch.float32)
        self.inner = inner * shown[:, :, None]
        self.threshold = threshold.expand(models, 1, width).clone()
        self.outer = torch.zeros(models, width, parts.shape[1])
        self.offset = torch.zeros(models, 1, parts.shape[1])
        self.means = np.stack([parts[r].mean(0) for r in self.rows])

    def _features(self, rows: Rows) -> NDArray[np.float32]:
        return one_hot(self.codes[rows], self.sizes).astype(np.float32)

    def train(self, decays: Sequence[float], *, stops: Sequence[int], tick: Tick) -> Iterator[int]:
        """Trains up to the last of ``stops`` and pauses at each."""
        import torch

        weights = [self.inner, self.threshold, self.outer, self.offset]
        for weight in weights:
            weight.requires_grad_()
        rate = _RATE / self.width**0.5
        optimizer = torch.optim.Adam(weights, lr=rate, fused=True)
        decay = torch.tensor(decays)[:, None, None]
        batches = self._batches()
        for step in range(max(stops)):
            tick()
            pace = min(1.0, (step + 1) / _WARM_UP) * 0.5 * (1 + np.cos(np.pi * step / max(STOPS)))
            features, targets, mask = next(batches)
            optimizer.zero_grad()
            error = (self._forward(features) - targets) * self.units
            ((error * error).sum(2) * mask).sum().backward()  # type: ignore[no-untyped-call]
            optimizer.param_groups[0]["lr"] = rate * pace
            with torch.no_grad():
                self.inner.mul_(1 - pace * decay)
                self.outer.mul_(1 - pace * decay)
            optimizer.step()
            if step + 1 in stops:
                yield step + 1

    def _batches(self) -> Iterator[tuple["Tensor", "Tensor", "Tensor"]]:
        """Features [model, scene, value], targets [model, scene, component] and weights [model, scene], for ever."""
        import torch

        most = min(_BATCH, max(len(rows) for rows in self.rows))
        whole = all(len(rows) <= _BATCH for rows in self.rows)
        while True:
            features = torch.zeros(len(self.rows), most, sum(self.sizes))
            targets = torch.zeros(len(self.rows), most, self.parts.shape[1])
            mask = torch.zeros(len(self.rows), most)
            for model, rows in enumerate(self.rows):
                taken = rows if len(rows) <= _BATCH else self.shuffle.choice(rows, _BATCH, replace=False)
                features[model, : len(taken)] = torch.from_numpy(self._features(taken))
                centred = (self.parts[taken] - self.means[model]).astype(np.float32)
                targets[model, : len(taken)] = torch.from_numpy(centred)
                mask[model, : len(taken)] = 1.0 / len(taken)
            yield features, targets, mask
            while whole:
                yield features, targets, mask

    def _forward(self, features: "Tensor") -> "Tensor":
        import torch

        hidden = torch.relu(torch.baddbmm(self.threshold, features, self.inner))
        return torch.baddbmm(self.offset, hidden, self.outer, alpha=self.width**-0.5)

    def predict(self, model: int, codes: Rows) -> Array:
        """Centred components [scene, component] by one of the models."""
        inner, threshold, outer, offset = self.weights(model)
        hidden = np.maximum(one_hot(codes, self.sizes).astype(np.float32) @ inner + threshold, 0)
        return np.asarray(hidden @ outer + offset, dtype=np.float64)

    def weights(self, model: int = 0) -> tuple[NDArray[np.float32], ...]:
        """Inner, threshold, outer and offset of one model."""
        scale = self.width**-0.5
        return (
            self.inner.detach()[model].numpy(),
            self.threshold.detach()[model, 0].numpy(),
            self.outer.detach()[model].numpy() * np.float32(scale),
            self.offset.detach()[model, 0].numpy(),
        )
