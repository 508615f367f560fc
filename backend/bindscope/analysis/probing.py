"""Is the information linearly there? Probes under several splits by bag, with the binding score as headline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.binding import (
    BagScores,
    Binding,
    Pairs,
    StrictChance,
    binding_of,
    share_over_bags,
    strict_chance,
    unpaired_choice,
)
from bindscope.analysis.metrics import Interval
from bindscope.analysis.probes import OBJECT, LinearProbes, checked, fit_probes
from bindscope.analysis.readings import chance_intervals, read, recognition_over_bags
from bindscope.analysis.splits import split_bags, split_scenes
from bindscope.analysis.verdict import Recognition, presence
from bindscope.domain.binding import LEAST_BAGS
from bindscope.domain.labels import SceneLabels
from bindscope.domain.specs import ProbeSpec

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


@dataclass(frozen=True, eq=False)
class _Split:
    """One split: its rows, probes, and what they recognise on either side."""

    train: Ids
    test: Ids
    probes: LinearProbes
    learned: Recognition
    held_out: Recognition
    scores: BagScores


def splits_of(labels: SceneLabels, spec: ProbeSpec, pairs: Pairs) -> list[tuple[Ids, Ids]]:
    """(training rows, held-out rows) under each split seed. Raises InvalidInput as the splits do."""
    seeds = range(spec.seed, spec.seed + spec.splits)
    if spec.split == "scene":
        return [split_scenes(labels, train_ratio=spec.train_ratio, seed=seed) for seed in seeds]
    return [split_bags(labels, train_ratio=spec.train_ratio, seed=seed, pairs=pairs) for seed in seeds]


def probe(embeddings: ArrayLike, labels: SceneLabels, spec: ProbeSpec) -> ProbeResult:
    """Fits on the training scenes of embeddings [scene, dim] and reads both parts, under each split.

    Same input, same bits. Raises InvalidInput as ``splits_of`` and ``fit_probes`` do.
    """
    rows, pairs = checked(embeddings, labels), Pairs.of(labels)
    splits = [_split(rows, labels, pairs, spec, *parts) for parts in splits_of(labels, spec, pairs)]
    edges = sorted({name for own in splits for name in own.probes.edges})
    tested = np.unique(np.concatenate([own.test for own in splits]))
    return ProbeResult(
        binding=_binding(rows, labels, pairs, spec, splits),
        train=recognition_over_bags([(own.train, own.learned) for own in splits], labels, pairs),
        test=recognition_over_bags([(own.test, own.held_out) for own in splits], labels, pairs),
        chance=chance_intervals(labels.take(tested)),
        object_chance=strict_chance(labels.take(tested[labels.has_valid_swap[tested]])),
        per_value=_by_value(splits, labels, pairs),
        train_scenes=len(splits[0].train),
        test_scenes=len(splits[0].test),
        strengths=_medians([own.probes.strengths for own in splits]),
        edges=tuple(edges),
        scores=tuple(own.scores for own in splits),
        probes=splits[0].probes,
    )


def _split(
    rows: NDArray[np.floating], labels: SceneLabels, pairs: Pairs, spec: ProbeSpec, train: Ids, test: Ids
) -> _Split:
    seen, unseen = labels.take(train), labels.take(test)
    probes = fit_probes(rows[train], seen, estimator=spec.estimator, seed=spec.seed)
    learned = read(probes, rows[train], seen, pairs=pairs, rows=train)
    held_out = read(probes, rows[test], unseen, pairs=pairs, rows=test)
    scores = held_out.scores if probes.strengths[OBJECT] is not None else BagScores.merged([])
    return _Split(train, test, probes, learned.recognition, held_out.recognition, scores)


def _binding(
    rows: NDArray[np.floating], labels: SceneLabels, pairs: Pairs, spec: ProbeSpec, splits: Sequence[_Split]
) -> Binding:
    """The headline; where too few bags pair, the unpaired forced choice beside the bag baseline."""
    scores = [own.scores for own in splits]
    at_edge = sum(OBJECT in own.probes.edges for own in splits) > len(splits) / 2
    if len(BagScores.merged(scores)) >= LEAST_BAGS:
        return binding_of(scores, at_edge=at_edge)
    known = _presence(labels)
    unpaired = []
    for own in splits:
        if own.probes.strengths[OBJECT] is None:
            continue
        seen, unseen = labels.take(own.train), labels.take(own.test)
        base = fit_probes(known[own.train], seen, estimator=spec.estimator, seed=spec.seed)
        found = [
            read(probes, vectors[own.test], unseen, pairs=pairs, rows=own.test, paired=False)
            for probes, vectors in ((own.probes, rows), (base, known))
        ]
        unpaired.append(tuple(unpaired_choice(reading.trials, reading.leads) for reading in found))
    return binding_of(scores, unpaired=[(one, base) for one, base in unpaired], at_edge=at_edge)


def _presence(labels: SceneLabels) -> NDArray[np.float64]:
    """Which value each scene shows, [scene, value of all concepts]: all that a bag of concepts knows."""
    heads = [presence(labels.scenes[:, :, k], size) for k, size in enumerate(labels.values)]
    return np.concatenate(heads, axis=1).astype(np.float64)


def _medians(strengths: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Of each head over the splits in which it was fitted; a strength that was chosen, not one between two."""
    out: dict[str, float | None] = {}
    for name in strengths[0]:
        known = sorted(value for own in strengths if (value := own[name]) is not None)
        out[name] = known[len(known) // 2] if known else None
    return out


def _by_value(splits: Sequence[_Split], labels: SceneLabels, pairs: Pairs) -> dict[str, tuple[ValueRecognition, ...]]:
    def shares(parts: Sequence[tuple[Ids, Recognition]], concept: int) -> list[Interval]:
        total, count = np.zeros(len(labels)), np.zeros(len(labels))
        for rows, found in parts:
            total[rows] += found.by_concept[:, concept]
            count[rows] += 1
        hits = np.divide(total, count, out=np.full(len(labels), np.nan), where=count > 0)
        holds = presence(labels.scenes[:, :, concept], labels.values[concept])
        return [share_over_bags(hits[own], pairs.bag[own]) for own in holds.T]

    out = {}
    for k, name in enumerate(labels.names):
        learned = shares([(own.train, own.learned) for own in splits], k)
        held_out = shares([(own.test, own.held_out) for own in splits], k)
        out[name] = tuple(ValueRecognition(one, other) for one, other in zip(learned, held_out, strict=True))
    return out
