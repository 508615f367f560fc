"""Object surgery (METHODS section 6): replace an object in embedding space, z' = z - u(o) + u(o').

All edits of one concept are made: every scene, slot and value that no object of the scene has, if the edited scene
exists. The banks leave out the scene to edit and the scene that it should become; the published procedure, which
leaves both in, is reported beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.additive import Singles
from bindscope.analysis.banks import ObjectBanks, fit_banks
from bindscope.analysis.metrics import Interval, wilson
from bindscope.analysis.nearest import Retrieval, SceneGroups, SceneSearch, Term, search_among
from bindscope.analysis.probes import ProbeFit, Probes, Scores
from bindscope.analysis.readings import recognition_with
from bindscope.analysis.splits import split_scenes
from bindscope.domain.labels import SceneLabels
from bindscope.domain.specs import ProbeSpec, SurgerySpec
from bindscope.errors import InvalidInput, UnknownName

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
class SurgeryResult:
    """``edits`` were made; ``unsupported`` more lack an object vector once their own two scenes are left out.

    ``retrieval``: the edited scene is strictly nearest among all scenes. ``retrieval_published``: the same with both
    scenes in the banks. ``stayed``: the nearest wrong scene beats the right one and is the scene before the edit.
    ``probing``: recognition of the edited scene in z', by probes fitted on a training split, over the edits both of
    whose scenes are held out (None without probes).
    """

    concept: str
    edits: int
    unsupported: int
    retrieval: Interval
    retrieval_published: Interval
    stayed: Interval
    probing: dict[str, Interval] | None
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


def operate(
    embeddings: ArrayLike,
    labels: SceneLabels,
    spec: SurgerySpec,
    *,
    probe_fit: ProbeFit | None = None,
    singles: Singles | None = None,
    sample: int = 0,
) -> SurgeryResult:
    """Makes the edits of ``spec`` on embeddings [scene, dim] and measures them; returns ``sample`` of them.

    Raises UnknownName for a concept that is not there, InvalidInput as ``fit_additive`` does. Without a single edit
    all intervals are empty.
    """
    concept = _number_of(spec.concept, labels)
    banks = fit_banks(embeddings, labels, estimator=spec.estimator, singles=singles)
    search = search_among(banks.rows, labels)
    edits = find_edits(labels, concept, groups=banks.groups)
    if len(edits) > spec.limit:
        chosen = np.random.default_rng(spec.seed).choice(len(edits), spec.limit, replace=False)
        edits = edits.take(np.sort(chosen))
    vectors, supported = _edited(banks, edits)
    made = edits
    if not supported.all():
        made, vectors = edits.take(supported), vectors[supported]
    found = search.retrieve(vectors, made.goals)
    minus, plus = banks.columns(made.slots, made.before), banks.columns(made.slots, made.after)
    terms = [Term(1, banks.rows, made.scenes), Term(1, banks.table, plus), Term(-1, banks.table, minus)]
    naive = search.retrieve_sums(terms, made.goals)
    return SurgeryResult(
        concept=labels.names[concept],
        edits=len(made),
        unsupported=len(edits) - len(made),
        retrieval=wilson(int(found.right.sum()), len(made)),
        retrieval_published=wilson(int(naive.right.sum()), len(made)),
        stayed=_stayed(found, made, banks.groups),
        probing=None
        if probe_fit is None
        else _probing(banks, labels, made, vectors=vectors, fit=probe_fit, seed=spec.seed),
        sample=_sample(made, vectors, labels=labels, groups=banks.groups, size=sample, seed=spec.seed),
    )


def edit_one(
    embeddings: ArrayLike,
    labels: SceneLabels,
    spec: SurgerySpec,
    *,
    scene: int,
    slot: int,
    replacement: Sequence[int],
    probes: Probes | None = None,
    singles: Singles | None = None,
    banks: ObjectBanks | None = None,
    search: SceneSearch | None = None,
    neighbours: int = 5,
) -> OneEdit:
    """Replaces the object in ``slot`` of row ``scene`` by the value indices ``replacement``.

    ``banks`` and ``search`` of the same embeddings and estimator may be handed in to save fitting. Raises InvalidInput
    for rows, slots and values out of range, and for an object that no scene but the two of the edit holds.
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
    banks = banks or fit_banks(embeddings, labels, estimator=spec.estimator, singles=singles)
    search = search or search_among(banks.rows, labels)
    goal = banks.groups.find(new.object_ids)
    edit = Edits(np.array([scene]), np.array([slot]), labels.object_ids[[scene], slot], new.object_ids[:, slot], goal)
    vectors, supported = _edited(banks, edit)
    if not supported[0]:
        raise InvalidInput(
            f"No other scene tells what the objects {labels.scenes[scene, slot].tolist()} and {list(replacement)} "
            f"are in slot {slot}: choose another object, or the estimator avg."
        )
    nearest, cosines = search.top(vectors[0], neighbours)
    there = bool(goal[0] >= 0)
    return OneEdit(
        vector=vectors[0],
        goal=int(banks.groups.first(goal)[0]) if there else None,
        right=bool(search.retrieve(vectors, goal).right[0]) if there else None,
        nearest=nearest,
        cosines=cosines,
        before=probes.predict(banks.rows[[scene]]) if probes else None,
        after=probes.predict(vectors) if probes else None,
    )


