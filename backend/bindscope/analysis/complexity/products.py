"""Product families: sums of vectors plus elementwise products of slot-and-concept factors, dimension by dimension.

``per_object_product`` multiplies the concepts of each object and sums over objects; ``global_product`` multiplies all
slots and concepts. Published fits start from standard normal factors without holding them back and end far from where
unseen objects lie; these start from the sum (see ``factors``) and choose their strength on held-out objects.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bindscope.analysis.complexity.factors import Factors, FactorSolver
from bindscope.analysis.complexity.problem import Array, Problem, Tick, Validation
from bindscope.analysis.complexity.splits import Rows

#: Strengths of L2, from strong to weak, each fit starting from the one before; targets have mean square one.
STRENGTHS = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
#: How much more the vectors that are only summed are held back than the factors; infinity leaves them out.
FREE_SHARES = (float("inf"), 1.0)

_STEPS = 30
_TOLERANCE = 1e-3
#: Cross-validation looks at no more dimensions than this: those that vary most.
_VALIDATION_DIMS = 96
#: Numbers of scenes x dimensions x columns that are worked on at a time.
_BLOCK_NUMBERS = 1 << 24


@dataclass(frozen=True, eq=False)
class ProductFit:
    """Fits of blocks of dimensions, side by side, times ``slope``."""

    blocks: tuple[Factors, ...]
    slope: float
    chosen: dict[str, float]

    def predict(self, codes: Rows) -> Array:
        """Targets [scene, dim]."""
        return self.slope * np.concatenate([block.predict(codes) for block in self.blocks], axis=1)


def fit_global_product(problem: Problem, tick: Tick) -> ProductFit:
    """One product over all slots and concepts."""
    return _fit(problem, (tuple(range(len(problem.sizes))),), tick)


def fit_per_object_product(problem: Problem, tick: Tick) -> ProductFit:
    """One product over the concepts of each slot."""
    return _fit(problem, problem.groups, tick)


def _fit(problem: Problem, groups: tuple[tuple[int, ...], ...], tick: Tick) -> ProductFit:
    validations = [Validation(len(STRENGTHS)) for _ in FREE_SHARES]
    widest = np.argsort(-(problem.targets**2).sum(0), kind="stable")[:_VALIDATION_DIMS]
    targets = problem.targets[:, np.sort(widest)]
    for fold in problem.folds:
        mean = targets[fold.train].mean(0)
        truth, held = targets[fold.held] - mean, problem.codes[fold.held]
        solver = FactorSolver(problem.codes[fold.train], targets[fold.train] - mean, sizes=problem.sizes, groups=groups)
        for validation, free_share in zip(validations, FREE_SHARES, strict=True):
            validation.see(truth, (fit.predict(held) for fit in _path(solver, STRENGTHS, free_share, tick)))
    errors = np.array([validation.errors for validation in validations])
    share, best = divmod(int(errors.argmin()), len(STRENGTHS))
    slope = float(validations[share].slopes[best])
    path, free_share = STRENGTHS[: best + 1], FREE_SHARES[share]
    step = max(1, _BLOCK_NUMBERS // problem.codes.size)
    whole = FactorSolver(problem.codes, problem.targets, sizes=problem.sizes, groups=groups)
    dims = problem.targets.shape[1]
    fits = []
    for first in range(0, dims, step):
        solver = whole.of_dims(np.arange(first, min(first + step, dims)))
        *_, last = _path(solver, path, free_share, tick)
        fits.append(last)
    return ProductFit(tuple(fits), slope, {"strength": path[-1], "free_share": float(free_share), "slope": slope})


def _path(solver: FactorSolver, strengths: tuple[float, ...], share: float, tick: Tick) -> Iterator[Factors]:
    """The fit at each strength, from the strongest on."""
    at = solver.start(solver.targets.shape[1])
    for strength in strengths:
        at = solver.solve(
            at, strength=strength, free_strength=share * strength, steps=_STEPS, tolerance=_TOLERANCE, tick=tick
        )
        yield at
