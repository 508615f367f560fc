"""Interventions: replace an object in embedding space, z' = z - u(o) + u(o').

All edits of one concept are made: every scene, slot and value that no object of the scene has, if the edited scene
exists. The object vectors leave out the scene to edit and the one that it should become; the published procedure, which
leaves both in and skips scenes whose objects differ in the edited concept alone, is reported beside it. Probes read
edits that are made among held-out scenes alone: object vectors that carry the noise of the probes' training scenes
would make a pure bag of concepts seem to bind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.additive import Singles
from bindscope.analysis.binding import Binding, Pairs, StrictChance, share_over_bags
from bindscope.analysis.held_out import (
    HeldOut,
    chance_where_swaps,
    dealt_anew,
    derived_binding,
    held_out,
    recognition_of_held_out,
)
from bindscope.analysis.metrics import Interval
from bindscope.analysis.nearest import SceneGroups, SceneSearch, Term, search_among
from bindscope.analysis.object_vectors import ObjectVectors, fit_object_vectors
from bindscope.analysis.probes import ProbeFit, Probes, Scores
from bindscope.analysis.splits import bag_splits
from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.core.specs import InterventionSpec, ProbeSpec
from bindscope.scenes.labels import SceneLabels

#: Few enough to stay in the processor's cache.
_EDITS_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class Edits:
    """Which scene [edit], in which slot, from which object id to which, and the group of the scene it becomes."""

    scenes: NDArray[np.int64]
    slots: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    goals: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scenes)

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Edits":
        """Some of the edits."""
        return Edits(*(part[chosen] for part in (self.scenes, self.slots, self.before, self.after, self.goals)))


@dataclass(frozen=True, eq=False)
class EditedSample:
    """Edited embeddings [edit, dim] and the labels of the scenes they stand for, for comparison with rendered ones."""

    vectors: NDArray[np.floating]
    labels: SceneLabels
    scenes: NDArray[np.int64]
    slots: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class InterventionResult:
    """``edits`` were made; ``unsupported`` more lack an object vector once their own two scenes are left out.

    ``retrieval``: the edited scene is strictly nearest among all scenes. ``retrieval_published``: the same with both
    scenes among the object vectors, over the scenes that the published script edits. ``stayed``: the nearest wrong
    scene beats the right one and is the scene before the edit. ``binding`` and ``probing``: what probes read from edits
    among held-out scenes, asked for the edited scene (None without probes). Intervals and their n are over bags: of the
    scene before the edit, for the probes of the scene after it.
    """

    concept: str
    edits: int
    unsupported: int
    retrieval: Interval
    retrieval_published: Interval
    stayed: Interval
    binding: Binding | None
    probing: dict[str, Interval] | None
    object_chance: StrictChance
    sample: EditedSample


@dataclass(frozen=True, eq=False)
class OneEdit:
    """One edited ``vector`` [dim]; ``nearest`` scenes and their ``cosines``, nearest first.

    ``goal`` is the first scene with the wanted objects (None: there is none), ``right`` whether it is strictly nearest.
    ``before`` and ``after`` are the probes' scores of one row each.
    """

    vector: NDArray[np.floating]
    goal: int | None
    right: bool | None
    nearest: NDArray[np.int64]
    cosines: NDArray[np.float64]
    before: Scores | None
    after: Scores | None


def find_edits(labels: SceneLabels, concept: int, *, groups: SceneGroups) -> Edits:
    """All edits of a concept (by number) in a fixed order: target value, slot, scene."""
    stride, held = prod(labels.values[concept + 1 :]), labels.scenes[:, :, concept]
    parts: list[tuple[NDArray[np.int64], ...]] = []
    for target in range(labels.values[concept]):
        free = np.flatnonzero((held != target).all(1))
        for slot in range(labels.slots):
            wanted = labels.object_ids[free].copy()
            wanted[:, slot] += (target - held[free, slot]) * stride
            goals = groups.find(wanted)
            there = goals >= 0
            rows = free[there]
            before, after = labels.object_ids[rows, slot], wanted[there, slot]
            parts.append((rows, np.full(len(rows), slot), before, after, goals[there]))
    return Edits(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def intervene(
    embeddings: ArrayLike,
    labels: SceneLabels,
    spec: InterventionSpec,
    *,
    probe_fit: ProbeFit | None = None,
    singles: Singles | None = None,
    sample: int = 0,
) -> InterventionResult:
    """Makes the edits of ``spec`` on embeddings [scene, dim] and measures them; returns ``sample`` of them.

    Raises UnknownName for a concept that is not there, InvalidInput as ``fit_additive`` does. Without a single edit
    all intervals are empty.
    """
    concept, pairs = _number_of(spec.concept, labels), Pairs.of(labels)
    objects = fit_object_vectors(embeddings, labels, estimator=spec.estimator, singles=singles)
    search = search_among(objects.rows, labels)
    edits = _some(find_edits(labels, concept, groups=objects.groups), spec.limit, seed=spec.seed)
    vectors, supported = _edited(objects, edits)
    made = edits
    if not supported.all():
        made, vectors = edits.take(supported), vectors[supported]
    found = search.retrieve(vectors, made.goals)
    stayed = (
        ~found.right & (found.wrong >= 0) & (objects.groups.group[found.wrong] == objects.groups.group[made.scenes])
    )
    published = _published(objects, search, made.take(~alike_but_for(labels, concept)[made.scenes]), pairs)
    probing = binding = None
    asked: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    if probe_fit is not None:
        parts, control = _read_edits(objects.rows, labels, concept, spec, pairs, probe_fit, singles)
        probing = recognition_of_held_out(parts, labels, pairs)
        asked = np.concatenate([asked, *(part.rows for part in parts)])
        binding = derived_binding(parts, control, labels, pairs, probe_fit=probe_fit)
    return InterventionResult(
        concept=labels.names[concept],
        edits=len(made),
        unsupported=len(edits) - len(made),
        retrieval=share_over_bags(found.right, pairs.bag[made.scenes]),
        retrieval_published=published,
        stayed=share_over_bags(stayed, pairs.bag[made.scenes]),
        binding=binding,
        probing=probing,
        object_chance=chance_where_swaps(asked, labels),
        sample=_sample(made, vectors, labels=labels, groups=objects.groups, size=sample, seed=spec.seed),
    )


def alike_but_for(labels: SceneLabels, concept: int) -> NDArray[np.bool_]:
    """Scenes [scene] in which two objects agree in all other concepts: the published script edits no such scene."""
    others = np.delete(labels.scenes, concept, axis=2)
    same = [(others[:, i] == others[:, j]).all(1) for i, j in combinations(range(labels.slots), 2)]
    return np.any(same, axis=0) if same and others.shape[2] else np.zeros(len(labels), dtype=bool)


def edit_one(
    embeddings: ArrayLike,
    labels: SceneLabels,
    spec: InterventionSpec,
    *,
    scene: int,
    slot: int,
    replacement: Sequence[int],
    probes: Probes | None = None,
    singles: Singles | None = None,
    objects: ObjectVectors | None = None,
    search: SceneSearch | None = None,
    neighbours: int = 5,
) -> OneEdit:
    """Replaces the object in ``slot`` of row ``scene`` by the value indices ``replacement``.

    ``objects`` and ``search`` of the same embeddings and estimator may be handed in to save fitting. Raises
    InvalidInput for rows, slots and values out of range, and for an object that no scene but the two of the edit holds.
    """
    if not 0 <= scene < len(labels) or not 0 <= slot < labels.slots:
        raise InvalidInput(
            f"There are {len(labels)} scenes of {labels.slots} objects, from 0: no slot {slot} of scene {scene}."
        )
    new = SceneLabels(labels.scenes[[scene]].copy(), labels.values, labels.names)
    if len(replacement) != len(labels.values):
        raise InvalidInput(f"The replacement needs {len(labels.values)} values, got {len(replacement)}.")
    new.scenes[0, slot] = replacement
    new = SceneLabels(new.scenes, labels.values, labels.names)
    objects = objects or fit_object_vectors(embeddings, labels, estimator=spec.estimator, singles=singles)
    search = search or search_among(objects.rows, labels)
    goal = objects.groups.find(new.object_ids)
    edit = Edits(np.array([scene]), np.array([slot]), labels.object_ids[[scene], slot], new.object_ids[:, slot], goal)
    vectors, supported = _edited(objects, edit)
    if not supported[0]:
        raise InvalidInput(
            f"No other scene tells what the objects {labels.scenes[scene, slot].tolist()} and {list(replacement)} "
            f"are in slot {slot}: choose another object, or the estimator avg."
        )
    nearest, cosines = search.top(vectors[0], neighbours)
    there = goal[0] >= 0
    return OneEdit(
        vector=vectors[0],
        goal=int(objects.groups.first(goal)[0]) if there else None,
        right=bool(search.retrieve(vectors, goal).right[0]) if there else None,
        nearest=nearest,
        cosines=cosines,
        before=probes.predict(objects.rows[[scene]]) if probes else None,
        after=probes.predict(vectors) if probes else None,
    )


def _number_of(concept: str | None, labels: SceneLabels) -> int:
    if concept is None:
        return 0
    if concept not in labels.names:
        raise UnknownName("concept", concept, labels.names)
    return labels.names.index(concept)


def _edited(objects: ObjectVectors, edits: Edits) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Edited embeddings [edit, dim], the edit's own scenes left out of the vectors, and which can be made."""
    vectors = np.empty((len(edits), objects.rows.shape[1]), dtype=objects.rows.dtype)
    supported = np.zeros(len(edits), dtype=bool)
    for first in range(0, len(edits), _EDITS_AT_ONCE):
        part = slice(first, first + _EDITS_AT_ONCE)
        some = edits.take(part)
        source = objects.groups.group[some.scenes]
        own = np.stack([source, np.where(some.goals == source, -1, some.goals)], axis=1)
        shift = objects.shift_without(some.slots, some.before, after=some.after, left_out=own)
        vectors[part], supported[part] = objects.rows[some.scenes] + shift.vectors, shift.supported
    return vectors, supported


