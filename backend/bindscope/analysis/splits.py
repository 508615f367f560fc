"""Training and held-out scenes. By bag, unless a published procedure is being reproduced.

A split by scene puts a scene and its swap on different sides, which teaches a probe of a pure bag of concepts to prefer
the pairing that it has seen, and so to miss the other one.
"""

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Pairs
from bindscope.core.errors import InvalidInput
from bindscope.scenes.labels import SceneLabels

Ids = NDArray[np.int64]


def split_bags(labels: SceneLabels, *, train_ratio: float, seed: int, pairs: Pairs | None = None) -> tuple[Ids, Ids]:
    """Rows of the training and of the held-out scenes, ascending; all scenes of a bag are on one side.

    About ``train_ratio`` of the scenes are for training. A matter of what the scenes hold, not of their order. Raises
    InvalidInput where a part would be empty: there must be at least two bags.
    """
    bag = (pairs or Pairs.of(labels)).bag
    count = int(bag.max(initial=-1)) + 1
    if count < 2:
        raise InvalidInput(
            f"A split by bag needs scenes that show at least two different sets of values: these {len(labels)} show "
            f"{count}: add scenes with other values, or choose split 'scene'."
        )
    return _divided(bag, train_ratio=train_ratio, seed=seed)


def _divided(bag: Ids, *, train_ratio: float, seed: int) -> tuple[Ids, Ids]:
    """Rows of two parts that share no bag; bags are numbered without gaps, and there are at least two."""
    sizes = np.bincount(bag)
    order = np.random.default_rng(seed).permutation(len(sizes))
    nearest = int(np.abs(np.cumsum(sizes[order]) - train_ratio * len(bag)).argmin()) + 1
    learned = np.zeros(len(sizes), dtype=bool)
    learned[order[: min(nearest, len(sizes) - 1)]] = True
    return np.flatnonzero(learned[bag]), np.flatnonzero(~learned[bag])


def bag_splits(
    labels: SceneLabels, *, train_ratio: float, seed: int, splits: int, pairs: Pairs
) -> list[tuple[Ids, Ids]]:
    """(training rows, held-out rows) by bag under the seeds ``seed``, ``seed`` + 1, ... Raises as ``split_bags``."""
    seeds = range(seed, seed + splits)
    return [split_bags(labels, train_ratio=train_ratio, seed=own, pairs=pairs) for own in seeds]


def halves(rows: Ids, *, seed: int, pairs: Pairs) -> tuple[Ids, Ids]:
    """Some of the scenes in two halves by bag; a single bag is both halves, which leaves probes too few to learn."""
    names, bag = np.unique(pairs.bag[rows], return_inverse=True)
    if len(names) < 2:
        return rows, rows
    one, other = _divided(bag, train_ratio=0.5, seed=seed)
    return rows[one], rows[other]


def split_scenes(labels: SceneLabels, *, train_ratio: float, seed: int) -> tuple[Ids, Ids]:
    """Rows of the training and of the held-out scenes, each in ascending order, whatever bags they share (published).

    The scenes are put in the order of their labels before they are shuffled, so the split is a matter of what the
    scenes hold and not of the order in which they come (copies of one scene aside). Raises InvalidInput where a part
    would have fewer than two scenes.
    """
    count = len(labels)
    cut = int(train_ratio * count)
    if cut < 2 or count - cut < 2:
        raise InvalidInput(
            f"There must be at least two training and two held-out scenes: {count} scenes at a training share of "
            f"{train_ratio:g} give {cut} and {count - cut}. Add scenes or change the share."
        )
    by_label = np.lexsort(labels.object_ids.T[::-1])
    order = by_label[np.random.default_rng(seed).permutation(count)]
    return np.sort(order[:cut]), np.sort(order[cut:])
