"""Products of each object whose factors all slots share, behind a linear map, plus a sum.

    y(x) = offset + sum_s [ sum_k free_sk(c_sk) + sum_r head_sr prod_k f_kr(c_sk) ]

The factors f are the same in every slot; what a slot makes of them, its ``head``, is its own. Scenes of seen objects
say what each object adds in each slot: one ridge regression. These vectors of objects are then a small problem, a
canonical polyadic decomposition with a sum beside it, solved by alternating least squares from several starts at once.
Such fits end in other places from other starts: the one with the smallest error on what it was fitted to is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from bindscope.analysis.complexity.components import principal_components
from bindscope.analysis.complexity.problem import Array, Tick, one_hot
from bindscope.analysis.complexity.splits import Rows

#: Starts, the spread of their factors around one, and rounds over all tables.
STARTS, _SPREAD, _ROUNDS = 8, 0.5, 100
#: Rounds after which a fit stops when its best start has gained less than this share of its error.
_PAUSE, _GAIN = 10, 1e-3
#: Strength of L2 on what an object adds in every slot, and on what it adds in one slot only.
_COMMON, _OWN = 1e-3, 1.0
#: Of heads and of summed vectors; factors are held apart from them, by the strength of a fit.
_LINEAR = 1.0
_TINY, _RELATIVE, _LARGEST = 1e-9, 1e-10, 30.0
#: Vectors of objects are fitted in at most this many principal components, that leave out this share of their spread.
_COMPONENTS, _LEFT_OUT = 64, 1e-6
#: Unknown vectors of the regression: more objects than give so many are not tried.
MOST_VECTORS = 3_000


@dataclass(frozen=True, eq=False)
class ObjectVectors:
    """``codes`` [object, concept] of the objects seen, and in the coordinates of ``axes`` [component, slot x dim] what
    each adds to a scene beyond ``mean`` [slot x dim]: ``parts`` [object, component], of mean square ``scale`` squared a
    number. ``offset`` [dim] is what all scenes share."""

    codes: Rows
    parts: Array
    axes: Array
    mean: Array
    offset: Array
    scale: float


@dataclass(frozen=True, eq=False)
class SharedProduct:
    """A fit of vectors of objects: ``free`` [value, component] of all concepts side by side, ``tables`` [concept]
    [value, term] and ``head`` [term, component]; ``error`` is its squared error on the objects it was fitted to."""

    vectors: ObjectVectors
    offset: Array
    free: Array
    tables: tuple[Array, ...]
    head: Array
    error: float

    def predict(self, codes: Rows) -> Array:
        """Targets [scene, dim] of scenes with value indices [scene, column]."""
        sizes = tuple(len(table) for table in self.tables)
        slots = codes.shape[1] // len(sizes)
        dim = len(self.vectors.offset)
        out = np.tile(self.vectors.offset, (len(codes), 1))
        for slot in range(slots):
            own = codes[:, slot * len(sizes) : (slot + 1) * len(sizes)]
            terms = reduce(np.multiply, (table[own[:, k]] for k, table in enumerate(self.tables)))
            part = self.offset + one_hot(own, sizes) @ self.free + terms @ self.head
            place = slice(slot * dim, (slot + 1) * dim)
            out += self.vectors.mean[place] + self.vectors.scale * (part @ self.vectors.axes[:, place])
        return out


def can_share(codes: Rows, *, concepts: int) -> bool:
    """Whether the scenes show few enough objects for this."""
    objects = np.unique(codes.reshape(-1, concepts), axis=0)
    return bool(len(objects) * (codes.shape[1] // concepts + 1) <= MOST_VECTORS)


def object_vectors(codes: Rows, targets: Array, *, concepts: int, tick: Tick) -> ObjectVectors:
    """What each seen object adds in each slot, by ridge regression."""
    slots, dim = codes.shape[1] // concepts, targets.shape[1]
    each = codes.reshape(-1, concepts)
    objects, place = np.unique(each, axis=0, return_inverse=True)
    count = len(objects)
    tick()
    shown = one_hot(place.reshape(-1, slots), (count,) * slots)
    common = np.asarray(shown.reshape(len(codes), slots, count).sum(1))
    design = np.concatenate([common, shown], axis=1)
    middle, mean = design.mean(0), targets.mean(0)
    gram = design.T @ design - len(design) * np.outer(middle, middle)
    gram[np.diag_indices_from(gram)] += np.repeat([_COMMON, _OWN], [count, count * slots])
    tick()
    solved = np.linalg.solve(gram, design.T @ (targets - mean))
    tick()
    parts = (solved[None, :count] + solved[count:].reshape(slots, count, dim)).transpose(1, 0, 2).reshape(count, -1)
    centre = parts.mean(0)
    spread = parts - centre
    axes = principal_components(spread, most=_COMPONENTS, spread_left=_LEFT_OUT)
    scale = float(np.sqrt((spread**2).mean())) or 1.0
    return ObjectVectors(objects, spread @ axes.T / scale, axes, centre, mean - middle @ solved, scale)


def shared_product(
    vectors: ObjectVectors, sizes: Sequence[int], *, terms: int, strength: float, seed: int, tick: Tick
) -> SharedProduct:
    """``terms`` products. ``strength``: as many objects would say that a factor is one. The best of ``STARTS``."""
    state = _Alternation(vectors, sizes, terms=terms, strength=strength, seed=seed)
    before = np.inf
    for number in range(_ROUNDS):
        tick()
        state.round()
        if number % _PAUSE == _PAUSE - 1:
            error = float(state.errors().min())
            if error > (1 - _GAIN) * before:
                break
            before = error
    return state.best()


class _Alternation:
    """All starts of one fit: every array has the start in front."""

    def __init__(self, vectors: ObjectVectors, sizes: Sequence[int], *, terms: int, strength: float, seed: int) -> None:
        self.vectors, self.strength = vectors, strength
        self.codes, self.targets = vectors.codes, vectors.parts
        rng = np.random.default_rng([seed, terms])
        self.tables = [1 + _SPREAD * rng.standard_normal((STARTS, size, terms)) for size in sizes]
        self.shown = [one_hot(self.codes[:, [k]], (size,)) for k, size in enumerate(sizes)]
        self.design = np.concatenate(self.shown, axis=1)
        self.share = self.design.mean(0)
        centred = self.design - self.share
        self.gram, self.cross = centred.T @ centred, centred.T @ self.targets
        self._regress()

    def round(self) -> None:
        """Every table once, then heads and sums."""
        for concept in range(len(self.tables)):
            self._improve(concept)
        self._regress()

    def errors(self) -> Array:
        """Squared errors [start]."""
        fitted = self.offset[:, None] + self.design @ self.free + self._terms() @ self.head
        return np.asarray(((self.targets - fitted) ** 2).sum((1, 2)))

    def best(self) -> SharedProduct:
        """The start with the smallest error."""
        errors = self.errors()
        at = int(errors.argmin())
        tables = tuple(table[at] for table in self.tables)
        return SharedProduct(self.vectors, self.offset[at], self.free[at], tables, self.head[at], float(errors[at]))

    def _terms(self, *, without: int | None = None) -> Array:
        """Products [start, object, term] of the factors of all concepts but one."""
        out = np.ones((STARTS, len(self.codes), self.tables[0].shape[2]))
        for concept, table in enumerate(self.tables):
            if concept != without:
                out *= table[:, self.codes[:, concept]]
        return out

    def _regress(self) -> None:
        """Offset, sums and heads, given the tables."""
        products = self._terms()
        # Large products are solved for in smaller units: the same problem, and a matrix that can be trusted.
        units = np.maximum(products.std(1), 1.0)
        products = products / units[:, None]
        mean = products.mean(1)
        products = products - mean[:, None]
        values, terms = len(self.gram), products.shape[2]
        gram = np.empty((STARTS, values + terms, values + terms))
        gram[:, :values, :values] = self.gram
        gram[:, :values, values:] = self.design.T @ products
        gram[:, values:, :values] = gram[:, :values, values:].transpose(0, 2, 1)
        gram[:, values:, values:] = products.transpose(0, 2, 1) @ products
        run = np.arange(values + terms)
        gram[:, run[:values], run[:values]] += _LINEAR
        gram[:, run[values:], run[values:]] += np.maximum(_LINEAR / units**2, _RELATIVE * len(self.codes))
        right = np.concatenate(
            [np.broadcast_to(self.cross, (STARTS, *self.cross.shape)), products.transpose(0, 2, 1) @ self.targets],
            axis=1,
        )
        solved = np.linalg.solve(gram, right)
        self.free, self.head = solved[:, :values], solved[:, values:] / units[:, :, None]
        self.offset = -(self.share @ self.free) - (mean[:, None] @ solved[:, values:])[:, 0]

    def _improve(self, concept: int) -> None:
        """New factors of one concept, given everything else: a ridge problem for each value."""
        others = self._terms(without=concept)
        rest = self.targets - self.offset[:, None] - self.design @ self.free
        back = self.head.transpose(0, 2, 1)
        square, pulled = self.head @ back, others * (rest @ back)
        shown = self.shown[concept].T
        terms = others.shape[2]
        left = np.stack([shown @ (own[:, :, None] * own[:, None]).reshape(len(own), -1) for own in others])
        left = left.reshape(STARTS, len(shown), terms, terms) * square[:, None]
        run = np.arange(terms)
        held = self.strength * square[:, run, run][:, None] + _TINY
        left[:, :, run, run] += held + _RELATIVE * left[:, :, run, run].mean(2, keepdims=True)
        solved = np.linalg.solve(left, (shown @ pulled + held)[..., None])[..., 0]
        self.tables[concept] = np.clip(solved, -_LARGEST, _LARGEST)
