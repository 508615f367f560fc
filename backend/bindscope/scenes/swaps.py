"""Swaps: exchange the values of one concept between two objects.

A swap is *valid* only if it changes the multiset of objects, that is if the two objects differ in the swapped
concept and in at least one other. Scenes without a valid swap are never counted as right or wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from bindscope.scenes.concepts import Object


@dataclass(frozen=True)
class Swap:
    """Exchange of concept number ``concept`` between objects ``first`` and ``second``, and the objects after it."""

    concept: int
    first: int
    second: int
    objects: tuple[Object, ...]


def swapped(objects: Sequence[Object], concept: int, first: int, second: int) -> tuple[Object, ...]:
    """The objects after the exchange. Doing it twice is the identity."""
    out = [list(o) for o in objects]
    out[first][concept], out[second][concept] = out[second][concept], out[first][concept]
    return tuple(tuple(o) for o in out)


def valid_swaps(objects: Sequence[Object]) -> list[Swap]:
    """All valid swaps, one for each distinct multiset that they lead to, lowest concept first.

    With two objects and two concepts, exchanging the colours or the shapes leads to the same multiset: one swap.
    """
    seen = {tuple(sorted(objects))}
    found: list[Swap] = []
    concepts = len(objects[0]) if objects else 0
    for concept in range(concepts):
        for first, second in combinations(range(len(objects)), 2):
            after = swapped(objects, concept, first, second)
            key = tuple(sorted(after))
            if key not in seen:
                seen.add(key)
                found.append(Swap(concept, first, second, after))
    return found
