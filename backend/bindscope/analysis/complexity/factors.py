"""Sum of vectors plus elementwise products of factors, for each dimension on its own, by Levenberg-Marquardt.

A product of factors near one, a * prod_c F_c with F_c = 1 + e_c / a, is written so that its limit is a sum:

    p(x) = (prod_c (1 + k e_c(x_c)) - 1) / k = E_1 + k E_2 + k^2 E_3 + ...,    k = 1 / a,

with E_j the elementary symmetric polynomials of the e_c(x_c). At k = 0 it is additive: shrinking k and the e_c draws
the fit towards sums and the mean rather than to where factors explode. Each dimension is a small problem with its own
k; all of them take their steps together. Normal equations are built from sums over scenes that share the values of two
columns, so nothing of the size scenes x parameters x dimensions is ever held.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.complexity.problem import Array, Tick
from bindscope.analysis.complexity.splits import Rows

#: k is held back less than the factors: in units of the targets' spread it is of order one where they are below it.
_BEND_SHARE = 0.1
_FIRST_DAMPING = 1e-3
_LEAST_DAMPING, _MOST_DAMPING = 1e-9, 1e8


@dataclass(frozen=True, eq=False)
class Factors:
    """``offset`` [dim]; ``free`` [value, dim], the vectors that are summed, and ``parts`` [value, dim], the e, of all
    columns side by side; ``bends`` [group, dim], the k. ``groups`` lists the columns that are multiplied.
    """

    offset: Array
    free: Array
    parts: Array
    bends: Array
    sizes: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]

    def of_dims(self, dims: NDArray[np.bool_] | Rows) -> "Factors":
        """The fit of some dimensions."""
        return replace(
            self,
            offset=self.offset[dims],
            free=self.free[:, dims],
            parts=self.parts[:, dims],
            bends=self.bends[:, dims],
        )

    def predict(self, codes: Rows) -> Array:
        """Targets [scene, dim]."""
        starts = np.cumsum([0, *self.sizes])
        out = np.tile(self.offset, (len(codes), 1))
        for column, start in zip(codes.T, starts, strict=False):
            out += self.free[start + column]
        for group, bend in zip(self.groups, self.bends, strict=True):
            out += _bent_sum([self.parts[starts[c] + codes[:, c]] for c in group], bend)[0]
        return out


def _bent_sum(parts: Sequence[Array], bend: Array) -> tuple[Array, Array]:
    """p and its derivative by k, from e_c [scene, dim] of the columns and k [dim]."""
    orders: list[Array] = []
    for part in parts:
        grown = [part if not n else part * orders[n - 1] for n in range(len(orders) + 1)]
        orders = [*(a + b for a, b in zip(orders, grown, strict=False)), grown[-1]]
    value, slope = orders[-1].copy(), np.zeros_like(parts[0])
    for order in reversed(orders[:-1]):
        slope = slope * bend + value
        value = value * bend + order
    return value, slope


class FactorSolver:
    """Fits targets [scene, dim] with values ``codes`` [scene, column]; columns of ``groups`` are multiplied."""

    def __init__(
        self, codes: Rows, targets: Array, *, sizes: tuple[int, ...], groups: tuple[tuple[int, ...], ...]
    ) -> None:
        self.codes, self.targets, self.sizes, self.groups = codes, targets, sizes, groups
        self.starts = np.cumsum([0, *sizes])
        self._sums = [_summing(codes[:, c], sizes[c]) for c in range(len(sizes))]
        self._pairs = {
            (a, b): _summing(codes[:, a] * sizes[b] + codes[:, b], sizes[a] * sizes[b])
            for a, b in combinations(range(len(sizes)), 2)
        }
        design = _summing((self.starts[:-1] + codes).reshape(-1), self.starts[-1], repeats=len(sizes))
        self._counts = np.asarray((design @ design.T).todense())

    def start(self) -> Factors:
        """Nothing but the mean."""
        dims = self.targets.shape[1]
        zeros = np.zeros((self.starts[-1], dims))
        return Factors(np.zeros(dims), zeros, zeros, np.zeros((len(self.groups), dims)), self.sizes, self.groups)

    def loss(self, at: Factors, strength: float, free_strength: float) -> Array:
        """Half the penalised squared error: [dim]."""
        error = self.targets - at.predict(self.codes)
        held = strength * ((at.parts**2).sum(0) + _BEND_SHARE * (at.bends**2).sum(0))
        if np.isfinite(free_strength):
            held = held + free_strength * (at.free**2).sum(0)
        total: Array = 0.5 * ((error**2).sum(0) + held)
        return total

    def solve(
        self, at: Factors, *, strength: float, free_strength: float, steps: int, tolerance: float, tick: Tick
    ) -> Factors:
        """Levenberg-Marquardt from ``at``; a ``free_strength`` of infinity leaves the free vectors at zero."""
        done: list[tuple[Rows, Factors]] = []
        dims = np.arange(self.targets.shape[1])
        solver, damping = self, np.full(len(dims), _FIRST_DAMPING)
        loss = self.loss(at, strength, free_strength)
        for _ in range(steps):
            tick()
            square, slope = solver._normal_equations(at, strength, free_strength)
            diagonal = np.einsum("dpp->dp", square)
            diagonal *= 1.0 + damping[:, None]
            move: Array = np.linalg.solve(square, slope[:, :, None])[:, :, 0].astype(np.float64)
            ahead = solver._moved(at, move.T, free=bool(np.isfinite(free_strength)))
            new = solver.loss(ahead, strength, free_strength)
            better = new <= loss
            at, loss = _chosen(better, ahead, at), np.where(better, new, loss)
            damping = np.clip(np.where(better, damping / 8, damping * 8), _LEAST_DAMPING, _MOST_DAMPING)
            # Twice the decrease that the step promises: dimensions where it is nothing have arrived.
            going = (move * slope).sum(1) > tolerance * loss
            if not going.all():
                done.append((dims[~going], at.of_dims(~going)))
                dims, at, loss, damping = dims[going], at.of_dims(going), loss[going], damping[going]
                if not len(dims):
                    break
                solver = solver.of_dims(going)
        done.append((dims, at))
        return _joined(done)

    def of_dims(self, dims: NDArray[np.bool_] | Rows) -> "FactorSolver":
        """The problem of some dimensions."""
        part = copy(self)
        part.targets = self.targets[:, dims]
        return part

    def _moved(self, at: Factors, move: Array, *, free: bool) -> Factors:
        """``move`` [parameter, dim]: offset, parts, bends, free vectors."""
        count, bends = self.starts[-1], len(self.groups)
        return replace(
            at,
            offset=at.offset + move[0],
            parts=at.parts + move[1 : 1 + count],
            bends=at.bends + move[1 + count : 1 + count + bends],
            free=at.free + move[1 + count + bends :] if free else at.free,
        )

    def _normal_equations(self, at: Factors, strength: float, free_strength: float) -> tuple[Array, Array]:
        """Curvature [dim, parameter, parameter] and descent [dim, parameter]."""
        count, bends, dims = int(self.starts[-1]), len(self.groups), self.targets.shape[1]
        free = bool(np.isfinite(free_strength))
        width = 1 + count + bends + (count if free else 0)
        square, slope = np.zeros((width, width, dims)), np.zeros((width, dims))
        weights, by_bend, fitted = self._derivatives(at)
        error = self.targets - fitted
        at_part, at_bend, at_free = 1, 1 + count, 1 + count + bends
        square[0, 0], slope[0] = len(self.codes), error.sum(0)
        for c, size in enumerate(self.sizes):
            place = slice(at_part + self.starts[c], at_part + self.starts[c] + size)
            own = self._sums[c]
            square[0, place] = own @ weights[c]
            slope[place] = own @ (weights[c] * error)
            run = np.arange(place.start, place.stop)
            square[run, run] = own @ (weights[c] ** 2)
            for b in range(bends):
                square[place, at_bend + b] = own @ (weights[c] * by_bend[b])
        for (a, b), pair in self._pairs.items():
            met = pair @ (weights[a] * weights[b])
            rows = slice(at_part + self.starts[a], at_part + self.starts[a + 1])
            columns = slice(at_part + self.starts[b], at_part + self.starts[b + 1])
            square[rows, columns] = met.reshape(self.sizes[a], self.sizes[b], dims)
        for b in range(bends):
            square[0, at_bend + b], slope[at_bend + b] = by_bend[b].sum(0), (by_bend[b] * error).sum(0)
            for other in range(b, bends):
                square[at_bend + b, at_bend + other] = (by_bend[b] * by_bend[other]).sum(0)
        if free:
            self._free_blocks(square, slope, weights=weights, by_bend=by_bend, error=error)
        upper = np.triu_indices(width, 1)
        square[upper[1], upper[0]] = square[upper]
        held = np.zeros(width)
        held[at_part:at_bend], held[at_bend:at_free] = strength, strength * _BEND_SHARE
        if free:
            held[at_free:] = free_strength
        run = np.arange(width)
        square[run, run] += held[:, None]
        slope[at_part:at_bend] -= strength * at.parts
        slope[at_bend:at_free] -= strength * _BEND_SHARE * at.bends
        if free:
            slope[at_free:] -= free_strength * at.free
        return np.ascontiguousarray(square.transpose(2, 0, 1)), np.ascontiguousarray(slope.T)

    def _free_blocks(
        self, square: Array, slope: Array, *, weights: Sequence[Array], by_bend: Sequence[Array], error: Array
    ) -> None:
        """The blocks of the free vectors with everything, in the upper triangle."""
        count, bends, dims = int(self.starts[-1]), len(self.groups), self.targets.shape[1]
        at_free = 1 + count + bends
        square[at_free:, at_free:] = self._counts[:, :, None]
        square[0, at_free:] = np.diag(self._counts)[:, None]
        for c, size in enumerate(self.sizes):
            own, mine = self._sums[c], slice(at_free + self.starts[c], at_free + self.starts[c + 1])
            slope[mine] = own @ error
            for b in range(bends):
                square[1 + count + b, mine] = own @ by_bend[b]
            rows = np.arange(1 + self.starts[c], 1 + self.starts[c] + size)
            square[rows, np.arange(mine.start, mine.stop)] = own @ weights[c]
        for (a, b), pair in self._pairs.items():
            for row, column, flip in ((a, b, False), (b, a, True)):
                met = (pair @ weights[row]).reshape(self.sizes[a], self.sizes[b], dims)
                rows_ = slice(1 + self.starts[row], 1 + self.starts[row + 1])
                columns = slice(at_free + self.starts[column], at_free + self.starts[column + 1])
                square[rows_, columns] = met.swapaxes(0, 1) if flip else met

    def _derivatives(self, at: Factors) -> tuple[list[Array], list[Array], Array]:
        """By each column's e [column][scene, dim], by each k [group][scene, dim], and the fit itself."""
        weights: list[Array] = [np.empty(0)] * len(self.sizes)
        by_bend = []
        fitted = np.tile(at.offset, (len(self.codes), 1))
        for c in range(len(self.sizes)):
            fitted += at.free[self.starts[c] + self.codes[:, c]]
        for group, bend in zip(self.groups, at.bends, strict=True):
            parts = [at.parts[self.starts[c] + self.codes[:, c]] for c in group]
            value, slope = _bent_sum(parts, bend)
            fitted += value
            by_bend.append(slope)
            factors = [1.0 + bend * part for part in parts]
            for c, others in zip(group, _products_of_others(factors), strict=True):
                weights[c] = others
        return weights, by_bend, fitted


