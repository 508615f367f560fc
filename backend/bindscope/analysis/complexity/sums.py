"""Additive family: a sum over slots and concepts of vectors, by ridge regression in closed form."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bindscope.analysis.complexity.problem import Array, Problem, Tick, Validation, one_hot
from bindscope.analysis.complexity.splits import Rows

#: Strengths of L2, for targets of mean square one; a value seen n times counts n.
STRENGTHS = tuple(10.0**power for power in np.arange(3.0, -3.25, -0.5))


@dataclass(frozen=True, eq=False)
class SumFit:
    """``offset`` [dim] and ``vectors`` [value, dim] of all columns side by side."""

    offset: Array
    vectors: Array
    sizes: tuple[int, ...]
    chosen: dict[str, float]

    def predict(self, codes: Rows) -> Array:
        """Targets [scene, dim]; a value without a training scene adds nothing."""
        out = np.tile(self.offset, (len(codes), 1))
        start = 0
        for column, size in zip(codes.T, self.sizes, strict=True):
            out += self.vectors[start + column]
            start += size
        return out


def fit_sum(problem: Problem, tick: Tick) -> SumFit:
    """Strength by cross-validation over objects."""
    design = one_hot(problem.codes, problem.sizes)
    seen = Validation(len(STRENGTHS))
    for fold in problem.folds:
        tick()
        mean = problem.targets[fold.train].mean(0)
        held = design[fold.held]
        path = _ridge_path(design[fold.train], problem.targets[fold.train] - mean, STRENGTHS)
        seen.see(problem.targets[fold.held] - mean, (offset + held @ vectors for offset, vectors in path))
    best = int(seen.errors.argmin())
    slope = float(seen.slopes[best])
    offset, vectors = next(_ridge_path(design, problem.targets, STRENGTHS[best : best + 1]))
    return SumFit(slope * offset, slope * vectors, problem.sizes, {"strength": STRENGTHS[best], "slope": slope})


def _ridge_path(design: Array, targets: Array, strengths: tuple[float, ...]) -> Iterator[tuple[Array, Array]]:
    """Offset [dim] and vectors [value, dim] for each strength; the offset is not held back. ``targets`` are centred."""
    share = design.mean(0)
    gram = design.T @ design - len(design) * np.outer(share, share)
    square, turn = np.linalg.eigh(gram)
    turned = turn.T @ (design.T @ targets)
    for strength in strengths:
        vectors = turn @ (turned / (np.maximum(square, 0.0) + strength)[:, None])
        yield -(share @ vectors), vectors
