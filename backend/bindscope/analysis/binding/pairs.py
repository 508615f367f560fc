"""Which scenes share a bag, and which of their pairings one exchange of two values turns into which."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bindscope.scenes.labels import SceneLabels

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trials:
    """Contests of a scene's own pairing with a partner: ``row`` [trial] (position among the scored scenes), object ids
    of both pairings ``own`` and ``other`` [trial, slot] (equal objects repeated), the unordered pair ``edge`` [trial]
    (-1 where the partner does not occur), on which ``side`` [trial] of it the scene stands (0 or 1), and its ``bag``.
    """

    row: Ids
    own: Ids
    other: Ids
    edge: Ids
    side: Ids
    bag: Ids

    def __len__(self) -> int:
        return len(self.row)

    def take(self, chosen: NDArray[np.bool_] | Ids) -> "Trials":
        """Some of the trials."""
        return Trials(*(part[chosen] for part in (self.row, self.own, self.other, self.edge, self.side, self.bag)))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Bags and pairings of labelled scenes.

    ``bag`` and ``pairing`` [scene] number them; ``objects`` [pairing, slot] are sorted object ids. Relations lead from
    an occurring pairing ``source`` [relation] to each pairing that one valid exchange makes of it: its object ids
    ``goal_objects`` [relation, slot] and, where it occurs among the scenes, its number ``goal`` (-1 where not).
    """

    bag: Ids
    pairing: Ids
    objects: Ids
    source: Ids
    goal_objects: Ids
    goal: Ids

    @classmethod
    def of(cls, labels: SceneLabels) -> "Pairs":
        """The bags and pairings of ``labels``."""
        values = np.sort(labels.scenes, axis=1).reshape(len(labels), labels.slots * len(labels.values))
        bag = _distinct(values)[1]
        ids = np.sort(labels.object_ids, axis=1)
        first, pairing = _distinct(ids)
        objects = ids[first]
        source, goal_objects = _exchanged(objects, labels)
        named, number = _distinct(np.concatenate([objects, goal_objects]))
        known = np.full(len(named), -1, dtype=np.int64)
        known[number[: len(objects)]] = np.arange(len(objects))
        return cls(bag, pairing, objects, source, goal_objects, known[number[len(objects) :]])

    @property
    def bags(self) -> int:
        """How many bags there are."""
        return int(self.bag.max(initial=-1)) + 1

    def trials(self, rows: Ids | None = None, *, paired: bool = True) -> Trials:
        """The trials of the scored scenes ``rows`` (None: all).

        ``paired``: only against partners that occur among these scenes too, which makes the score of whatever depends
        on the bag alone exactly 1/2; else against every partner.
        """
        rows = np.arange(len(self.pairing)) if rows is None else np.asarray(rows, dtype=np.int64)
        own = self.pairing[rows]
        here = np.zeros(len(self.objects), dtype=bool)
        here[own] = True
        met = (self.goal >= 0) & here[self.goal]
        able = np.flatnonzero(met) if paired else np.arange(len(self.source))
        able = able[np.argsort(self.source[able], kind="stable")]
        first = np.searchsorted(self.source[able], own, side="left")
        count = np.searchsorted(self.source[able], own, side="right") - first
        row = np.repeat(np.arange(len(rows)), count)
        within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        relation = able[np.repeat(first, count) + within]
        source, goal = self.source[relation], np.where(met[relation], self.goal[relation], -1)
        low, high = np.minimum(source, goal), np.maximum(source, goal)
        edge = np.where(goal >= 0, low * len(self.objects) + high, -1)
        return Trials(
            row,
            self.objects[source],
            self.goal_objects[relation],
            edge,
            (source > goal).astype(np.int64),
            self.bag[rows][row],
        )


def _distinct(rows: Ids) -> tuple[Ids, Ids]:
    """(where each distinct row first stands, in ascending order of the rows; the number of each row's own) of rows of
    numbers from 0 on. Packed into one number a row, which sorts many times faster than rows do."""
    key, top = np.zeros(len(rows), dtype=np.int64), 1
    for column in rows.T:
        size = int(column.max(initial=0)) + 1
        if top * size > 1 << 62:
            key = np.unique(key, return_inverse=True)[1]
            top = int(key.max(initial=0)) + 1
        key, top = key * size + column, top * size
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    return first, number


def _exchanged(objects: Ids, labels: SceneLabels) -> tuple[Ids, Ids]:
    """(source pairing, sorted object ids after the exchange), each distinct goal of a pairing once."""
    scenes = labels.objects[objects]
    radix = np.cumprod([1, *labels.values[:0:-1]])[::-1]
    sources, goals = [np.zeros(0, dtype=np.int64)], [np.zeros((0, labels.slots), dtype=np.int64)]
    for concept in range(len(labels.values)):
        for first, second in combinations(range(labels.slots), 2):
            step = (scenes[:, second, concept] - scenes[:, first, concept]) * radix[concept]
            moved = objects.copy()
            moved[:, first] += step
            moved[:, second] -= step
            moved.sort(axis=1)
            valid = np.flatnonzero((moved != objects).any(1))
            sources.append(valid)
            goals.append(moved[valid])
    both = np.column_stack([np.concatenate(sources), np.concatenate(goals)])
    both = both[_distinct(both)[0]]
    return both[:, 0], np.ascontiguousarray(both[:, 1:])
