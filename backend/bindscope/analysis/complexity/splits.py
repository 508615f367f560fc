"""Splits by object: scenes of seen objects to learn from, scenes of unseen objects only to be scored on.

Published splits take the first part of a permutation, which can leave a concept value without any training object.
Here the permutation is led by objects that together show every value, so that nothing is missing as soon as there are
enough objects for it. It ends in a block, all pairs of some values of two concepts: unseen objects that are drawn one
by one almost never close under swaps, and whether predictions bind unseen objects shows only in scenes whose swaps are
made of unseen objects too. Splits of one seed are nested: more coverage only adds objects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput
from bindscope.scenes.labels import SceneLabels

Rows = NDArray[np.int64]

#: Folds of the cross-validation inside the training scenes, and shuffles of which the best one is taken.
FOLDS = 5
_SHUFFLES = 16
#: Most values of the one concept, and most objects, of a block.
_ROWS, _BLOCK = 5, 25


@dataclass(frozen=True, eq=False)
class ObjectSplit:
    """``train_objects`` ids in ascending order, rows of ``train`` and ``test`` scenes, and what training never shows.

    A test scene has unseen objects only; scenes that mix seen and unseen ones are in neither part. ``missing`` lists,
    for each concept that has any, the values that occur in the scenes but in no training object: there are some only
    where the coverage is too small to hold every value.
    """

    train_objects: Rows
    train: Rows
    test: Rows
    missing: Mapping[str, tuple[int, ...]]


def object_split(labels: SceneLabels, *, coverage: float, seed: int) -> ObjectSplit:
    """Splits the objects that occur; ``coverage`` of them, rounded down, are seen.

    A matter of what the scenes hold, not of their order. Raises InvalidInput where no scene is left to learn from or to
    be scored on.
    """
    occurring = np.unique(labels.object_ids)
    count = int(coverage * len(occurring) + 1e-9)
    if not count >= 1:
        raise InvalidInput(
            f"A coverage of {coverage:g} of {len(occurring)} objects leaves none to learn from: "
            f"choose at least {1 / max(1, len(occurring)):.3g}."
        )
    order = _covering_order(labels.objects[occurring], seed)
    chosen = np.zeros(labels.object_count, dtype=bool)
    chosen[occurring[order[:count]]] = True
    seen = chosen[labels.object_ids]
    train, test = np.flatnonzero(seen.all(1)), np.flatnonzero(~seen.any(1))
    if not len(train):
        raise InvalidInput(
            f"No scene holds only the {count} seen of {len(occurring)} objects (coverage {coverage:g}): "
            "choose a larger coverage or give more scenes."
        )
    if not len(test):
        raise InvalidInput(
            f"No scene holds only unseen objects at coverage {coverage:g} ({count} of {len(occurring)} objects seen): "
            "choose a smaller coverage or give more scenes."
        )
    return ObjectSplit(np.flatnonzero(chosen), train, test, _missing(labels, occurring, chosen[occurring]))


def _covering_order(objects: NDArray[np.int64], seed: int) -> Rows:
    """A seeded permutation of objects [object, concept], led by a greedy cover of all their values, a block last."""
    block = _block(objects, seed)
    order = np.random.default_rng(seed).permutation(len(objects))
    outside = order[~np.isin(order, block)]
    # Values of the block first, for they have fewer objects left that show them; the block only in need.
    beside = np.any([np.isin(column, column[block]) for column in objects.T], axis=0)[outside]
    lead = _cover(objects, [outside[beside], outside[~beside], block])
    rest = np.concatenate([outside, block])
    return np.concatenate([lead, rest[~np.isin(rest, lead)]])


def _cover(objects: NDArray[np.int64], parts: Sequence[Rows]) -> Rows:
    """A greedy cover of all values, from the last part only what the others do not show."""
    candidates, free = np.concatenate(parts), sum(map(len, parts[:-1]))
    offered = objects[candidates]
    fresh = np.ones(offered.shape, dtype=bool)
    lead: list[int] = []
    while fresh.any():
        shown = fresh.sum(1)
        best = int(shown[:free].argmax()) if shown[:free].any() else int(shown.argmax())
        lead.append(best)
        fresh &= offered != offered[best]
    return np.asarray(candidates[lead])


def _block(objects: NDArray[np.int64], seed: int) -> Rows:
    """Numbers of the objects of a seeded block over the two largest concepts, from its rim to its corner.

    The other concepts have one value, the one with which most of the block occurs. Empty where it would have fewer than
    two values of either concept.
    """
    none = np.zeros(0, dtype=np.int64)
    shown = [np.unique(column) for column in objects.T]
    if len(shown) < 2:
        return none
    rng = np.random.default_rng([seed, 31])
    *_, fewer, larger = np.argsort([len(values) for values in shown], kind="stable").tolist()
    rows = rng.permutation(shown[fewer])[: min(_ROWS, 2 * len(shown[fewer]) // 3)]
    across = rng.permutation(shown[larger])[: min(_BLOCK // max(1, len(rows)), len(shown[larger]) // 2)]
    if len(rows) < 2 or len(across) < 2:
        return none
    row, column = (objects[:, [k]] == values for k, values in ((fewer, rows), (larger, across)))
    inside = np.flatnonzero(row.any(1) & column.any(1))
    if not len(inside):
        return none
    _, group, counts = np.unique(
        np.delete(objects[inside], [fewer, larger], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    chosen = inside[group.reshape(-1) == counts.argmax()]
    places = np.column_stack([row[chosen].argmax(1), column[chosen].argmax(1)])
    return np.asarray(chosen[np.lexsort((places.sum(1), places.max(1)))[::-1]])


def _missing(labels: SceneLabels, occurring: Rows, seen: NDArray[np.bool_]) -> dict[str, tuple[int, ...]]:
    objects = labels.objects[occurring]
    lost = {name: tuple(np.setdiff1d(objects[:, k], objects[seen, k]).tolist()) for k, name in enumerate(labels.names)}
    return {name: values for name, values in lost.items() if values}


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows to fit on and rows of scenes of held-out objects, among the training scenes of a split."""

    train: Rows
    held: Rows


