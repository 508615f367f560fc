"""Settings of a controlled training: a few that matter, the rest folded away."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, get_args, get_type_hints

import streamlit as st

from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.controlled import ControlledConfig
from bindscope_dashboard.shared import state

MAIN = ("space", "coverage", "steps", "seed")
#: Grids that are offered beside the spaces of the service; any other ``grid-CxV`` can be typed.
GRIDS = ("grid-2x8", "grid-2x12", "grid-2x16", "grid-2x20", "grid-3x8")
_TYPES: Mapping[str, Any] = get_type_hints(ControlledConfig)
_LABELS: Mapping[str, str] = {
    "space": "Object space",
    "inputs": "Scenes as",
    "objects": "Objects per scene, at most",
    "feedforward": "Feed-forward width",
    "dim": "Embedding dimension",
    "batch": "Scenes per step",
    "queries": "Queries per step, at most",
    "evaluate_every": "Steps between evaluations",
    "checkpoint_every": "Steps between checkpoints",
    "evaluation_scenes": "Scenes per evaluation",
    "test_scenes": "Scenes of the final test",
    "max_scale": "Scale of cosines, at most",
}
_HELP: Mapping[str, str] = {
    "space": "grid-CxV has C concepts of V values each.",
    "coverage": "Share of the objects that training sees; recognition is judged on the others.",
    "warmup": "Share of the steps in which the learning rate rises.",
    "negatives": "seen: only training objects are queried; all: unseen ones are pushed away too, as published.",
    "swap_negatives": "Per scene: objects with a value exchanged between two objects of the scene.",
    "inputs": "Concept tokens, or rendered pictures (spaces of colours and shapes only).",
}
_STEPS: Mapping[str, float] = {"coverage": 0.05, "learning_rate": 1e-4, "weight_decay": 0.05, "warmup": 0.05}


def config_widgets(page: str, config: ControlledConfig) -> dict[str, object]:
    """The values of the widgets."""
    return {_key(page, field.name): getattr(config, field.name) for field in fields(config)}


def folded_settings(
    page: str, config: ControlledConfig, *, leave_out: Collection[str] = (), widths: int = 4
) -> ControlledConfig:
    """All settings but the main ones, in columns. Raises InvalidInput where they do not go together."""
    names = [field.name for field in fields(config) if field.name not in {*MAIN, *leave_out}]
    with st.expander("More settings", icon=":material/tune:", key=f"{page}-more"):
        with st.container(key=f"{page}-settings"):
            columns = st.columns(widths)
        values = {}
        for number, name in enumerate(names):
            with columns[number % widths]:
                values[name] = setting(page, name, config)
    return replace(config, **values)


def main_settings(page: str, config: ControlledConfig, spaces: Mapping[str, ConceptSpace]) -> dict[str, Any]:
    """Space, coverage, steps and seed, in the row of the settings."""
    options = space_options(spaces, [config.space])
    key = _key(page, "space")
    state.seed_widgets({key: config.space})
    if state.widget(key) not in options:
        options.append(state.widget(key))
    space = st.selectbox(
        _LABELS["space"], options, key=key, accept_new_options=True, width=160, help=_HELP["space"]
    )  # fmt: skip
    values = {name: setting(page, name, config, width=120) for name in MAIN[1:]}
    return {"space": space or config.space, **values}


def space_options(spaces: Mapping[str, ConceptSpace], chosen: Sequence[str]) -> list[str]:
    """Grids, then the spaces of the service, then what was chosen by hand."""
    return list(dict.fromkeys([*GRIDS, *spaces, *chosen]))


def setting(page: str, name: str, config: ControlledConfig, *, width: int | None = None) -> Any:
    """One setting, by its type."""
    key, label, current = _key(page, name), _label(name), getattr(config, name)
    state.seed_widgets({key: current})
    size: Any = {} if width is None else {"width": width}
    kind, hint = _TYPES[name], _HELP.get(name)
    if kind is int:
        return int(st.number_input(label, 0, key=key, help=hint, **size))
    if kind is float:
        return float(st.number_input(label, key=key, format="%g", step=_STEPS.get(name, 1.0), help=hint, **size))
    known = get_args(kind)
    return st.selectbox(label, known, key=key, help=hint, **size) or current


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _key(page: str, name: str) -> str:
    return f"{page}.config.{name}"
