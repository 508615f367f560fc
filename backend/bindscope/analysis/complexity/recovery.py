"""What a fit recovers where the truth is known: a synthetic product of the same size, rank, noise and share of the sum.

A family that does not predict unseen objects may be the wrong one, or a right one that so few objects do not determine.
The same fit of a product that was made for it tells the two apart: next to it, "not recovered" has a scale.
"""

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from bindscope.analysis.complexity.components import principal_components
from bindscope.analysis.complexity.problem import Array, Family, Problem, Tick
from bindscope.analysis.complexity.splits import Rows
from bindscope.analysis.complexity.sums import fit_sum

#: Kinds of fits that are calibrated.
PRODUCTS = ("per_object_product", "global_product")
#: Share of the spread that counts as noise where the scenes do not say: what the rank leaves out.
NOISE = 0.05
#: Most dimensions of the synthetic embeddings.
_DIMS = 64
#: The sum is taken to explain between these shares of a product.
_LEAST_SUM, _MOST_SUM = 0.02, 0.98


@dataclass(frozen=True)
class Recovery:
    """What the fit reaches on a product with ``rank`` dimensions, a ``noise`` share of its spread, and so much of the
    rest explained by a sum (``sum_share``): R2 on the unseen objects, of the fit and of the sum alone."""

    rank: int
    noise: float
    sum_share: float
    test_r2: float | None
    sum_r2: float | None


def recovery_of(problem: Problem, unseen: Rows, kind: str, *, family: Family, noise: float, tick: Tick) -> Recovery:
    """Fits ``family`` to a product of ``kind`` on the scenes of ``problem``, scored on scenes with codes ``unseen``."""
    noise = min(max(noise, 0.0), 0.95)
    rank = len(principal_components(problem.targets, most=_DIMS, spread_left=noise))
    share = _sum_share(problem, tick) / (1 - noise)
    share = min(max(share, _LEAST_SUM), _MOST_SUM)
    rng = np.random.default_rng([problem.seed, 41])
    codes = np.concatenate([problem.codes, unseen])
    signal = _product(problem, codes, kind, rank=rank, spread=_spread(share, _factors(problem, kind)), rng=rng)
    learned = len(problem.codes)
    size = float(np.sqrt(((signal[:learned] - signal[:learned].mean(0)) ** 2).mean())) or 1.0
    truth = np.sqrt(1 - noise) * signal / size + np.sqrt(noise) * rng.standard_normal(signal.shape)
    truth -= truth[:learned].mean(0)
    made = replace(problem, targets=truth[:learned])
    fits = (family(made, tick), fit_sum(made, tick))
    whole = float((truth[learned:] ** 2).sum())
    r2, sum_r2 = (
        1 - float(((truth[learned:] - fit.predict(unseen)) ** 2).sum()) / whole if whole > 0 else None for fit in fits
    )
    return Recovery(rank, noise, share, r2, sum_r2)


def _factors(problem: Problem, kind: str) -> int:
    """How many factors a product has."""
    return len(problem.sizes) if kind == "global_product" else len(problem.values)


def _sum_share(problem: Problem, tick: Tick) -> float:
    """Share of the spread of the training scenes that a sum explains."""
    error = float(((problem.targets - fit_sum(problem, tick).predict(problem.codes)) ** 2).sum())
    total = float((problem.targets**2).sum())
    return 1 - error / total if total > 0 else 1.0


def _spread(share: float, factors: int) -> float:
    """Spread s of factors around one for which a sum explains ``share`` of their product: m s^2 / ((1 + s^2)^m - 1)."""
    if factors < 2:
        return 1.0
    low, high = 1e-6, 1e6
    for _ in range(100):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if factors * middle / ((1 + middle) ** factors - 1) > share else (low, middle)
    return float(np.sqrt(low))


def _product(problem: Problem, codes: Rows, kind: str, *, rank: int, spread: float, rng: np.random.Generator) -> Array:
    """Signals [scene, dim]: one product a term over all columns, or over those of each slot with factors that the
    slots share and a linear map of its own for each slot; ``rank`` dimensions either way."""
    dims = max(2, min(problem.targets.shape[1], _DIMS))
    if kind == "global_product":
        tables = [1 + spread * rng.standard_normal((size, rank)) for size in problem.sizes]
        terms = reduce(np.multiply, (table[codes[:, c]] for c, table in enumerate(tables)))
        return np.asarray(terms @ rng.standard_normal((rank, dims)))
    count = max(1, rank // problem.slots)
    tables = [1 + spread * rng.standard_normal((size, count)) for size in problem.values]
    out = np.zeros((len(codes), dims))
    for group in problem.groups:
        terms = reduce(np.multiply, (tables[k][codes[:, c]] for k, c in enumerate(group)))
        out += terms @ rng.standard_normal((count, dims))
    return out
