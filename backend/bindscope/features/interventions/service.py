"""Interventions: replace an object in embedding space, over all edits of a pool and for one scene of it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.interventions import EditedSample, edit_one, intervene
from bindscope.analysis.metrics import cosines, unit
from bindscope.analysis.probes import ProbeScores, fit_probes
from bindscope.core.errors import InvalidInput
from bindscope.core.specs import InterventionSpec
from bindscope.features.interventions.schemas import (
    EDIT,
    INTERVENTIONS,
    EditRequest,
    EditResponse,
    InterventionRequest,
    InterventionResponse,
    MeanCosine,
    NearScene,
    ScoreChange,
)
from bindscope.scenes.concepts import Object
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.ordered import labels_of
from bindscope.scenes.scene import Scene
from bindscope.scenes.wire import from_scene
from bindscope.services.container import Services
from bindscope.services.pools import EmbeddedScenes, ScenePool

#: Edited vectors that are compared with rendered counterfactuals, and object scores that are sent beside those present.
RENDERED, OTHERS = 512, 5


def interventions(parts: Services, asked: InterventionRequest) -> InterventionResponse:
    """Raises as ``ScenePool.digest``, and InvalidInput where no edit can be made."""
    pool = parts.pools.of(asked.source)
    return parts.analyses.answer(INTERVENTIONS, asked, numbers=pool.digest(), compute=lambda: _computed(pool, asked))


def _computed(pool: ScenePool, asked: InterventionRequest) -> InterventionResponse:
    data = pool.embedded()
    found = intervene(
        data.embeddings,
        data.labels,
        InterventionSpec(asked.estimator, asked.concept, asked.limit, asked.seed, asked.splits),
        probe_fit=fit_probes,
        singles=pool.singles() if asked.estimator == "single" else None,
        sample=RENDERED,
    )
    return InterventionResponse.of(
        found,
        splits=asked.splits,
        rendered_cosine=_rendered(pool, found.sample),
        provenance=data.made_with(asked.seed),
    )


def _rendered(pool: ScenePool, sample: EditedSample) -> MeanCosine | None:
    """Mean cosine with the pictures that the edits aim at, and its normal 95 % interval."""
    if pool.modality != "image" or not pool.can_draw or len(sample.labels) < 2:
        return None
    found = (unit(sample.vectors) * unit(pool.drawn(sample.labels))).sum(1)
    mean, half = float(found.mean()), 1.96 * float(found.std(ddof=1)) / len(found) ** 0.5
    return MeanCosine(mean=mean, low=max(-1.0, mean - half), high=min(1.0, mean + half), n=len(found))


def edit(parts: Services, asked: EditRequest) -> EditResponse:
    """One edit of one scene. Raises UnknownName, and InvalidInput for a scene that is none of the source's."""
    pool, scene = parts.pools.of(asked.source), parts.pools.scene(asked.scene)
    pool.asked_model()
    return parts.analyses.answer(EDIT, asked, numbers=pool.digest(), compute=lambda: _edited(pool, scene, asked))


