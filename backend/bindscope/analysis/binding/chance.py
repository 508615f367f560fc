"""What strict recognition of objects ("all present above all absent") reaches without binding.

Each scene has two levels beside the one of random scores over all objects. ``given_bag``: random scores among the
objects that the scene's values allow. ``ceiling_bag``: always naming the most frequent pairing of the bag, which knows
the values and needs no binding. A strict figure shows binding only above the ceiling.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import comb, factorial, prod

import numpy as np
from numpy.typing import NDArray

from bindscope.domain.labels import SceneLabels

#: One concept's values as small numbers, in the order of the objects.
Column = tuple[int, ...]


@dataclass(frozen=True)
class StrictChance:
    """Means over scenes; None without a scene."""

    unconditional: float | None
    given_bag: float | None
    ceiling_bag: float | None


def strict_chance(labels: SceneLabels) -> StrictChance:
    """Levels of strict object recognition, averaged over these scenes."""
    if not len(labels):
        return StrictChance(None, None, None)
    kinds, weights = _kinds(labels)
    levels = [_levels(kind) for kind in kinds]
    given = float(np.average([one for one, _ in levels], weights=weights))
    ceiling = float(np.average([two for _, two in levels], weights=weights))
    ids = np.sort(labels.object_ids, axis=1)
    distinct = 1 + (ids[:, 1:] != ids[:, :-1]).sum(1)
    counts = np.bincount(distinct)
    anywhere = sum(n / comb(labels.object_count, r) for r, n in enumerate(counts.tolist()) if n) / len(labels)
    return StrictChance(anywhere, given, ceiling)


def _kinds(labels: SceneLabels) -> tuple[list[tuple[Column, ...]], NDArray[np.int64]]:
    """Patterns of equal values, one column a concept: the levels depend on nothing else, and few patterns occur."""
    scenes = labels.scenes
    first = (scenes[:, :, None] == scenes[:, None]).argmax(2)
    marks, counts = np.unique(first.reshape(len(scenes), -1), axis=0, return_counts=True)
    shaped = marks.reshape(len(marks), labels.slots, -1).transpose(0, 2, 1)
    return [tuple(tuple(column) for column in kind.tolist()) for kind in shaped], counts


@lru_cache(maxsize=65_536)
def _levels(kind: tuple[Column, ...]) -> tuple[float, float]:
    """(given_bag, ceiling_bag) of one pattern."""
    objects = set(zip(*kind, strict=True))
    allowed = prod(len(set(column)) for column in kind)
    return 1 / comb(allowed, len(objects)), _ceiling(kind)


def _ceiling(kind: tuple[Column, ...]) -> float:
    """Share of the most frequent pairing among all ways to deal the values out, the first concept held in place.

    A pairing with object multiplicities m_o comes in (prod of the first concept's multiplicities!) / (prod m_o!) ways.
    """
    first, *rest = kind
    ways = prod(factorial(len(column)) // prod(map(factorial, _multiplicities(column))) for column in rest)
    least = min(_repeats(first, rest))
    return prod(map(factorial, _multiplicities(first))) / least / ways


def _repeats(first: Column, rest: list[Column]) -> Iterator[int]:
    """prod m_o! of each pairing; stops at one, below which nothing can be."""
    for columns in product(*(_arrangements(column) for column in rest)):
        found = prod(map(factorial, _multiplicities(tuple(zip(first, *columns, strict=True)))))
        yield found
        if found == 1:
            return


def _multiplicities(items: tuple[object, ...]) -> list[int]:
    return [items.count(item) for item in set(items)]


@lru_cache(maxsize=1024)
def _arrangements(column: Column) -> list[Column]:
    """Distinct orders of the values of one concept."""
    if len(column) <= 1:
        return [column]
    out = []
    for value in sorted(set(column)):
        at = column.index(value)
        out += [(value, *rest) for rest in _arrangements(column[:at] + column[at + 1 :])]
    return out
