"""Products mixed by a linear map, plus a sum, by alternating least squares.

    y(x) = offset + sum_c free_c(x_c) + sum_r head_r prod_c f_cr(x_c)

is the published product with the linear layer behind it (a canonical polyadic decomposition with a sum beside it): it
finds products that do not lie along the axes of the embedding. Given all tables but one, the entries of that table for
one value are a small ridge problem; given all tables, the sum and the head are one linear regression. Factors start
near one, where a product is a constant, and are drawn back to it. Such fits depend on their start where scenes are few:
take the median of several.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bindscope.analysis.complexity.problem import Array, Tick, one_hot
from bindscope.analysis.complexity.splits import Rows

#: Spread of the factors around one at the start, and rounds over all tables.
_START, _ROUNDS = 0.5, 10
#: Strengths of L2 on the head and on the vectors that are only summed.
_HEAD, _FREE = 1.0, 1.0
_TINY = 1e-9
#: Factors stay within this, and systems are held at least so much of their own size: few scenes can ask for anything.
_LARGEST, _RELATIVE = 30.0, 1e-10

Tables = list[list[Array]]


@dataclass(frozen=True, eq=False)
class Mixture:
    """``offset`` [dim]; ``free`` [value, dim] of all columns side by side; for each of the ``groups`` of columns that
    are multiplied, ``tables`` [value, term] of its columns and a ``head`` [term, dim].
    """

    offset: Array
    free: Array
    tables: Tables
    heads: list[Array]
    groups: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]

    def predict(self, codes: Rows) -> Array:
        """Targets [scene, dim]."""
        out = self.offset + one_hot(codes, self.sizes) @ self.free
        for group, own, head in zip(self.groups, self.tables, self.heads, strict=True):
            out += _terms(codes, group, own) @ head
        return np.asarray(out)


class MixtureSolver:
    """Fits targets [scene, dim] with values ``codes`` [scene, column]; columns of ``groups`` are multiplied."""

    def __init__(
        self, codes: Rows, targets: Array, *, sizes: tuple[int, ...], groups: tuple[tuple[int, ...], ...]
    ) -> None:
        self.codes, self.targets, self.sizes, self.groups = codes, targets, sizes, groups
        self._mean = targets.mean(0)
        self._design = one_hot(codes, sizes)
        self._share = self._design.mean(0)
        self._gram = self._design.T @ self._design - len(codes) * np.outer(self._share, self._share)
        self._cross = self._design.T @ (targets - self._mean)
        self._orders = [np.argsort(column, kind="stable") for column in codes.T]
        self._ends = [
            np.cumsum(np.bincount(column, minlength=size))[:-1] for column, size in zip(codes.T, sizes, strict=True)
        ]

    def solve(self, *, terms: int, strength: float, seed: int, tick: Tick) -> Mixture:
        """``terms`` products a group. ``strength``: as many scenes would say that a factor is one."""
        rng = np.random.default_rng([seed, terms])
        tables = [[1 + _START * rng.standard_normal((self.sizes[c], terms)) for c in group] for group in self.groups]
        at = self._regressed(tables)
        for _ in range(_ROUNDS):
            tick()
            for number in range(len(self.groups)):
                self._improve(at, number, strength)
            at = self._regressed(at.tables)
        return at

    def _improve(self, at: Mixture, number: int, strength: float) -> None:
        """New tables of one group, column after column, in place."""
        group, tables, head = self.groups[number], at.tables[number], at.heads[number]
        rest = self.targets - at.offset - self._design @ at.free
        for other, columns in enumerate(self.groups):
            if other != number:
                rest -= _terms(self.codes, columns, at.tables[other]) @ at.heads[other]
        pulled, square = rest @ head.T, head @ head.T
        for place, column in enumerate(group):
            kept = [n for n in range(len(group)) if n != place]
            others = _terms(self.codes, [group[n] for n in kept], [tables[n] for n in kept], width=len(head))
            tables[place] = self._column(column, others, pulled, square=square, strength=strength)

    def _column(self, column: int, others: Array, pulled: Array, *, square: Array, strength: float) -> Array:
        """The table [value, term] of one column, given the products of the ``others`` [scene, term]."""
        order, ends = self._orders[column], self._ends[column]
        left = np.stack([part.T @ part for part in np.split(others[order], ends)]) * square
        right = np.stack([part.sum(0) for part in np.split((others * pulled)[order], ends)])
        held = strength * np.diag(square) + _TINY
        run = np.arange(len(square))
        size = left[:, run, run].mean(1, keepdims=True)
        left[:, run, run] += held + _RELATIVE * size
        solved = np.linalg.solve(left, (right + held)[:, :, None])[:, :, 0]
        return np.asarray(np.clip(solved, -_LARGEST, _LARGEST), dtype=np.float64)

    def _regressed(self, tables: Tables) -> Mixture:
        """Offset, sum and heads, given the tables."""
        products = np.concatenate(
            [_terms(self.codes, group, own) for group, own in zip(self.groups, tables, strict=True)], axis=1
        )
        # Large products are solved for in smaller units: the same problem, and a matrix that can be trusted.
        units = np.maximum(products.std(0), 1.0)
        products = products / units
        mean, values, count = products.mean(0), len(self._gram), products.shape[1]
        products = products - mean
        gram = np.empty((values + count, values + count))
        gram[:values, :values] = self._gram
        gram[:values, values:] = self._design.T @ products
        gram[values:, :values] = gram[:values, values:].T
        gram[values:, values:] = products.T @ products
        run = np.arange(values + count)
        held = np.maximum(_HEAD / units**2, _RELATIVE * len(products))
        gram[run, run] += np.concatenate([np.full(values, _FREE), held])
        right = np.concatenate([self._cross, products.T @ self.targets])
        solved = np.asarray(np.linalg.solve(gram, right), dtype=np.float64)
        free, heads = solved[:values], np.split(solved[values:] / units[:, None], len(self.groups))
        offset = self._mean - self._share @ free - mean @ solved[values:]
        return Mixture(offset, free, tables, heads, self.groups, self.sizes)


def _terms(codes: Rows, group: Sequence[int], tables: Sequence[Array], *, width: int = 0) -> Array:
    """Products [scene, term] of the factors of a group's columns; ones [scene, ``width``] of no column."""
    if not group:
        return np.ones((len(codes), width))
    out = tables[0][codes[:, group[0]]]
    for column, table in zip(group[1:], tables[1:], strict=True):
        out = out * table[codes[:, column]]
    return out
