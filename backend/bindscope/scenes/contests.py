"""Which captions compete for a scene: the true ones, and those of every valid swap; and its swapped scenes.

A swap exchanges the values of one concept between two objects. It is *valid* only if it changes the multiset of
objects, that is if the two objects differ in the swapped concept and in at least one other. Scenes without a valid
swap are never counted as right or wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.scenes.captions import Captioner, captions_in_orders, mention_orders
from bindscope.scenes.concepts import ConceptSpace, Object
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.scene import Scene


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


Orders = Literal["all", "given"]
#: Up to two objects every swapped scene is shown too; above, this many of them, drawn by seed.
MOST_TWINS = 3
#: Trials of a cell of the swap atlas that a figure of its own takes.
CELL_TRIALS = 30


@dataclass(frozen=True)
class Candidates:
    """``anchor`` is the caption as listed. ``swaps`` pairs each valid swap with its captions."""

    anchor: str
    true: tuple[str, ...]
    swaps: tuple[tuple[Swap, tuple[str, ...]], ...]

    @property
    def swap_texts(self) -> tuple[str, ...]:
        """Captions of all swaps, each once."""
        return tuple(dict.fromkeys(text for _, texts in self.swaps for text in texts))

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts that the contest needs."""
        return tuple(dict.fromkeys((self.anchor, *self.true, *self.swap_texts)))


def candidates(
    captioner: Captioner, space: ConceptSpace, *, objects: Sequence[Object], orders: Orders, text_only: bool
) -> Candidates:
    """The captions that compete.

    ``text_only``: the anchor is itself a caption, so the true candidates are the same scene in the other orders.
    """
    every = mention_orders(len(objects))
    used = every if orders == "all" else every[:1]
    anchor = captioner.caption(space, objects)
    true = captions_in_orders(captioner, space, objects=objects, orders=every if text_only else used)
    if text_only:
        true = [text for text in true if text != anchor]
    swaps = tuple(
        (swap, tuple(captions_in_orders(captioner, space, objects=swap.objects, orders=used)))
        for swap in valid_swaps(objects)
    )
    return Candidates(anchor, tuple(true), swaps)


def caption_chance(contests: Sequence[Candidates]) -> float | None:
    """How often a true caption scores best where all captions are alike: #true / (#true + #swapped), averaged over the
    scenes with a valid swap; None without one. Two objects: 1/2 for a picture, 1/3 for a text-only model."""
    shares = [len(own.true) / (len(own.true) + len(own.swap_texts)) for own in contests if own.true and own.swaps]
    return fmean(shares) if shares else None


@dataclass(frozen=True)
class Contestant:
    """A scene's own objects as listed, and the partner that ``swap`` of them makes, in the same order."""

    own: tuple[Object, ...]
    swap: Swap

    @property
    def other(self) -> tuple[Object, ...]:
        """The partner's objects, each where the exchanged one stood."""
        return self.swap.objects

    def exchanges(self) -> list[tuple[int, int, int]]:
        """(concept, true value, wrong value) of the concepts whose exchange leads here.

        Where two objects differ in two concepts, exchanging one is the same as exchanging the other, so both count. Of
        the two objects the one that comes first by its other concepts gives the direction: a scene and its twin differ.
        """
        first, second = self.own[self.swap.first], self.own[self.swap.second]
        differing = [k for k, (one, two) in enumerate(zip(first, second, strict=True)) if one != two]
        out = []
        for k in differing if len(differing) == 2 else [self.swap.concept]:
            ahead = first[:k] + first[k + 1 :] < second[:k] + second[k + 1 :]
            out.append((k, first[k], second[k]) if ahead else (k, second[k], first[k]))
        return out


def contestants(
    listed: Sequence[tuple[Object, ...]], *, labels: SceneLabels, row: NDArray[np.int64], goals: NDArray[np.int64]
) -> list[Contestant]:
    """For each trial the exchange of scene ``row`` [trial] that leads to the object ids ``goals`` [trial, slot]."""
    radix = np.cumprod([1, *labels.values[:0:-1]])[::-1]
    known: dict[tuple[Object, ...], dict[tuple[int, ...], Contestant]] = {}

    def by_goal(own: tuple[Object, ...]) -> dict[tuple[int, ...], Contestant]:
        if own not in known:
            swaps = valid_swaps(own)
            ids = np.sort(np.array([swap.objects for swap in swaps], dtype=np.int64) @ radix, axis=1).tolist()
            known[own] = {tuple(goal): Contestant(own, swap) for goal, swap in zip(ids, swaps, strict=True)}
        return known[own]

    return [by_goal(listed[i])[tuple(goal)] for i, goal in zip(row.tolist(), goals.tolist(), strict=True)]


@dataclass(frozen=True, eq=False)
class Spoken:
    """Captions of trials: all ``texts``, and which of them say the ``own`` and the ``other`` pairing [trial, order], in
    the same order of mention in the same column. ``distinct`` [trial, order]: not said by an earlier column."""

    texts: list[str]
    own: NDArray[np.int64]
    other: NDArray[np.int64]
    distinct: NDArray[np.bool_]


def spoken(
    captioner: Captioner, space: ConceptSpace, *, met: Sequence[Contestant], orders: Sequence[Sequence[int]]
) -> Spoken:
    """The captions in which contestants meet."""
    rows: dict[str, int] = {}
    said: dict[tuple[Object, ...], list[int]] = {}

    def captions(objects: tuple[Object, ...]) -> list[int]:
        if objects not in said:
            texts = [captioner.caption(space, [objects[i] for i in order]) for order in orders]
            said[objects] = [rows.setdefault(text, len(rows)) for text in texts]
        return said[objects]

    shape = (len(met), len(orders))
    own = np.array([captions(one.own) for one in met], dtype=np.int64).reshape(shape)
    other = np.array([captions(one.other) for one in met], dtype=np.int64).reshape(shape)
    distinct = (own[:, :, None] == own[:, None]).argmax(2) == np.arange(len(orders))
    return Spoken(list(rows), own, other, distinct)


def exchanged(scene: Scene, swap: Swap) -> Scene:
    """The same places and sizes, with the objects of ``swap``: the scene's twin."""
    placed = (replace(old, values=values) for old, values in zip(scene.objects, swap.objects, strict=True))
    return Scene(scene.space, tuple(placed))


def twins_of(scenes: Sequence[Scene], *, seed: int) -> list[list[Scene]]:
    """For each drawn scene all its twins or, above two objects, up to ``MOST_TWINS`` of them, drawn by ``seed``."""
    out: list[list[Scene]] = []
    for number, scene in enumerate(scenes):
        swaps = valid_swaps(scene.values)
        if len(scene.objects) > 2 and len(swaps) > MOST_TWINS:
            chosen = np.random.default_rng([seed, number, len(swaps)]).permutation(len(swaps))[:MOST_TWINS]
            swaps = [swaps[i] for i in sorted(chosen.tolist())]
        out.append([exchanged(scene, swap) for swap in swaps])
    return out


def with_twins(scenes: Sequence[Scene], *, seed: int) -> list[Scene]:
    """The drawn scenes, then their twins, so that both directions of each contest are there."""
    return [*scenes, *(twin for twins in twins_of(scenes, seed=seed) for twin in twins)]
