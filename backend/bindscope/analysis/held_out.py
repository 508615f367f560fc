"""Vectors that probes have not learned from, under one or several splits, and the binding score that they give.

The vectors may be the scenes' own, or what an analysis makes of them (rebuilt, with parts taken out, edited):
each stands for a labelled scene, and the probes are asked for that scene's objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import (
    BagScores,
    Binding,
    Pairs,
    StrictChance,
    against_control,
    binding_of,
    strict_chance,
    unpaired_choice,
)
from bindscope.analysis.metrics import Interval
from bindscope.analysis.probes import OBJECT, LinearProbes, ProbeFit
from bindscope.analysis.readings import Reading, read, recognition_over_bags
from bindscope.analysis.verdict import presence
from bindscope.core.binding_rules import LEAST_BAGS
from bindscope.scenes.labels import SceneLabels

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """``vectors`` [vector, dim] that stand for the scenes ``rows`` [vector], as ``probes`` of ``train`` read them."""

    train: Ids
    rows: Ids
    vectors: NDArray[np.floating]
    probes: LinearProbes
    reading: Reading

    @property
    def scores(self) -> BagScores:
        """The paired scores of bags; none where the objects' head could not be fitted."""
        return BagScores.merged([]) if OBJECT in self.probes.unfitted else self.reading.scores


def held_out(
    probes: LinearProbes, vectors: NDArray[np.floating], labels: SceneLabels, *, pairs: Pairs, train: Ids, rows: Ids
) -> HeldOut:
    """Reads ``vectors`` [vector, dim] as scenes ``rows`` of ``labels``; ``pairs`` are those of all of ``labels``."""
    return HeldOut(train, rows, vectors, probes, read(probes, vectors, labels.take(rows), pairs=pairs, rows=rows))


def binding_of_held_out(parts: Sequence[HeldOut], labels: SceneLabels, pairs: Pairs, *, probe_fit: ProbeFit) -> Binding:
    """The headline over all splits; where too few bags pair, the unpaired forced choice beside the bag baseline.

    The baseline is what ``probe_fit`` reads from the presence of concept values alone, on the same splits.
    """
    scores = [part.scores for part in parts]
    at_edge = sum(OBJECT in part.probes.edges for part in parts) > len(parts) / 2
    if len(BagScores.merged(scores)) >= LEAST_BAGS:
        return binding_of(scores, at_edge=at_edge)
    known = _presence(labels)
    unpaired = []
    for part in parts:
        if OBJECT in part.probes.unfitted:
            continue
        scored = labels.take(part.rows)
        base = probe_fit(known[part.train], labels.take(part.train))
        both: list[BagScores] = []
        for probes, vectors in ((part.probes, part.vectors), (base, known[part.rows])):
            found = read(probes, vectors, scored, pairs=pairs, rows=part.rows, paired=False)
            both.append(unpaired_choice(found.trials, found.leads))
        unpaired.append((both[0], both[1]))
    return binding_of(scores, unpaired=unpaired, at_edge=at_edge)


def derived_binding(
    parts: Sequence[HeldOut], control: Sequence[HeldOut], labels: SceneLabels, pairs: Pairs, *, probe_fit: ProbeFit
) -> Binding:
    """The headline of vectors that labels helped to make, beside the same analysis of vectors ``dealt_anew``."""
    found = binding_of_held_out(parts, labels, pairs, probe_fit=probe_fit)
    return against_control(found, [part.scores for part in parts], [part.scores for part in control])


def dealt_anew(pairs: Pairs, *, seed: int) -> Ids:
    """Rows [scene] in an order that deals the scenes of each bag out anew among its places.

    Whatever vectors tell beyond their bag belongs to other scenes then; all that depends on the bag alone stays.
    """
    shuffled = np.random.default_rng(seed).permutation(len(pairs.bag))
    out = np.empty(len(pairs.bag), dtype=np.int64)
    out[np.argsort(pairs.bag, kind="stable")] = shuffled[np.argsort(pairs.bag[shuffled], kind="stable")]
    return out


def recognition_of_held_out(parts: Sequence[HeldOut], labels: SceneLabels, pairs: Pairs) -> dict[str, Interval]:
    """Strict recognition over all splits, intervals over bags; heads that could not be fitted give no figure."""
    results = [(part.rows, part.reading.recognition) for part in parts]
    return recognition_over_bags(results, labels, pairs, unfitted=[part.probes.unfitted for part in parts])


def chance_where_swaps(rows: Ids, labels: SceneLabels) -> StrictChance:
    """Levels of strict object recognition on those of ``rows`` that have a valid swap."""
    return strict_chance(labels.take(rows[labels.has_valid_swap[rows]]))


def _presence(labels: SceneLabels) -> NDArray[np.float64]:
    """Which value each scene shows, [scene, value of all concepts]: all that a bag of concepts knows."""
    heads = [presence(labels.scenes[:, :, k], size) for k, size in enumerate(labels.values)]
    return np.concatenate(heads, axis=1).astype(np.float64)