def _number_of(concept: str | None, labels: SceneLabels) -> int:
    if concept is None:
        return 0
    if concept not in labels.names:
        raise UnknownName("concept", concept, labels.names)
    return labels.names.index(concept)


def _edited(banks: ObjectBanks, edits: Edits) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Edited embeddings [edit, dim], the edit's own scenes left out of the banks, and which edits can be made."""
    vectors = np.empty((len(edits), banks.rows.shape[1]), dtype=banks.rows.dtype)
    supported = np.zeros(len(edits), dtype=bool)
    for first in range(0, len(edits), _EDITS_AT_ONCE):
        part = slice(first, first + _EDITS_AT_ONCE)
        some = edits.take(part)
        source = banks.groups.group[some.scenes]
        own = np.stack([source, np.where(some.goals == source, -1, some.goals)], axis=1)
        shift = banks.shift_without(some.slots, some.before, after=some.after, left_out=own)
        vectors[part], supported[part] = banks.rows[some.scenes] + shift.vectors, shift.supported
    return vectors, supported


def _stayed(found: Retrieval, edits: Edits, groups: SceneGroups) -> Interval:
    back = ~found.right & (found.wrong >= 0) & (groups.group[found.wrong] == groups.group[edits.scenes])
    return wilson(int(back.sum()), len(edits))


def _probing(
    banks: ObjectBanks,
    labels: SceneLabels,
    edits: Edits,
    *,
    vectors: NDArray[np.floating],
    fit: ProbeFit,
    seed: int,
) -> dict[str, Interval]:
    train, _ = split_scenes(labels, train_ratio=ProbeSpec().train_ratio, seed=seed)
    probes = fit(banks.rows[train], labels.take(train))
    learned = np.bincount(banks.groups.group[train], minlength=banks.groups.count) > 0
    fair = ~learned[banks.groups.group[edits.scenes]] & ~learned[edits.goals]
    return recognition_with(probes, vectors[fair], labels.take(banks.groups.first(edits.goals[fair])))


def _sample(
    edits: Edits, vectors: NDArray[np.floating], *, labels: SceneLabels, groups: SceneGroups, size: int, seed: int
) -> EditedSample:
    chosen = np.sort(np.random.default_rng(seed).permutation(len(edits))[:size])
    some = edits.take(chosen)
    return EditedSample(vectors[chosen], labels.take(groups.first(some.goals)), some.scenes, some.slots)
