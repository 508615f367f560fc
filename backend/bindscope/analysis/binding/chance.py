"""What strict recognition of objects ("all present above all absent") reaches without binding.

Each scene has two levels beside the one of random scores over all objects. ``given_bag``: random scores among the
objects that the scene's values allow. ``ceiling_bag``: always naming the most frequent pairing of the bag, which knows
the values and needs no binding. A strict figure shows binding only above the ceiling.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import comb, factorial, prod

import numpy as np
from numpy.typing import NDArray

from bindscope.scenes.labels import SceneLabels

#: How often each value of a concept occurs among the objects of a scene, ascending.
Counts = tuple[int, ...]
#: The values of one concept in the order of the objects, or those of one object in the order of the concepts.
Values = tuple[int, ...]


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
    ids = np.sort(labels.object_ids, axis=1)
    distinct = 1 + (ids[:, 1:] != ids[:, :-1]).sum(1)
    kinds, weights = _kinds(labels, distinct)
    given = [1 / comb(prod(map(len, counts)), shown) for counts, shown in kinds]
    anywhere = [1 / comb(labels.object_count, shown) for _, shown in kinds]
    ceilings = [_ceiling(counts) for counts, _ in kinds]
    return StrictChance(*(float(np.average(levels, weights=weights)) for levels in (anywhere, given, ceilings)))


def _kinds(
    labels: SceneLabels, distinct: NDArray[np.int64]
) -> tuple[list[tuple[tuple[Counts, ...], int]], NDArray[np.int64]]:
    """(how often the values of each concept occur, distinct objects) of each kind of scene, and how many there are.

    The levels depend on nothing else, and few kinds occur.
    """
    scenes = labels.scenes
    same = np.sort((scenes[:, :, None] == scenes[:, None]).sum(2), axis=1).transpose(0, 2, 1)
    marks = np.column_stack([same.reshape(len(scenes), -1), distinct])
    found, weights = np.unique(marks, axis=0, return_counts=True)
    columns = found[:, :-1].reshape(len(found), -1, labels.slots).tolist()
    counts = [tuple(sorted(map(_counts, kind))) for kind in columns]
    return list(zip(counts, found[:, -1].tolist(), strict=True)), weights


def _counts(same: list[int]) -> Counts:
    """From how often the value of each object occurs, ascending, to how often each value occurs."""
    return tuple(size for size in sorted(set(same)) for _ in range(same.count(size) // size))


@lru_cache(maxsize=65_536)
def _ceiling(counts: tuple[Counts, ...]) -> float:
    """Share of the most frequent pairing among all ways to deal the values out, the first concept held in place.

    A pairing with object multiplicities m_o comes in (prod of the first concept's multiplicities!) / (prod m_o!) ways.
    """
    slots = sum(counts[0])
    ways = prod(factorial(slots) // prod(map(factorial, own)) for own in counts[1:])
    return prod(map(factorial, counts[0])) / _least_repeats(counts, slots) / ways


def _least_repeats(counts: tuple[Counts, ...], slots: int) -> int:
    """The least prod m_o! of any pairing of these values."""
    first, *rest = (tuple(chain.from_iterable([n] * size for n, size in enumerate(own))) for own in counts)
    even, over = divmod(slots, prod(map(len, counts)))
    bound = factorial(even) ** (prod(map(len, counts)) - over) * factorial(even + 1) ** over
    least = factorial(slots)
    for objects in _dealt(tuple((value,) for value in first), rest):
        least = min(least, prod(factorial(objects.count(one)) for one in set(objects)))
        if least <= bound:
            break
    return least


def _dealt(objects: tuple[Values, ...], columns: list[Values]) -> Iterator[tuple[Values, ...]]:
    """The objects with the values of further concepts, dealt out in every way."""
    if not columns:
        yield objects
        return
    for column in _arrangements(columns[0]):
        yield from _dealt(tuple((*own, value) for own, value in zip(objects, column, strict=True)), columns[1:])


def _arrangements(column: Values) -> Iterator[Values]:
    """Distinct orders of the values of one concept."""
    if len(column) <= 1:
        yield column
        return
    for value in sorted(set(column)):
        at = column.index(value)
        for rest in _arrangements(column[:at] + column[at + 1 :]):
            yield (value, *rest)
