"""Contests of captions over many scenes, like with like, on arrays.

A trial sets the captions of a scene's own pairing against those of a partner (one valid exchange away) in the same
orders of mention. Its *lead* is the mean over the orders of the cosine with the own caption minus that with the
partner's. The anchor is the picture; models that read texts only take each own caption as the anchor in turn, and the
candidates are then in the other orders.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import BagScores, Trials
from bindscope.analysis.metrics import unit

Ids = NDArray[np.int64]
Array = NDArray[np.float64]

#: Trials whose captions are gathered at once.
_SLICE = 512


@dataclass(frozen=True, eq=False)
class Captions:
    """Which captions meet: rows of a table of texts for the ``own`` and the ``other`` pairing [trial, order], the same
    order of mention in the same column, and which columns are ``distinct`` [trial, order] captions of the own pairing
    (scenes that show an object twice repeat captions)."""

    own: Ids
    other: Ids
    distinct: NDArray[np.bool_]


def picture_leads(anchors: NDArray[np.float32], table: NDArray[np.float32], *, captions: Captions) -> Array:
    """Leads [trial] with one anchor [trial, dim] each; ``table`` [text, dim]."""
    texts, own = unit(table), unit(anchors)
    leads = np.zeros(len(captions.own))
    for part in _slices(len(leads)):
        gap = (texts[captions.own[part]] - texts[captions.other[part]]).mean(1)
        leads[part] = np.einsum("td,td->t", own[part], gap)
    return leads


def caption_leads(table: NDArray[np.float32], *, captions: Captions) -> tuple[Array, Array]:
    """Leads [trial, order] with the own caption in each order as the anchor: against the partner in the *other* orders
    of mention, which is fair, and against the partner in the anchor's *own* order, which asks what outweighs what,
    order or meaning. NaN where the own pairing has no other caption, and for captions that repeat."""
    texts = unit(table)
    fair, same = np.full(captions.own.shape, np.nan), np.full(captions.own.shape, np.nan)
    off = ~np.eye(captions.own.shape[1], dtype=bool)
    for part in _slices(len(fair)):
        anchors, others = texts[captions.own[part]], texts[captions.other[part]]
        there = captions.distinct[part]
        met = there[:, :, None] & there[:, None] & off
        count = met.sum(2)
        able = count > 0
        count = np.maximum(count, 1)
        true = (np.matmul(anchors, anchors.transpose(0, 2, 1)) * met).sum(2) / count
        wrong = (np.matmul(anchors, others.transpose(0, 2, 1)) * met).sum(2) / count
        fair[part] = np.where(able, true - wrong, np.nan)
        same[part] = np.where(able, true - np.einsum("tpd,tpd->tp", anchors, others), np.nan)
    return fair, same


def double_differences(trials: Trials, leads: Array, *, resolution: float) -> BagScores:
    """For each pair {A, B}: s(A,a) + s(B,b) - s(A,b) - s(B,a) > 0, a tie half; mean over the pairs of a bag.

    Scenes of one pairing are averaged first. A liking for certain texts or pictures cancels, so a model that fails the
    contest and wins here holds the binding and lets a bias decide.
    """
    there = trials.edge >= 0
    edge, side, bag, lead = trials.edge[there], trials.side[there], trials.bag[there], leads[there]
    edges, first, number = np.unique(edge, return_index=True, return_inverse=True)
    cell, cells = 2 * number + side, 2 * len(edges)
    counts = np.bincount(cell, minlength=cells).reshape(-1, 2)
    both = (counts > 0).all(1)
    sums = np.bincount(cell, weights=lead, minlength=cells).reshape(-1, 2)[both]
    total = (sums / counts[both]).sum(1)
    # Either lead may be off by the resolution.
    ties = (np.abs(total) <= 2 * resolution).astype(np.float64)
    wins = (total > 2 * resolution) + 0.5 * ties
    bags, owner = np.unique(bag[first][both], return_inverse=True)
    size = np.bincount(owner, minlength=len(bags))
    return BagScores(bags, *(np.bincount(owner, weights=part, minlength=len(bags)) / size for part in (wins, ties)))


def _slices(count: int) -> list[slice]:
    return [slice(start, start + _SLICE) for start in range(0, count, _SLICE)]
