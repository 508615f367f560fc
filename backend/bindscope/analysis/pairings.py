"""In how many ways the concept values of a scene can be dealt out to its objects.

A bag of concepts knows the values and not their owners: it can only guess one of these pairings. This is the chance
level of object recognition that says something about binding. Counted with the lemma of Burnside over the
permutations of the objects, so that no pairing is listed.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

Pattern = tuple[int, ...]


def _partitions(total: int, largest: int) -> Iterator[Pattern]:
    """Cycle lengths, longest first, of the kinds of permutation of ``total`` objects."""
    if total == 0:
        yield ()
    for part in range(min(total, largest), 0, -1):
        for rest in _partitions(total - part, part):
            yield (part, *rest)


@lru_cache(maxsize=4096)
def _fixed(cycles: Pattern, pattern: Pattern) -> int:
    """Arrangements of values that such a permutation leaves alone: each cycle has one value, and the counts fit."""
    if not cycles:
        return 1
    longest, rest = cycles[0], cycles[1:]
    return sum(
        _fixed(rest, (*pattern[:i], count - longest, *pattern[i + 1 :]))
        for i, count in enumerate(pattern)
        if count >= longest
    )


@lru_cache(maxsize=4096)
def count_pairings(patterns: tuple[Pattern, ...]) -> int:
    """Distinct multisets of objects. ``patterns`` holds, for each concept, how often each of its values occurs."""
    objects = sum(patterns[0])
    total = 0
    for cycles in _partitions(objects, objects):
        orders = prod(cycles) * prod(factorial(n) for n in Counter(cycles).values())
        total += factorial(objects) // orders * prod(_fixed(cycles, pattern) for pattern in patterns)
    return total // factorial(objects)


def pairings(scenes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The number of pairings of each scene: [scene], from value indices [scene, object, concept].

    Two objects that differ in d > 0 concepts can be paired in 2^(d - 1) ways.
    """
    ordered = np.sort(scenes, axis=1)
    # Which neighbours in sorted order are equal says how often each value occurs, and few such marks differ.
    marks = (ordered[:, 1:] == ordered[:, :-1]).reshape(len(scenes), -1)
    kinds, kind = np.unique(marks, axis=0, return_inverse=True)
    counts = [_count(mark.reshape(scenes.shape[1] - 1, scenes.shape[2])) for mark in kinds]
    return np.array(counts, dtype=np.float64)[kind.reshape(-1)]


def _count(equal: NDArray[np.bool_]) -> int:
    """Pairings of one kind of scene, from equality of neighbours [object - 1, concept]."""
    patterns: list[Pattern] = []
    for column in equal.T:
        runs = [1]
        for same in column:
            if same:
                runs[-1] += 1
            else:
                runs.append(1)
        patterns.append(tuple(sorted(runs, reverse=True)))
    return count_pairings(tuple(sorted(patterns)))
