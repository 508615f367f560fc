"""Links of the pages Train and Phase, and the requests that their states stand for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast, get_args, get_type_hints

from bindscope.core.errors import InvalidInput
from bindscope.scenes.controlled import ControlledConfig
from bindscope_dashboard.complexity_links import MAX_SEEDS, coverages_in, job_in
from bindscope_dashboard.links import one_of, whole

#: Settings of a phase diagram that its axes replace.
AXES = frozenset({"space", "coverage", "seed"})
#: Said in every request, also where they have their default value.
_ALWAYS = ("space", "coverage", "seed", "steps")
_TYPES: Mapping[str, Any] = get_type_hints(ControlledConfig)
_NAMES = tuple(field.name for field in fields(ControlledConfig))


@dataclass(frozen=True)
class TrainState:
    """Everything that the Train page shows. ``preset`` is what the settings started from; ``job`` is empty for none."""

    config: ControlledConfig
    preset: str = ""
    job: str = ""


@dataclass(frozen=True)
class PhaseState:
    """Everything that the Phase page shows. ``config`` is shared by all runs; ``square`` is the one with its curves."""

    spaces: tuple[str, ...]
    coverages: tuple[float, ...]
    config: ControlledConfig
    seeds: int = 1
    preset: str = ""
    job: str = ""
    square: str = ""


def config_of(settings: Mapping[str, Any]) -> ControlledConfig:
    """The settings that the service sent; those that are left out have their defaults. Raises InvalidInput."""
    unknown = sorted(set(settings) - set(_NAMES))
    if unknown:
        raise InvalidInput(f"The service has settings that this dashboard does not know ({', '.join(unknown)}).")
    return ControlledConfig(**settings)


def config_fields(config: ControlledConfig, *, leave_out: Collection[str] = ()) -> dict[str, Any]:
    """The settings that differ from their defaults, and the main ones, as JSON values."""
    plain = ControlledConfig()
    values = {name: getattr(config, name) for name in _NAMES if name not in leave_out}
    return {name: v for name, v in values.items() if name in _ALWAYS or v != getattr(plain, name)}


def config_query(config: ControlledConfig, base: ControlledConfig) -> dict[str, str]:
    """The settings that differ from those of ``base``, as query parameters."""
    return {name: str(getattr(config, name)) for name in _NAMES if getattr(config, name) != getattr(base, name)}


def config_from_query(query: Mapping[str, str], base: ControlledConfig) -> ControlledConfig:
    """The settings of a link; what it leaves out comes from ``base``. Raises InvalidInput or UnknownName."""
    found: dict[str, Any] = {}
    for name in _NAMES:
        if name not in query:
            continue
        kind = _TYPES[name]
        if kind is int:
            found[name] = whole(query, name, 0, low=0, high=2**53)
        elif kind is float:
            found[name] = _number(query, name)
        else:
            known = get_args(kind)
            found[name] = one_of(query, name, "", known) if known else query[name]
    return replace(base, **found)


def _number(query: Mapping[str, str], name: str) -> float:
    try:
        return float(query[name])
    except ValueError as error:
        raise InvalidInput(f"{name} must be a number, got {query[name]!r}.") from error


def nearest_preset(config: ControlledConfig, presets: Mapping[str, ControlledConfig]) -> str:
    """The preset with the fewest other settings; empty where there is none."""
    return min(presets, key=lambda name: len(config_query(config, presets[name])), default="")


def train_body(state: TrainState) -> dict[str, Any]:
    """The request, as JSON values."""
    return {"config": config_fields(state.config)}


def train_query(state: TrainState, presets: Mapping[str, ControlledConfig]) -> dict[str, str]:
    """Query parameters of the Train page: the job, the preset, and what differs from it."""
    query = {"job": state.job} if state.job else {}
    query |= {"preset": state.preset} if state.preset else {}
    return query | config_query(state.config, presets.get(state.preset, ControlledConfig()))


def train_from_query(
    query: Mapping[str, str], default: TrainState, presets: Mapping[str, ControlledConfig]
) -> TrainState:
    """The state in a link. Raises InvalidInput or UnknownName."""
    preset, base = _preset(query, default.preset, presets, config=default.config)
    return TrainState(config_from_query(query, base), preset, job_in(query))


def _preset(
    query: Mapping[str, str], default: str, presets: Mapping[str, ControlledConfig], *, config: ControlledConfig
) -> tuple[str, ControlledConfig]:
    name = one_of(query, "preset", default, (*presets, default))
    return name, presets[name] if "preset" in query and name in presets else config


def phase_body(state: PhaseState) -> dict[str, Any]:
    """The request, as JSON values."""
    return {
        "spaces": list(state.spaces),
        "coverages": list(state.coverages),
        "seeds": list(range(state.seeds)),
        "config": config_fields(state.config, leave_out=AXES),
    }


def phase_query(state: PhaseState, presets: Mapping[str, ControlledConfig]) -> dict[str, str]:
    """Query parameters of the Phase page."""
    query = {name: getattr(state, name) for name in ("job", "preset", "square") if getattr(state, name)}
    query |= {"spaces": "~".join(state.spaces), "coverages": "~".join(f"{c:g}" for c in state.coverages)}
    query |= {"seeds": str(state.seeds)}
    changed = config_query(state.config, presets.get(state.preset, ControlledConfig()))
    return query | {name: value for name, value in changed.items() if name not in AXES}


def phase_from_query(
    query: Mapping[str, str], default: PhaseState, presets: Mapping[str, ControlledConfig]
) -> PhaseState:
    """The state in a link; ``default`` is that of its preset. Raises InvalidInput or UnknownName."""
    preset, base = _preset(query, default.preset, presets, config=default.config)
    own = {name: value for name, value in query.items() if name not in AXES}
    return PhaseState(
        spaces=tuple(dict.fromkeys(query["spaces"].split("~"))) if query.get("spaces") else default.spaces,
        coverages=coverages_in(query, default.coverages),
        config=config_from_query(own, base),
        seeds=whole(query, "seeds", default.seeds, low=1, high=MAX_SEEDS),
        preset=preset,
        job=job_in(query),
        square=query.get("square", ""),
    )


def square_key(space: str, coverage: float) -> str:
    """A square of the diagram in a link."""
    return f"{space}~{coverage:g}"


def phase_of_request(state: PhaseState, request: Mapping[str, Any]) -> PhaseState:
    """The settings that a job was started with."""
    return replace(
        state,
        spaces=tuple(request["spaces"]),
        coverages=tuple(float(c) for c in request["coverages"]),
        seeds=len(cast("list[int]", request.get("seeds") or [0])),
        config=config_of(request.get("config") or {}),
    )