def _edited(pool: ScenePool, scene: Scene, asked: EditRequest) -> EditResponse:
    scene = scene.from_left_to_right() if pool.modality == "image" else scene
    pool.check(scene)
    if asked.object >= len(scene.objects):
        count = len(scene.objects)
        raise InvalidInput(f"The scene has {count} objects, numbered from 0: there is no object {asked.object}.")
    data, row = _with_scene(pool, scene)
    wanted = scene.space.index(asked.replacement)
    if wanted == scene.values[asked.object]:
        raise InvalidInput("The replacement is the object itself: choose another value.")
    objects = [*scene.values[: asked.object], wanted, *scene.values[asked.object + 1 :]]
    train = _rows_with_other_values(data.labels, scene.values, objects)
    probes = fit_probes(data.embeddings[train], data.labels.take(train))
    found = edit_one(
        data.embeddings,
        data.labels,
        InterventionSpec(asked.estimator),
        scene=row,
        slot=asked.object,
        replacement=wanted,
        probes=probes,
        singles=pool.singles() if asked.estimator == "single" else None,
    )
    edited = pool.counterfactual(objects)
    target, before = pool.vectors_of([edited]), data.embeddings[[row]]
    was, now = probes.predict(before), probes.predict(found.vector[None])
    return EditResponse(
        right=bool(found.right),
        nearest=[
            NearScene(scene=from_scene(near), cosine=float(cosine), wanted=list(near.values) == objects)
            for near, cosine in zip(_scenes_at(pool, scene, found.nearest.tolist()), found.cosines, strict=True)
        ],
        rendered_cosine=float(cosines(found.vector[None], target)[0, 0]),
        source_cosine=float(cosines(before, target)[0, 0]),
        concepts=_concept_changes(scene, edited, was, now),
        objects=_object_changes(scene, edited, was, now),
        edited=from_scene(edited),
        provenance=data.made_with(0),
    )


def _with_scene(pool: ScenePool, scene: Scene) -> tuple[EmbeddedScenes, int]:
    """The pool's arrays and the row of the scene, which is added where the pool is only a sample of its space."""
    data = pool.embedded()
    rows = np.flatnonzero((data.labels.scenes == np.array(scene.values)).all((1, 2)))
    if len(rows):
        return data, int(rows[0])
    labels = replace(data.labels, scenes=np.concatenate([data.labels.scenes, labels_of(scene).scenes]))
    embeddings = np.concatenate([data.embeddings, pool.vectors_of([scene])])
    return replace(data, embeddings=embeddings, labels=labels), len(data.labels)


def _scenes_at(pool: ScenePool, scene: Scene, rows: Sequence[int]) -> list[Scene]:
    """Scenes by their row; one row behind the pool's is the edited scene itself."""
    count = len(pool.embedded().labels)
    return [pool.scenes([row])[0] if row < count else scene for row in rows]


def _rows_with_other_values(labels: SceneLabels, *scenes: Sequence[Object]) -> NDArray[np.int64]:
    """Scenes that share their bag with none of ``scenes``: probes of them have seen no scene of the edit.

    Raises InvalidInput for fewer than two.
    """
    bags = np.sort(labels.scenes, axis=1)
    own = np.sort(np.array(scenes, dtype=np.int64), axis=1)
    rows = np.flatnonzero(~(bags[:, None] == own[None]).all((2, 3)).any(1))
    if len(rows) < 2:
        raise InvalidInput("Probes need at least two scenes that show other values than the edit: add scenes.")
    return rows


def _concept_changes(
    scene: Scene, edited: Scene, before: ProbeScores, after: ProbeScores
) -> dict[str, list[ScoreChange]]:
    return {
        concept.name: _changes(
            concept.values,
            before.concepts[k][0],
            after.concepts[k][0],
            rows=range(len(concept.values)),
            was=[o[k] for o in scene.values],
            now=[o[k] for o in edited.values],
        )
        for k, concept in enumerate(edited.space.concepts)
    }


def _object_changes(scene: Scene, edited: Scene, before: ProbeScores, after: ProbeScores) -> list[ScoreChange]:
    space, scores = edited.space, after.objects[0]
    was, now = ([space.object_id(o) for o in own.values] for own in (scene, edited))
    highest = [int(i) for i in np.argsort(-scores, kind="stable")[: OTHERS + len(now)]]
    rows = list(dict.fromkeys([*now, *was, *highest]))
    names = [" ".join(space.named(o).values()) for o in space.objects()]
    return _changes(names, before.objects[0], scores, rows=rows, was=was, now=now)


def _changes(
    names: Sequence[str],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    *,
    rows: Sequence[int],
    was: Sequence[int],
    now: Sequence[int],
) -> list[ScoreChange]:
    return [
        ScoreChange(
            name=names[i], before=float(before[i]), after=float(after[i]), present=i in now, was_present=i in was
        )
        for i in rows
    ]
