"""Product families: sums of vectors plus products of slot-and-concept factors.

``per_object_product`` multiplies the concepts of each object and sums over objects; ``global_product`` multiplies all
slots and concepts. Published fits start from standard normal factors without holding them back and end far from where
unseen objects lie. These come in three forms, of which held-out objects choose one, with its strength: the sum alone; a
product in every dimension of the embedding, starting from the sum (see ``factors``); and some products behind a linear
map, as published. Behind a linear map, products of each object share their factors across slots (see ``objects``); a
product over the whole scene has one factor for each slot and concept (see ``mixtures``), for one that were shared would
make the order of the objects vanish.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from bindscope.analysis.complexity.factors import Factors, FactorSolver
from bindscope.analysis.complexity.mixtures import Mixture, MixtureSolver
from bindscope.analysis.complexity.objects import SharedProduct, can_share, object_vectors, shared_product
from bindscope.analysis.complexity.problem import Array, Fitted, Problem, Tick, Validation
from bindscope.analysis.complexity.splits import Rows
from bindscope.analysis.complexity.sums import fit_sum, validated_sums

#: Strengths of L2, from strong to weak, each fit starting from the one before; targets have mean square one.
STRENGTHS = (100.0, 20.0, 5.0, 1.5, 0.5, 0.15)
#: How much more the vectors that are only summed are held back than the factors; infinity leaves them out.
FREE_SHARES = (float("inf"), 1.0)

#: Mixed products: how many a group, how strongly their factors are held, and starts of which the median is taken.
MIXTURES = tuple(product((4, 8, 16, 32), (1.0, 10.0)))
STARTS = 3
#: Shared products: how many, how strongly their factors are held, and seen objects that it takes for each of them.
SHARED = tuple(product((2, 4, 8, 16, 32), (0.01, 0.1, 1.0)))
_OBJECTS_A_TERM = 3

_STEPS, _TOLERANCE = 12, 1e-3
#: Strengths that may do worse, one after the other, before cross-validation gives up.
_PATIENCE = 2
#: Fits stay within the range of the targets, widened by this share of it on both sides.
_MARGIN = 0.25
#: Cross-validation looks at no more dimensions than this: those that vary most.
_VALIDATION_DIMS = 96
#: Numbers of scenes x dimensions x columns that are worked on at a time.
_BLOCK_NUMBERS = 1 << 24


@dataclass(frozen=True, eq=False)
class ProductFit:
    """Fits of blocks of dimensions, side by side, kept inside ``bounds`` [low or high, dim], times ``slope``."""

    blocks: tuple[Factors, ...]
    bounds: Array
    slope: float
    chosen: dict[str, float]

    def predict(self, codes: Rows) -> Array:
        """Targets [scene, dim]."""
        whole = np.concatenate([block.predict(codes) for block in self.blocks], axis=1)
        bounded: Array = self.slope * np.clip(whole, *self.bounds)
        return bounded


@dataclass(frozen=True, eq=False)
class MixedFit:
    """The median of some fits, each kept inside ``bounds`` [low or high, dim], times ``slope``."""

    starts: tuple[Mixture, ...] | tuple[SharedProduct, ...]
    bounds: Array
    slope: float
    chosen: dict[str, float]

    def predict(self, codes: Rows) -> Array:
        """Targets [scene, dim]."""
        return np.asarray(self.slope * _median(self.starts, codes, self.bounds))


def fit_global_product(problem: Problem, tick: Tick) -> Fitted:
    """One product over all slots and concepts."""
    groups = (tuple(range(len(problem.sizes))),)
    return _fit(problem, groups, tick, mixed=lambda sample: _Mixed.found(sample, groups, tick))


def fit_per_object_product(problem: Problem, tick: Tick) -> Fitted:
    """One product over the concepts of each slot."""
    return _fit(problem, problem.groups, tick, mixed=lambda sample: _Shared.found(sample, tick))


def _fit(
    problem: Problem,
    groups: tuple[tuple[int, ...], ...],
    tick: Tick,
    *,
    mixed: Callable[[Problem], "_Mixed | _Shared"],
) -> Fitted:
    """The best form on held-out objects: the sum where no product does better."""
    widest = np.argsort(-(problem.targets**2).sum(0), kind="stable")[:_VALIDATION_DIMS]
    sample = replace(problem, targets=problem.targets[:, np.sort(widest)])
    trials = [_validated(sample, groups, share, tick) for share in FREE_SHARES]
    best = min(trials, key=lambda trial: float(trial.errors.min()))
    number = int(best.errors.argmin())
    behind_map = mixed(sample)
    if validated_sums(sample, tick).errors.min() <= min(best.errors[number], behind_map.validation.errors.min()):
        fit = fit_sum(problem, tick)
        return replace(fit, chosen={**fit.chosen, "product": 0.0})
    if behind_map.validation.errors.min() < best.errors[number]:
        return behind_map.fit(problem, tick)
    share, slope = FREE_SHARES[trials.index(best)], float(best.slopes[number])
    whole = FactorSolver(problem.codes, problem.targets, sizes=problem.sizes, groups=groups)
    step, dims = max(1, _BLOCK_NUMBERS // problem.codes.size), problem.targets.shape[1]
    blocks = []
    for first in range(0, dims, step):
        solver = whole.of_dims(np.arange(first, min(first + step, dims)))
        at = solver.start()
        for strength in STRENGTHS[: number + 1]:
            at = _solved(solver, at, strength, share, tick)
        blocks.append(at)
    chosen = {"strength": STRENGTHS[number], "slope": slope, "product": 1.0, "sum": float(np.isfinite(share))}
    return ProductFit(tuple(blocks), _bounds(problem.targets), slope, chosen)


def _validated(problem: Problem, groups: tuple[tuple[int, ...], ...], share: float, tick: Tick) -> Validation:
    """Errors along the strengths, all folds together, until they have grown twice in a row."""
    validation, folds = Validation(len(STRENGTHS)), problem.folds
    means = [problem.targets[fold.train].mean(0) for fold in folds]
    learned = [problem.targets[fold.train] - mean for fold, mean in zip(folds, means, strict=True)]
    solvers = [
        FactorSolver(problem.codes[fold.train], targets, sizes=problem.sizes, groups=groups)
        for fold, targets in zip(folds, learned, strict=True)
    ]
    fits = [solver.start() for solver in solvers]
    misses, least = 0, np.inf
    for number, strength in enumerate(STRENGTHS):
        fits = [_solved(solver, at, strength, share, tick) for solver, at in zip(solvers, fits, strict=True)]
        for fold, mean, targets, at in zip(folds, means, learned, fits, strict=True):
            guess = np.clip(at.predict(problem.codes[fold.held]), *_bounds(targets))
            validation.see(problem.targets[fold.held] - mean, {number: guess})
        misses = misses + 1 if validation.errors[number] > least else 0
        least = min(least, float(validation.errors[number]))
        if misses == _PATIENCE:
            break
    return validation


@dataclass(frozen=True, eq=False)
class _Mixed:
    """Errors on held-out objects of each number of products and strength, one factor for each column."""

    groups: tuple[tuple[int, ...], ...]
    validation: Validation

    @classmethod
    def found(cls, problem: Problem, groups: tuple[tuple[int, ...], ...], tick: Tick) -> "_Mixed":
        validation = Validation(len(MIXTURES))
        for fold in problem.folds:
            mean = problem.targets[fold.train].mean(0)
            learned = problem.targets[fold.train] - mean
            solver = MixtureSolver(problem.codes[fold.train], learned, sizes=problem.sizes, groups=groups)
            for number, (terms, strength) in enumerate(MIXTURES):
                fits = _started(solver, terms, strength, problem.seed, tick)
                guess = _median(fits, problem.codes[fold.held], _bounds(learned))
                validation.see(problem.targets[fold.held] - mean, {number: guess})
        return cls(groups, validation)

    def fit(self, problem: Problem, tick: Tick) -> MixedFit:
        """To all of the problem."""
        best = int(self.validation.errors.argmin())
        (terms, strength), slope = MIXTURES[best], float(self.validation.slopes[best])
        solver = MixtureSolver(problem.codes, problem.targets, sizes=problem.sizes, groups=self.groups)
        fits = _started(solver, terms, strength, problem.seed, tick)
        return MixedFit(fits, _bounds(problem.targets), slope, _chosen(terms, strength, slope))


@dataclass(frozen=True, eq=False)
class _Shared:
    """Errors on held-out objects of each number of products and strength, factors shared by all slots."""

    validation: Validation

    @classmethod
    def found(cls, problem: Problem, tick: Tick) -> "_Shared":
        validation = Validation(len(SHARED))
        folds = problem.folds if can_share(problem.codes, concepts=len(problem.values)) else ()
        for fold in folds:
            mean = problem.targets[fold.train].mean(0)
            learned, codes = problem.targets[fold.train] - mean, problem.codes[fold.train]
            vectors = object_vectors(codes, learned, concepts=len(problem.values), tick=tick)
            for number, (terms, strength) in enumerate(SHARED):
                if terms * _OBJECTS_A_TERM > len(vectors.codes):
                    continue
                fit = shared_product(
                    vectors, problem.values, terms=terms, strength=strength, seed=problem.seed, tick=tick
                )
                guess = np.clip(fit.predict(problem.codes[fold.held]), *_bounds(learned))
                validation.see(problem.targets[fold.held] - mean, {number: guess})
        return cls(validation)

    def fit(self, problem: Problem, tick: Tick) -> MixedFit:
        """To all of the problem."""
        best = int(self.validation.errors.argmin())
        (terms, strength), slope = SHARED[best], float(self.validation.slopes[best])
        vectors = object_vectors(problem.codes, problem.targets, concepts=len(problem.values), tick=tick)
        fit = shared_product(vectors, problem.values, terms=terms, strength=strength, seed=problem.seed, tick=tick)
        chosen = {**_chosen(terms, strength, slope), "shared": 1.0}
        return MixedFit((fit,), _bounds(problem.targets), slope, chosen)


def _chosen(terms: int, strength: float, slope: float) -> dict[str, float]:
    return {"strength": strength, "slope": slope, "product": 1.0, "sum": 1.0, "terms": float(terms)}


def _started(solver: MixtureSolver, terms: int, strength: float, seed: int, tick: Tick) -> tuple[Mixture, ...]:
    return tuple(solver.solve(terms=terms, strength=strength, seed=seed + n, tick=tick) for n in range(STARTS))


def _median(fits: tuple[Mixture, ...] | tuple[SharedProduct, ...], codes: Rows, bounds: Array) -> Array:
    return np.asarray(np.median([np.clip(fit.predict(codes), *bounds) for fit in fits], axis=0))


def _bounds(targets: Array) -> Array:
    """The range of the targets and a margin on both sides: products can explode where nothing was learned."""
    low, high = targets.min(0), targets.max(0)
    return np.stack([low - _MARGIN * (high - low), high + _MARGIN * (high - low)])


def _solved(solver: FactorSolver, at: Factors, strength: float, share: float, tick: Tick) -> Factors:
    return solver.solve(
        at, strength=strength, free_strength=share * strength, steps=_STEPS, tolerance=_TOLERANCE, tick=tick
    )
