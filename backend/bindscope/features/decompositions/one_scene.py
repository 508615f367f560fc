"""Questions about one scene: what explains it, and what an edit of it in embedding space leads to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.additive import SceneShares, fit_additive
from bindscope.analysis.interventions import edit_one
from bindscope.analysis.metrics import cosines
from bindscope.analysis.probes import ProbeScores, fit_probes
from bindscope.core.errors import InvalidInput
from bindscope.core.specs import DecompositionSpec, InterventionSpec
from bindscope.scenes.concepts import ConceptSpace, Object
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.scene import Origin, Scene, scene_in_slots
from bindscope.services.sources import DatasetSource, ModelSource, SourceData, Sources


@dataclass(frozen=True)
class NearScene:
    scene: Scene
    cosine: float
    wanted: bool


@dataclass(frozen=True, eq=False)
class SceneEdit:
    """``before`` and ``after`` are probe scores of one row each; ``edited`` is the scene that the edit aims at."""

    right: bool
    nearest: list[NearScene]
    rendered_cosine: float
    source_cosine: float
    before: ProbeScores
    after: ProbeScores
    original: Scene
    edited: Scene


def left_to_right(scene: Scene) -> Scene:
    """The same scene with its objects listed by their place: slots are positions."""
    return Scene(scene.space, tuple(sorted(scene.objects, key=lambda o: (o.x, o.y))), scene.origin)


def scene_shares(
    sources: Sources, source: ModelSource | DatasetSource, scene: Scene, *, spec: DecompositionSpec
) -> SceneShares:
    """What each object (and concept) of a composed scene explains of its embedding. Raises InvalidInput."""
    _same_shape(source, scene)
    data = sources.resolve(source)
    singles = sources.singles(source) if spec.estimator == "single" else None
    model = fit_additive(data.embeddings, data.labels, estimator=spec.estimator, level=spec.level, singles=singles)
    return model.shares(sources.vector_of(source, scene), _labels_of(scene))


def edit_scene(
    sources: Sources,
    source: ModelSource | DatasetSource,
    scene: Scene,
    *,
    number: int,
    replacement: Mapping[str, str],
    spec: InterventionSpec,
) -> SceneEdit:
    """Replaces object ``number`` of a scene of the source in embedding space. Raises UnknownName, InvalidInput."""
    _same_shape(source, scene)
    if not 0 <= number < len(scene.objects):
        raise InvalidInput(f"The scene has {len(scene.objects)} objects, numbered from 0: there is no object {number}.")
    data, row = _with_scene(sources, source, scene)
    wanted = scene.space.index(replacement)
    if wanted == scene.values[number]:
        raise InvalidInput("The replacement is the object itself: choose another value.")
    objects = [*scene.values[:number], wanted, *scene.values[number + 1 :]]
    train = _rows_with_other_values(data.labels, scene.values, objects)
    probes = fit_probes(data.embeddings[train], data.labels.take(train))
    found = edit_one(
        data.embeddings,
        data.labels,
        spec,
        scene=row,
        slot=number,
        replacement=wanted,
        probes=probes,
        singles=sources.singles(source) if spec.estimator == "single" else None,
    )
    edited = _aimed_at(sources, source, scene.space, objects)
    target = sources.vector_of(source, edited)
    before = data.embeddings[[row]]
    return SceneEdit(
        right=bool(found.right),
        nearest=[
            NearScene(_scene_at(data, source, near, scene.space), float(cosine), _objects_at(data, near) == objects)
            for near, cosine in zip(found.nearest.tolist(), found.cosines, strict=True)
        ],
        rendered_cosine=float(cosines(found.vector[None], target)[0, 0]),
        source_cosine=float(cosines(before, target)[0, 0]),
        before=probes.predict(before),
        after=probes.predict(found.vector[None]),
        original=scene,
        edited=edited,
    )


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


def _same_shape(source: ModelSource | DatasetSource, scene: Scene) -> None:
    if isinstance(source, DatasetSource):
        if scene.origin is None or scene.origin.dataset != source.dataset:
            raise InvalidInput("The source is an upload: ask about one of its own scenes.")
        return
    if scene.space.name != source.space or len(scene.objects) != source.objects:
        raise InvalidInput(
            f"The source has scenes of {source.objects} objects of space {source.space!r}, this scene has "
            f"{len(scene.objects)} of {scene.space.name!r}: make them alike."
        )


def _labels_of(scene: Scene) -> SceneLabels:
    rows: NDArray[np.int64] = np.array([scene.values], dtype=np.int64)
    return SceneLabels(rows, scene.space.values, scene.space.names)


def _with_scene(sources: Sources, source: ModelSource | DatasetSource, scene: Scene) -> tuple[SourceData, int]:
    """The source's arrays and the row of the scene, which is added where the source is only a sample of its space."""
    data = sources.resolve(source)
    rows = np.flatnonzero((data.labels.scenes == np.array(scene.values)).all((1, 2)))
    if len(rows):
        return data, int(rows[0])
    own = _labels_of(scene)
    labels = replace(data.labels, scenes=np.concatenate([data.labels.scenes, own.scenes]))
    embeddings = np.concatenate([data.embeddings, sources.vector_of(source, scene)])
    return replace(data, embeddings=embeddings, labels=labels), len(data.labels)


def _objects_at(data: SourceData, row: int) -> list[Object]:
    return [tuple(o) for o in data.labels.scenes[row].tolist()]


def _scene_at(data: SourceData, source: ModelSource | DatasetSource, row: int, space: ConceptSpace) -> Scene:
    origin = Origin(source.dataset, row) if isinstance(source, DatasetSource) else None
    return scene_in_slots(space, _objects_at(data, row), origin)


def _aimed_at(
    sources: Sources, source: ModelSource | DatasetSource, space: ConceptSpace, objects: list[Object]
) -> Scene:
    """The scene that an edit should lead to: of an upload the one that shows it. Raises InvalidInput."""
    if isinstance(source, DatasetSource) and source.modality == "image":
        return sources.like(source.dataset, objects)
    return scene_in_slots(space, objects)
