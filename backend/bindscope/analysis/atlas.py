"""The swap atlas: for which values the swapped caption wins, in directed cells, shrunk towards the mean, on arrays.

A cell (concept, value, other) holds the contests in which an object that truly has ``value`` is said to have ``other``.
Both objects of an exchange are concerned; the one that comes first by its other concepts gives the direction, so that
a scene and its twin fall in the two cells of a pair of values.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from bindscope.analysis.metrics import Interval, wilson
from bindscope.core.binding_rules import LEAST_BAGS
from bindscope.scenes.contests import CELL_TRIALS


@dataclass(frozen=True)
class AtlasEntry:
    """Values are indices of ``concept``. ``swapped``: share of the contests that the swapped caption won, as counted;
    ``shrunk``: the same drawn towards the mean of the concept by what few trials can show, with its 95 % interval;
    ``shown``: whether that interval leaves the mean out, over enough trials for a claim. ``example``: the scene with
    the lowest lead.
    """

    concept: int
    value: int
    other: int
    swapped: Interval
    shrunk: Interval
    shown: bool
    undecided: int
    mean_margin: float
    example: int


def swap_atlas(
    exchanges: NDArray[np.int64], leads: NDArray[np.float64], *, floor: float, scene_of: NDArray[np.int64]
) -> list[AtlasEntry]:
    """``exchanges`` [trial, 3] = concept, true value, wrong value; ``leads`` [trial] of the true captions; ``scene_of``
    [trial]. Leads within ``floor`` are undecided."""
    if not len(exchanges):
        return []
    keys, group = np.unique(exchanges, axis=0, return_inverse=True)
    group = group.reshape(-1)
    trials = np.bincount(group)
    lost = np.bincount(group, weights=leads < -floor).astype(np.int64)
    ties = np.bincount(group, weights=np.abs(leads) <= floor).astype(np.int64)
    means = np.bincount(group, weights=leads) / trials
    order = np.lexsort((leads, group))
    worst = scene_of[order[np.searchsorted(group[order], np.arange(len(keys)))]]
    entries: list[AtlasEntry] = []
    for concept in np.unique(keys[:, 0]):
        cells = np.flatnonzero(keys[:, 0] == concept)
        mean, low, middle, high = shrunk(lost[cells], trials[cells])
        for at, cell in enumerate(cells.tolist()):
            n = int(trials[cell])
            entries.append(
                AtlasEntry(
                    int(concept),
                    int(keys[cell, 1]),
                    int(keys[cell, 2]),
                    wilson(int(lost[cell]), n),
                    Interval(float(middle[at]), float(low[at]), float(high[at]), n),
                    n >= LEAST_BAGS and bool(low[at] > mean or high[at] < mean),
                    int(ties[cell]),
                    float(means[cell]),
                    int(worst[cell]),
                )
            )
    return entries


def shrunk(
    hits: NDArray[np.int64], trials: NDArray[np.int64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Empirical Bayes: (mean of all, low, middle, high [cell]) of shares ``hits`` of ``trials`` [cell].

    Cells come from a beta distribution whose mean is that of all trials and whose spread is what they vary by beyond
    the binomial (method of moments). It never weighs more than all the trials, whose mean is known no better.
    """
    total = int(trials.sum())
    mean = (float(hits.sum()) + 0.5) / (total + 1)
    spread = float((trials * (hits / trials - mean) ** 2).sum()) / (mean * (1 - mean))
    free = len(trials) - 1
    room = total - float((trials**2).sum()) / total - free
    correlation = (spread - free) / room if room > 0 else 0.0
    weight = min(max(1 / max(correlation, 1e-12) - 1, 1.0), max(float(total), 1.0))
    first, second = mean * weight + hits, (1 - mean) * weight + trials - hits
    low, high = betaincinv(first, second, 0.025), betaincinv(first, second, 0.975)
    return mean, low, first / (first + second), high


def enough_scenes(scenes: int, trials: NDArray[np.int64], cells: NDArray[np.int64]) -> int | None:
    """How many scenes give ``CELL_TRIALS`` trials a cell on average in every concept, from the ``trials`` [concept]
    that ``scenes`` gave and the possible ``cells`` [concept]; None without a trial."""
    able = (trials > 0) & (cells > 0)
    if not able.any():
        return None
    return int(np.ceil(scenes * CELL_TRIALS * (cells[able] / trials[able]).max() / 10)) * 10