def _products_of_others(factors: Sequence[Array]) -> list[Array]:
    """For each factor the product of all the others, without dividing."""
    before = [np.ones_like(factors[0])]
    for factor in factors[:-1]:
        before.append(before[-1] * factor)
    after = np.ones_like(factors[0])
    for n in range(len(factors) - 1, -1, -1):
        before[n] = before[n] * after
        after = after * factors[n]
    return before


def _chosen(better: NDArray[np.bool_], ahead: Factors, at: Factors) -> Factors:
    return replace(
        at,
        offset=np.where(better, ahead.offset, at.offset),
        parts=np.where(better, ahead.parts, at.parts),
        bends=np.where(better, ahead.bends, at.bends),
        free=np.where(better, ahead.free, at.free),
    )


def _joined(parts: Sequence[tuple[Rows, Factors]]) -> Factors:
    """One fit of all dimensions from fits of some, with their numbers."""
    back = np.argsort(np.concatenate([dims for dims, _ in parts]))
    fits = [fit for _, fit in parts]
    return replace(
        fits[0],
        offset=np.concatenate([fit.offset for fit in fits])[back],
        free=np.concatenate([fit.free for fit in fits], axis=1)[:, back],
        parts=np.concatenate([fit.parts for fit in fits], axis=1)[:, back],
        bends=np.concatenate([fit.bends for fit in fits], axis=1)[:, back],
    )


def _summing(group: Rows, size: int, *, repeats: int = 1) -> Any:
    """Sparse [group, scene]: multiplied by [scene, dim] it sums over the scenes of each group."""
    from scipy.sparse import csr_array

    count = len(group) // repeats
    return csr_array((np.ones(len(group)), (group, np.repeat(np.arange(count), repeats))), shape=(size, count))
