"""The binding score of a controlled run: its queries choose between a scene and its swap, all of whose objects belong
together: all of them seen in training, or all of them unseen.

Scenes of objects that were drawn one by one almost never have such a swap, so they are looked for: see the block in
``object_partition``.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from bindscope.analysis.binding import BagScores, Pairs, forced_choice
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.labels import SceneLabels
from bindscope.training.controlled.data import Ids, scenes_of
from bindscope.training.controlled.evaluation import QueryVectors, labels_of

#: Scenes in which swaps are looked for, and most bags that are judged.
_CANDIDATES, _BAGS = 20_000, 300


@dataclass(frozen=True, eq=False)
class BoundScores:
    """The ``scores`` of bags, and of how many ``objects`` their scenes are made."""

    scores: BagScores
    objects: int


def closed_scenes(objects: Ids, space: ConceptSpace, *, count: int, seed: int) -> Ids | None:
    """Scenes [scene, object] of ``count`` of these objects and the swaps that are made of these objects too, each in
    two orders of mention; at most 300 bags. None where there is no such swap."""
    found = scenes_of(objects, count, number=_CANDIDATES, seed=seed)
    pairs = Pairs.of(labels_of(found, space.values, space.names))
    kept = np.isin(pairs.goal_objects, objects).all(1)
    if not kept.any():
        return None
    owner = np.zeros(len(pairs.objects), dtype=np.int64)
    owner[pairs.pairing] = pairs.bag
    bags = owner[pairs.source]
    chosen = np.random.default_rng([seed, 37]).permutation(np.unique(bags[kept]))[:_BAGS]
    kept &= np.isin(bags, chosen)
    both = np.unique(np.concatenate([pairs.objects[pairs.source[kept]], pairs.goal_objects[kept]]), axis=0)
    return np.concatenate([both, both[:, ::-1]])


def bound_scores(vectors: Tensor, queries: QueryVectors, labels: SceneLabels) -> BoundScores:
    """The paired forced choice of unit ``vectors`` [scene, dim] by the object queries, bag by bag."""
    trials = Pairs.of(labels).trials()
    scenes = vectors.cpu().numpy().astype(np.float64)
    objects = queries.objects.cpu().numpy()
    gap = objects[trials.own].sum(1, dtype=np.float64) - objects[trials.other].sum(1, dtype=np.float64)
    leads = np.einsum("td,td->t", scenes[trials.row], gap)
    return BoundScores(forced_choice(trials, leads), len(np.unique(labels.object_ids[trials.row])))