def object_folds(labels: SceneLabels, *, seed: int) -> tuple[Fold, ...]:
    """Folds of the training scenes that repeat the question: held-out scenes hold objects that the fold never saw.

    Of several shuffles the one is taken in which most held-out scenes have only values that the fold still shows; where
    there are such scenes, the others are left out. Where scenes are so few that none is of held-out objects only, those
    that hold any count. Empty where nothing can be held out.
    """
    ids = np.unique(labels.object_ids)
    if len(ids) < 2:
        return ()
    place = np.searchsorted(ids, labels.object_ids)
    rng = np.random.default_rng([seed, len(ids)])
    best: tuple[int, int, tuple[Fold, ...]] | None = None
    for _ in range(_SHUFFLES):
        of_object = np.empty(len(ids), dtype=np.int64)
        of_object[rng.permutation(len(ids))] = np.arange(len(ids)) % min(FOLDS, len(ids))
        folds = _folds(of_object[place])
        known = tuple(Fold(fold.train, fold.held[_all_known(labels, fold)]) for fold in folds)
        good, found = sum(len(f.held) for f in known), sum(len(f.held) for f in folds)
        if best is None or (good, found) > best[:2]:
            best = (good, found, known if good else tuple(folds))
    assert best is not None
    return tuple(fold for fold in best[2] if len(fold.held) and len(fold.train))


def _folds(fold_of: Rows) -> list[Fold]:
    """``fold_of`` [scene, slot]: the fold of each object."""
    numbers = np.unique(fold_of)
    held = [(fold_of == number).all(1) for number in numbers]
    if not any(rows.any() for rows in held):
        held = [(fold_of == number).any(1) for number in numbers]
    return [
        Fold(np.flatnonzero((fold_of != number).all(1)), np.flatnonzero(rows))
        for number, rows in zip(numbers, held, strict=True)
    ]


def _all_known(labels: SceneLabels, fold: Fold) -> NDArray[np.bool_]:
    """Which held-out scenes have only values that the fold shows in the same slot: [held]."""
    known = np.ones(len(fold.held), dtype=bool)
    for k, size in enumerate(labels.values):
        for slot in range(labels.slots):
            shown = np.zeros(size, dtype=bool)
            shown[labels.scenes[fold.train, slot, k]] = True
            known &= shown[labels.scenes[fold.held, slot, k]]
    return known