def _some(edits: Edits, most: int, *, seed: int) -> Edits:
    """A seeded sample in the same order, where there are more."""
    if len(edits) <= most:
        return edits
    return edits.take(np.sort(np.random.default_rng(seed).choice(len(edits), most, replace=False)))


def _published(objects: ObjectVectors, search: SceneSearch, edits: Edits, pairs: Pairs) -> Interval:
    """Retrieval with both scenes of an edit in the object vectors."""
    minus, plus = objects.columns(edits.slots, edits.before), objects.columns(edits.slots, edits.after)
    terms = [
        Term(1, objects.rows, edits.scenes),
        Term(1, objects.table, plus),
        Term(-1, objects.table, minus),
    ]
    return share_over_bags(search.retrieve_sums(terms, edits.goals).right, pairs.bag[edits.scenes])


def _read_edits(
    rows: NDArray[np.floating],
    labels: SceneLabels,
    concept: int,
    spec: InterventionSpec,
    pairs: Pairs,
    fit: ProbeFit,
    singles: Singles | None,
) -> tuple[list[HeldOut], list[HeldOut]]:
    """Edits among held-out scenes under each split, as probes of its training scenes read them; and the control."""
    own: list[HeldOut] = []
    control: list[HeldOut] = []
    ratio, most = ProbeSpec().train_ratio, max(1, spec.limit // spec.splits)
    splits = bag_splits(labels, train_ratio=ratio, seed=spec.seed, splits=spec.splits, pairs=pairs)
    for number, (train, test) in enumerate(splits):
        if len(test) < 2:
            continue
        dealt = rows[dealt_anew(pairs, seed=spec.seed + number)]
        unseen = labels.take(test)
        edits = _some(find_edits(unseen, concept, groups=SceneGroups(unseen)), most, seed=spec.seed + number)
        for vectors, out in ((rows, own), (dealt, control)):
            objects = fit_object_vectors(vectors[test], unseen, estimator=spec.estimator, singles=singles)
            edited, supported = _edited(objects, edits)
            goals = test[objects.groups.first(edits.goals[supported])]
            probes = fit(vectors[train], labels.take(train))
            out.append(held_out(probes, edited[supported], labels, pairs=pairs, train=train, rows=goals))
    return own, control


def _sample(
    edits: Edits, vectors: NDArray[np.floating], *, labels: SceneLabels, groups: SceneGroups, size: int, seed: int
) -> EditedSample:
    chosen = np.sort(np.random.default_rng(seed).permutation(len(edits))[:size])
    some = edits.take(chosen)
    return EditedSample(vectors[chosen], labels.take(groups.first(some.goals)), some.scenes, some.slots)
