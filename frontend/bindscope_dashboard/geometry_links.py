"""Links of the pages Probe, Decompose and Interventions, and the requests that their states stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.core.specs import ESTIMATORS, Estimator
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.links import one_of, scene_from_text, scene_text, whole

Modality = Literal["image", "text"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)
#: Initialisations of the random-weights twin.
TWINS = 3
#: Most scenes of a source: all of them in small spaces, a seeded sample in large ones.
LIMIT = 10_000


@dataclass(frozen=True)
class ProbeState:
    """Everything that the Probe page shows. ``dataset``: an upload in place of model and space; ``twins``: networks of
    the same shape with random weights are probed too."""

    model: str
    space: str
    dataset: str | None = None
    train_percent: int = 40
    seed: int = 0
    limit: int = LIMIT
    twins: bool = False


@dataclass(frozen=True)
class DecomposeState:
    """Everything that the Decompose page shows. ``compare``: all estimators, also where that takes a while."""

    model: str
    space: str
    scene: SceneModel
    modality: Modality = "image"
    estimator: Estimator = "lstsq_pos"
    level: Literal[1, 2] = 1
    test_percent: int = 20
    seed: int = 0
    limit: int = LIMIT
    compare: bool = False


@dataclass(frozen=True)
class InterventionState:
    """Everything that the Interventions page shows. ``edits`` and ``removal``: the link shows those results too."""

    model: str
    space: str
    scene: SceneModel
    replacement: Mapping[str, str]
    number: int = 0
    modality: Modality = "image"
    estimator: Estimator = "avg_pos"
    limit: int = LIMIT
    edits: bool = False
    removal: bool = False


def source_body(model: str, space: str, modality: Modality, *, limit: int) -> dict[str, Any]:
    """A source, as JSON values."""
    source: dict[str, Any] = {"model": model, "space": space, "modality": modality}
    return source if limit == LIMIT else {**source, "limit": limit}


def probe_body(state: ProbeState, modality: Modality) -> dict[str, Any]:
    """The request of one probe; of the upload where one is chosen."""
    source: dict[str, Any] = (
        {"dataset": state.dataset}
        if state.dataset
        else source_body(state.model, state.space, modality, limit=state.limit)
    )
    body = {"source": source, "train_ratio": state.train_percent / 100, "seed": state.seed}
    return {**body, "twins": TWINS} if state.twins and not state.dataset else body


def decompose_body(state: DecomposeState, *, model: str | None = None) -> dict[str, Any]:
    """The request of one decomposition; ``model`` for the same of another one."""
    return {
        "source": source_body(model or state.model, state.space, state.modality, limit=state.limit),
        "estimator": state.estimator,
        "level": state.level,
        "test_ratio": state.test_percent / 100,
        "seed": state.seed,
    }


def shares_body(state: DecomposeState) -> dict[str, Any]:
    """The request for the shares of the scene, down to its concepts."""
    source = source_body(state.model, state.space, state.modality, limit=state.limit)
    scene = state.scene.model_dump(mode="json", exclude_none=True)
    return {"source": source, "scene": scene, "estimator": state.estimator, "level": 2}


def edit_body(state: InterventionState) -> dict[str, Any]:
    """The request of one edit."""
    return {
        "source": source_body(state.model, state.space, state.modality, limit=state.limit),
        "scene": state.scene.model_dump(mode="json", exclude_none=True),
        "object": state.number,
        "replacement": dict(state.replacement),
        "estimator": state.estimator,
    }


def probe_query(state: ProbeState) -> dict[str, str]:
    """Query parameters of the Probe page; what has its default value is left out."""
    query = {"model": state.model, "space": state.space}
    if state.dataset:
        query["dataset"] = state.dataset
    query |= {"twins": "1"} if state.twins else {}
    return query | _changed(state, ProbeState(state.model, state.space), "train_percent", "seed", "limit")


def probe_from_query(query: Mapping[str, str], default: ProbeState, spaces: Mapping[str, ConceptSpace]) -> ProbeState:
    """The state in a link. Raises InvalidInput or UnknownName."""
    return ProbeState(
        model=query.get("model") or default.model,
        space=space_in(query, default.space, spaces),
        dataset=dataset_in(query),
        train_percent=whole(query, "train_percent", 40, low=1, high=99),
        seed=_seed(query),
        limit=limit_in(query),
        twins=query.get("twins") == "1",
    )


def decompose_query(state: DecomposeState, space: ConceptSpace) -> dict[str, str]:
    """Query parameters of the Decompose page; what has its default value is left out."""
    query = {"model": state.model, "scene": scene_text(state.scene, space), "modality": state.modality}
    query |= {"estimator": state.estimator, "level": str(state.level)}
    plain = DecomposeState(state.model, state.space, state.scene)
    return query | _changed(state, plain, "test_percent", "seed", "limit") | ({"compare": "1"} if state.compare else {})


def decompose_from_query(
    query: Mapping[str, str], default: DecomposeState, spaces: Mapping[str, ConceptSpace]
) -> DecomposeState:
    """The state in a link; the space is that of its scene. Raises InvalidInput or UnknownName."""
    scene = _two_objects(query, default.scene, spaces)
    return replace(
        default,
        model=query.get("model") or default.model,
        space=scene.space,
        scene=scene,
        modality=modality_in(query, default.modality),
        estimator=_estimator(query, default.estimator),
        level=cast(Literal[1, 2], whole(query, "level", default.level, low=1, high=2)),
        test_percent=whole(query, "test_percent", 20, low=1, high=99),
        seed=_seed(query),
        limit=limit_in(query),
        compare=query.get("compare") == "1",
    )


def interventions_query(state: InterventionState, space: ConceptSpace) -> dict[str, str]:
    """Query parameters of the Interventions page; what has its default value is left out."""
    query = {"model": state.model, "scene": scene_text(state.scene, space), "object": str(state.number + 1)}
    query |= {"replacement": "~".join(state.replacement[name] for name in space.names)}
    query |= {"modality": state.modality, "estimator": state.estimator}
    query |= {name: "1" for name in ("edits", "removal") if getattr(state, name)}
    return query | ({} if state.limit == LIMIT else {"limit": str(state.limit)})


def interventions_from_query(
    query: Mapping[str, str], default: InterventionState, spaces: Mapping[str, ConceptSpace]
) -> InterventionState:
    """The state in a link; the space is that of its scene. Raises InvalidInput or UnknownName."""
    scene = _two_objects(query, default.scene, spaces)
    number = whole(query, "object", default.number + 1, low=1, high=len(scene.objects)) - 1
    return replace(
        default,
        model=query.get("model") or default.model,
        space=scene.space,
        scene=scene,
        number=number,
        replacement=_replacement(query, scene, number, space=spaces[scene.space]),
        modality=modality_in(query, default.modality),
        estimator=_estimator(query, default.estimator),
        limit=limit_in(query),
        edits=query.get("edits") == "1",
        removal=query.get("removal") == "1",
    )


def another_object(values: Mapping[str, str], space: ConceptSpace) -> dict[str, str]:
    """The object with the next value of its first concept: a replacement that is always another object."""
    first = space.concepts[0]
    following = (first.index[values[first.name]] + 1) % len(first.values)
    return {**values, first.name: first.values[following]}


def _replacement(query: Mapping[str, str], scene: SceneModel, number: int, *, space: ConceptSpace) -> dict[str, str]:
    text = query.get("replacement")
    if text is None:
        return another_object(scene.objects[number].values, space)
    fields = text.split("~")
    if len(fields) != len(space.names):
        raise InvalidInput(f"The replacement needs {len(space.names)} values, got {len(fields)}.")
    return space.named(space.index(dict(zip(space.names, fields, strict=True))))


def _two_objects(query: Mapping[str, str], default: SceneModel, spaces: Mapping[str, ConceptSpace]) -> SceneModel:
    scene = scene_from_text(query["scene"], spaces) if "scene" in query else default
    if len(scene.objects) != 2:
        raise InvalidInput(f"This page shows scenes of 2 objects, the link has {len(scene.objects)}.")
    return scene


def dataset_in(query: Mapping[str, str]) -> str | None:
    """The upload of a link, if it has one. Raises InvalidInput."""
    dataset = query.get("dataset") or None
    if dataset is not None and not (len(dataset) == 16 and set(dataset) <= set("0123456789abcdef")):
        raise InvalidInput(f"A dataset has an id of 16 hexadecimal digits, got {dataset!r}.")
    return dataset


def space_in(query: Mapping[str, str], default: str, spaces: Mapping[str, ConceptSpace]) -> str:
    """The space of a link. Raises UnknownName."""
    name = query.get("space") or default
    if name not in spaces:
        raise UnknownName("space", name, tuple(spaces))
    return name


def modality_in(query: Mapping[str, str], default: Modality) -> Modality:
    """The modality of a link. Raises UnknownName."""
    return cast(Modality, one_of(query, "modality", default, MODALITIES))


def _estimator(query: Mapping[str, str], default: Estimator) -> Estimator:
    return cast(Estimator, one_of(query, "estimator", default, ESTIMATORS))


def _seed(query: Mapping[str, str]) -> int:
    return whole(query, "seed", 0, low=0, high=2**31 - 1)


def limit_in(query: Mapping[str, str], default: int = LIMIT) -> int:
    """Most scenes of a source. Raises InvalidInput."""
    return whole(query, "limit", default, low=2, high=200_000)


def _changed(state: object, plain: object, *names: str) -> dict[str, str]:
    return {name: str(getattr(state, name)) for name in names if getattr(state, name) != getattr(plain, name)}
