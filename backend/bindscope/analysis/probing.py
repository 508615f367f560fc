"""Is the information linearly there? Probes under several splits by bag, with the binding score as headline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.binding import BagScores, Binding, Pairs, StrictChance, share_over_bags
from bindscope.analysis.held_out import (
    HeldOut,
    binding_of_held_out,
    chance_where_swaps,
    held_out,
    recognition_of_held_out,
)
from bindscope.analysis.metrics import Interval
from bindscope.analysis.probes import LinearProbes, checked, fit_probes
from bindscope.analysis.readings import chance_intervals
from bindscope.analysis.splits import bag_splits, split_scenes
from bindscope.analysis.verdict import presence
from bindscope.core.specs import ProbeSpec
from bindscope.scenes.labels import SceneLabels

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class ValueRecognition:
    """Recognition of a concept among the scenes that hold one of its values."""

    train: Interval
    test: Interval


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """Figures are means over the splits, intervals and n over bags.

    ``chance`` is what random scores reach on the scored scenes; ``object_chance`` holds the levels of strict object
    recognition on those with a valid swap. ``strengths`` are medians over the splits (None: nothing was fitted),
    ``edges`` the heads whose strength lay at a rising end of its grid in any split. ``scores`` are the paired scores of
    each split; ``probes`` those of the first one.
    """

    binding: Binding
    train: dict[str, Interval]
    test: dict[str, Interval]
    chance: dict[str, Interval]
    object_chance: StrictChance
    per_value: dict[str, tuple[ValueRecognition, ...]]
    train_scenes: int
    test_scenes: int
    strengths: Mapping[str, float | None]
    edges: tuple[str, ...]
    scores: tuple[BagScores, ...]
    probes: LinearProbes


def splits_of(labels: SceneLabels, spec: ProbeSpec, pairs: Pairs) -> list[tuple[Ids, Ids]]:
    """(training rows, held-out rows) under each split seed. Raises InvalidInput as the splits do."""
    if spec.split == "scene":
        seeds = range(spec.seed, spec.seed + spec.splits)
        return [split_scenes(labels, train_ratio=spec.train_ratio, seed=seed) for seed in seeds]
    return bag_splits(labels, train_ratio=spec.train_ratio, seed=spec.seed, splits=spec.splits, pairs=pairs)


def probe(embeddings: ArrayLike, labels: SceneLabels, spec: ProbeSpec) -> ProbeResult:
    """Fits on the training scenes of embeddings [scene, dim] and reads both parts, under each split.

    Same input, same bits. Raises InvalidInput as ``splits_of`` and ``fit_probes`` do.
    """
    rows, pairs = checked(embeddings, labels), Pairs.of(labels)
    fit = partial(fit_probes, estimator=spec.estimator, seed=spec.seed)
    learned, unseen = [], []
    for train, test in splits_of(labels, spec, pairs):
        probes = fit(rows[train], labels.take(train))
        learned.append(held_out(probes, rows[train], labels, pairs=pairs, train=train, rows=train))
        unseen.append(held_out(probes, rows[test], labels, pairs=pairs, train=train, rows=test))
    tested = np.unique(np.concatenate([own.rows for own in unseen]))
    return ProbeResult(
        binding=binding_of_held_out(unseen, labels, pairs, probe_fit=fit),
        train=recognition_of_held_out(learned, labels, pairs),
        test=recognition_of_held_out(unseen, labels, pairs),
        chance=chance_intervals(labels.take(tested)),
        object_chance=chance_where_swaps(tested, labels),
        per_value=_by_value(learned, unseen, labels, pairs),
        train_scenes=len(unseen[0].train),
        test_scenes=len(unseen[0].rows),
        strengths=_medians([own.probes.strengths for own in unseen]),
        edges=tuple(sorted({name for own in unseen for name in own.probes.edges})),
        scores=tuple(own.scores for own in unseen),
        probes=unseen[0].probes,
    )


def _medians(strengths: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Of each head over the splits in which it was fitted; a strength that was chosen, not one between two."""
    out: dict[str, float | None] = {}
    for name in strengths[0]:
        known = sorted(value for own in strengths if (value := own[name]) is not None)
        out[name] = known[len(known) // 2] if known else None
    return out


def _by_value(
    learned: Sequence[HeldOut], unseen: Sequence[HeldOut], labels: SceneLabels, pairs: Pairs
) -> dict[str, tuple[ValueRecognition, ...]]:
    def shares(parts: Sequence[HeldOut], concept: int) -> list[Interval]:
        total, count = np.zeros(len(labels)), np.zeros(len(labels))
        for part in parts:
            if labels.names[concept] not in part.probes.unfitted:
                total[part.rows] += part.reading.recognition.by_concept[:, concept]
                count[part.rows] += 1
        hits = np.divide(total, count, out=np.full(len(labels), np.nan), where=count > 0)
        holds = presence(labels.scenes[:, :, concept], labels.values[concept])
        return [share_over_bags(hits[own], pairs.bag[own]) for own in holds.T]

    return {
        name: tuple(ValueRecognition(*both) for both in zip(shares(learned, k), shares(unseen, k), strict=True))
        for k, name in enumerate(labels.names)
    }
