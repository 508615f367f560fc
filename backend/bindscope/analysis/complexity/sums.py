"""Additive family: a sum over slots and concepts of vectors, by ridge regression in closed form."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bindscope.analysis.complexity.problem import Array, Problem, Tick, Validation, one_hot
from bindscope.analysis.complexity.splits import Rows

#: Strengths of L2, for targets of mean square one; a value seen n times counts n.
STRENGTHS = tuple(10.0 ** (power / 2) for power in range(6, -7, -1))


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


def validated_sums(problem: Problem, tick: Tick) -> Validation:
    """Errors on held-out objects at each strength."""
    design, validation = one_hot(problem.codes, problem.sizes), Validation(len(STRENGTHS))
    for fold in problem.folds:
        tick()
        mean, held = problem.targets[fold.train].mean(0), design[fold.held]
        path = _ridge_path(design[fold.train], problem.targets[fold.train] - mean, STRENGTHS)
        guesses = (offset + held @ vectors for offset, vectors in path)
        validation.see(problem.targets[fold.held] - mean, dict(enumerate(guesses)))
    return validation


def fit_sum(problem: Problem, tick: Tick) -> SumFit:
    """Strength by cross-validation over objects."""
    validation = validated_sums(problem, tick)
    best = int(validation.errors.argmin())
    strength, slope = STRENGTHS[best], float(validation.slopes[best])
    design = one_hot(problem.codes, problem.sizes)
    offset, vectors = next(_ridge_path(design, problem.targets, (strength,)))
    return SumFit(slope * offset, slope * vectors, problem.sizes, {"strength": strength, "slope": slope})


def _ridge_path(design: Array, targets: Array, strengths: tuple[float, ...]) -> Iterator[tuple[Array, Array]]:
    """Offset [dim] and vectors [value, dim] for each strength; the offset is not held back. ``targets`` are centred."""
    share = design.mean(0)
    gram = design.T @ design - len(design) * np.outer(share, share)
    square, turn = np.linalg.eigh(gram)
    turned = turn.T @ (design.T @ targets)
    for strength in strengths:
        vectors = turn @ (turned / (np.maximum(square, 0.0) + strength)[:, None])
        yield -(share @ vectors), vectors
