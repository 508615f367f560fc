"""Links of the pages Retrieve, Repair, Map and Compare, and the requests that their states stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from bindscope.core.errors import InvalidInput
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.geometry_links import Modality, modality_in, source_body, space_in
from bindscope_dashboard.links import one_of, scene_from_text, scene_text, whole

Direction = Literal["text_to_image", "image_to_text", "text_to_text"]
Distractors = Literal["swaps", "all"]
Method = Literal["pca", "umap", "mds"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
DISTRACTORS: tuple[Distractors, ...] = get_args(Distractors)
METHODS: tuple[Method, ...] = get_args(Method)
MAX_SEED = 2**31 - 1
MAX_MODELS = 12


@dataclass(frozen=True)
class RetrieveState:
    """Everything that the Retrieve page shows. ``first``: the first query of the list; ``close``: the other tab."""

    model: str
    space: str
    direction: Direction = "text_to_image"
    distractors: Distractors = "swaps"
    k: int = 10
    queries: int = 100
    seed: int = 0
    close: bool = False


@dataclass(frozen=True)
class RepairState:
    """Everything that the Repair page shows. ``run``: the link shows results; ``tenths`` of the map, None for the
    chosen part."""

    model: str
    space: str
    percent: int = 60
    limit: int = 4000
    seed: int = 0
    run: bool = False
    tenths: int | None = None


@dataclass(frozen=True)
class MapState:
    """Everything that the Map page shows. ``color``: a slot and concept (``1.color``), ``verdict`` or ``probe``.
    ``scene``: placed on the map with its swapped twin."""

    model: str
    space: str
    modality: Modality = "image"
    method: Method = "pca"
    dims: Literal[2, 3] = 2
    color: str = ""
    limit: int = 2000
    seed: int = 0
    scene: SceneModel | None = None


@dataclass(frozen=True)
class CompareState:
    """Everything that the Compare page shows. ``pair``: numbers of the two models whose disagreements are shown."""

    models: tuple[str, ...]
    space: str
    count: int = 200
    seed: int = 0
    repair: bool = False
    pair: tuple[int, int] = (0, 1)


def retrieve_body(state: RetrieveState) -> dict[str, Any]:
    """The request of a retrieval."""
    names = ("model", "space", "direction", "distractors", "k", "queries", "seed")
    return {name: getattr(state, name) for name in names}


def near_duplicates_body(state: RetrieveState) -> dict[str, Any]:
    """The request for captions that share a vector."""
    return {"model": state.model, "space": state.space}


def repair_body(state: RepairState) -> dict[str, Any]:
    """The request of a repair."""
    return {
        "model": state.model,
        "space": state.space,
        "coverage": state.percent / 100,
        "limit": state.limit,
        "seed": state.seed,
    }


def map_body(state: MapState) -> dict[str, Any]:
    """The request of a map; the composed scene is placed apart, so that the map stays."""
    by = state.color if state.color in ("verdict", "probe") else "concepts"
    return {
        "source": source_body(state.model, state.space, state.modality, limit=state.limit),
        "method": state.method,
        "dims": state.dims,
        "color_by": by,
        "seed": state.seed,
    }


def compare_body(state: CompareState) -> dict[str, Any]:
    """The request of a board."""
    return {
        "models": list(state.models),
        "space": state.space,
        "count": state.count,
        "seed": state.seed,
        "repair": state.repair,
    }


def disagreement_body(state: CompareState) -> dict[str, Any]:
    """The request for the scenes on which two models differ."""
    models = [state.models[number] for number in state.pair]
    return {"models": models, "space": state.space, "count": state.count, "seed": state.seed}


def retrieve_query(state: RetrieveState) -> dict[str, str]:
    """Query parameters; what has its default value is left out."""
    plain = RetrieveState(state.model, state.space)
    query = _changed(state, plain, "direction", "distractors", "k", "queries", "seed")
    return {"model": state.model, "space": state.space, **query, **({"close": "1"} if state.close else {})}


def retrieve_from_query(
    query: Mapping[str, str], default: RetrieveState, spaces: Mapping[str, ConceptSpace]
) -> RetrieveState:
    """The state in a link. Raises InvalidInput or UnknownName."""
    return RetrieveState(
        model=query.get("model") or default.model,
        space=space_in(query, default.space, spaces),
        direction=cast(Direction, one_of(query, "direction", "text_to_image", DIRECTIONS)),
        distractors=cast(Distractors, one_of(query, "distractors", "swaps", DISTRACTORS)),
        k=whole(query, "k", 10, low=1, high=1000),
        queries=whole(query, "queries", 100, low=1, high=5000),
        seed=whole(query, "seed", 0, low=0, high=MAX_SEED),
        close=query.get("close") == "1",
    )


def repair_query(state: RepairState) -> dict[str, str]:
    """Query parameters; what has its default value is left out."""
    query = _changed(state, RepairState(state.model, state.space), "percent", "limit", "seed")
    query |= {"tenths": str(state.tenths)} if state.tenths is not None else {}
    return {"model": state.model, "space": state.space, **query, **({"run": "1"} if state.run else {})}


def repair_from_query(
    query: Mapping[str, str], default: RepairState, spaces: Mapping[str, ConceptSpace]
) -> RepairState:
    """The state in a link. Raises InvalidInput or UnknownName."""
    return RepairState(
        model=query.get("model") or default.model,
        space=space_in(query, default.space, spaces),
        percent=whole(query, "percent", 60, low=1, high=99),
        limit=whole(query, "limit", 4000, low=4, high=20_000),
        seed=whole(query, "seed", 0, low=0, high=MAX_SEED),
        run=query.get("run") == "1",
        tenths=whole(query, "tenths", 0, low=0, high=10) if "tenths" in query else None,
    )


def map_query(state: MapState, spaces: Mapping[str, ConceptSpace]) -> dict[str, str]:
    """Query parameters; what has its default value is left out."""
    query = _changed(state, MapState(state.model, state.space), "method", "dims", "color", "limit", "seed")
    if state.scene is not None:
        query["scene"] = scene_text(state.scene, spaces[state.scene.space])
    return {"model": state.model, "space": state.space, "modality": state.modality, **query}


def map_from_query(query: Mapping[str, str], default: MapState, spaces: Mapping[str, ConceptSpace]) -> MapState:
    """The state in a link. Raises InvalidInput or UnknownName."""
    space = space_in(query, default.space, spaces)
    scene = scene_from_text(query["scene"], spaces) if query.get("scene") else None
    if scene is not None and scene.space != space:
        raise InvalidInput(f"The map is of space {space!r}, the scene of {scene.space!r}.")
    return MapState(
        model=query.get("model") or default.model,
        space=space,
        modality=modality_in(query, default.modality),
        method=cast(Method, one_of(query, "method", "pca", METHODS)),
        dims=cast(Literal[2, 3], whole(query, "dims", 2, low=2, high=3)),
        color=one_of(query, "color", "", ("", *color_options(spaces[space]))),
        limit=whole(query, "limit", 2000, low=5, high=20_000),
        seed=whole(query, "seed", 0, low=0, high=MAX_SEED),
        scene=scene,
    )


def color_options(space: ConceptSpace) -> tuple[str, ...]:
    """What a map can be coloured by: concepts of the first and the second object, verdict, probe."""
    return (*(f"{slot}.{name}" for slot in (1, 2) for name in space.names), "verdict", "probe")


def compare_query(state: CompareState) -> dict[str, str]:
    """Query parameters; what has its default value is left out."""
    query = _changed(state, CompareState(state.models, state.space), "count", "seed")
    query |= {"repair": "1"} if state.repair else {}
    query |= {"pair": "-".join(str(n + 1) for n in state.pair)} if state.pair != (0, 1) else {}
    return {"models": " ".join(state.models), "space": state.space, **query}


def compare_from_query(
    query: Mapping[str, str], default: CompareState, spaces: Mapping[str, ConceptSpace]
) -> CompareState:
    """The state in a link. Raises InvalidInput or UnknownName."""
    models = tuple(dict.fromkeys(query["models"].split())) if query.get("models") else default.models
    if not 1 <= len(models) <= MAX_MODELS:
        raise InvalidInput(f"A board compares 1 to {MAX_MODELS} models, the link has {len(models)}.")
    state = CompareState(
        models=models,
        space=space_in(query, default.space, spaces),
        count=whole(query, "count", 200, low=10, high=5000),
        seed=whole(query, "seed", 0, low=0, high=MAX_SEED),
        repair=query.get("repair") == "1",
    )
    return replace(state, pair=_pair(query.get("pair"), len(models)))


def _pair(text: str | None, count: int) -> tuple[int, int]:
    if text is None:
        return (0, 1)
    first, _, second = text.partition("-")
    if not (first.isdecimal() and second.isdecimal()):
        raise InvalidInput(f"pair names two models by number, such as 1-2, got {text!r}.")
    numbers = (int(first) - 1, int(second) - 1)
    if numbers[0] == numbers[1] or not all(0 <= n < count for n in numbers):
        raise InvalidInput(f"pair names two different ones of {count} models, got {text!r}.")
    return numbers


def _changed(state: object, plain: object, *names: str) -> dict[str, str]:
    return {name: str(getattr(state, name)) for name in names if getattr(state, name) != getattr(plain, name)}
