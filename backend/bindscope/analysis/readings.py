"""What fitted probes read from embeddings: recognition of each scene, and the binding score of each bag."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.binding import BagScores, Pairs, Trials, forced_choice, object_leads, share_over_bags
from bindscope.analysis.metrics import Interval
from bindscope.analysis.probes import OBJECT, Probes
from bindscope.analysis.verdict import Recognition, chance, recognise
from bindscope.scenes.labels import SceneLabels

#: Scores that are held at once.
_NUMBERS = 1 << 23


@dataclass(frozen=True, eq=False)
class Reading:
    """Recognition of each scored scene, the paired ``scores`` of bags, and the leads behind them."""

    recognition: Recognition
    trials: Trials
    leads: NDArray[np.float64]

    @property
    def scores(self) -> BagScores:
        """The paired forced choice of each bag."""
        return forced_choice(self.trials, self.leads)


def read(
    probes: Probes,
    embeddings: ArrayLike,
    labels: SceneLabels,
    *,
    pairs: Pairs | None = None,
    rows: NDArray[np.int64] | None = None,
    paired: bool = True,
) -> Reading:
    """Reads embeddings [scene, dim] of the scored scenes, block by block.

    ``labels`` are those of the scored scenes. ``pairs`` and ``rows`` number their bags in a larger set of scenes, of
    which the scored ones are ``rows``. ``paired`` as in ``Pairs.trials``.
    """
    vectors = np.asarray(embeddings)
    pairs = pairs or Pairs.of(labels)
    trials = pairs.trials(rows, paired=paired)
    leads = np.zeros(len(trials))
    step = max(1, _NUMBERS // (labels.object_count + sum(labels.values)))
    parts: list[Recognition] = []
    for first in range(0, len(vectors), step):
        scores = probes.predict(vectors[first : first + step])
        scenes, ids = labels.scenes[first : first + step], labels.object_ids[first : first + step]
        parts.append(recognise(scores.concepts, scores.objects, scenes=scenes, object_ids=ids))
        start, end = np.searchsorted(trials.row, [first, first + step])
        own = trials.take(np.arange(start, end))
        leads[start:end] = object_leads(
            scores.objects, Trials(own.row - first, own.own, own.other, own.edge, own.side, own.bag)
        )
    return Reading(Recognition.joined(parts, concepts=len(labels.names)), trials, leads)


def recognise_with(probes: Probes, embeddings: ArrayLike, labels: SceneLabels) -> Recognition:
    """Recognition of each scene under fitted probes, block by block so that many objects fit into memory."""
    return read(probes, embeddings, labels).recognition


def recognition_over_bags(
    results: Sequence[tuple[NDArray[np.int64], Recognition]],
    labels: SceneLabels,
    pairs: Pairs,
    *,
    unfitted: Sequence[frozenset[str]] = (),
    units: int | None = None,
) -> dict[str, Interval]:
    """The wire's *recognition* from readings of rows under several splits: the mean over splits, intervals over bags.

    Each result is (rows [scene], their recognition); ``labels`` and ``pairs`` are of all scenes. A result does not
    count for the heads that are ``unfitted`` in it. ``units``: how many independent units the bags share where these
    are fewer (held-out objects).
    """
    missing = unfitted or [frozenset[str]()] * len(results)

    def share(hits: Sequence[NDArray[np.bool_]], heads: set[str], only: NDArray[np.bool_] | None = None) -> Interval:
        fitted = [(rows, own) for (rows, _), own, gone in zip(results, hits, missing, strict=True) if not heads & gone]
        return _share(fitted, labels, pairs, only=only, units=units)

    recognitions = [found for _, found in results]
    objects = [found.object for found in recognitions]
    out = {
        name: share([found.by_concept[:, k] for found in recognitions], {name}) for k, name in enumerate(labels.names)
    }
    out["concepts"] = share([found.concepts for found in recognitions], set(labels.names))
    out["object"] = share(objects, {OBJECT})
    out["object_on_valid_swaps"] = share(objects, {OBJECT}, labels.has_valid_swap)
    return out


def _share(
    results: Sequence[tuple[NDArray[np.int64], NDArray[np.bool_]]],
    labels: SceneLabels,
    pairs: Pairs,
    *,
    only: NDArray[np.bool_] | None,
    units: int | None,
) -> Interval:
    """Hits of (rows, hit) of each split: mean over the splits of each scene, then over scenes."""
    total, count, means = np.zeros(len(labels)), np.zeros(len(labels)), []
    for rows, own in results:
        kept = np.ones(len(rows), dtype=bool) if only is None else only[rows]
        np.add.at(total, rows[kept], own[kept].astype(np.float64))
        np.add.at(count, rows[kept], 1.0)
        if kept.any():
            means.append(float(own[kept].mean()))
    shares = np.divide(total, count, out=np.full(len(labels), np.nan), where=count > 0)
    return share_over_bags(shares, pairs.bag, seed_means=means, units=units)


def chance_intervals(labels: SceneLabels) -> dict[str, Interval]:
    """What random scores reach on these scenes, as exact intervals (low = value = high).

    Levels of object recognition that know more (``given_bag``, ``ceiling_bag``) are ``binding.strict_chance``.
    """
    levels = chance(labels.values, labels.names, scenes=labels.scenes)
    out = {name: Interval(level, level, level, len(labels)) for name, level in levels.items()}
    swappable = labels.scenes[labels.has_valid_swap]
    if not len(swappable):
        return out | {"object_on_valid_swaps": Interval(None, None, None, 0)}
    level = chance(labels.values, labels.names, scenes=swappable)["object"]
    return out | {"object_on_valid_swaps": Interval(level, level, level, len(swappable))}
