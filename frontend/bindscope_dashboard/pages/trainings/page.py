"""Train: what does a model need to see to bind objects that it has never seen?

How it is used: somebody picks a preset, perhaps another coverage, and presses Start. While it trains they watch loss
and recognition of seen and of unseen objects, and may leave or cancel: the link finds the job again, and Resume goes on
at the last checkpoint. When it is done the model is on every page: they open it in Probe, Decompose or Complexity.
"""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.features.trainings.schemas import TrainingPreset, TrainingRequest
from bindscope.scenes.controlled import ControlledConfig
from bindscope_dashboard.pages.complexity.page import request_of
from bindscope_dashboard.pages.trainings import findings, history
from bindscope_dashboard.pages.trainings.settings import config_widgets, folded_settings, main_settings
from bindscope_dashboard.pages.trainings.state import TrainState
from bindscope_dashboard.shared import long_work, progress, service, state
from bindscope_dashboard.shared.links import query_of, state_of
from bindscope_dashboard.shared.opening import opened
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.training import config_of, nearest_preset, settings_of
from bindscope_dashboard.shared.wording import literal

PAGE = "train"


def page() -> None:
    """The page of the navigation."""
    with explained():
        presets = _configs(long_work.trainings().presets)
        opened(
            PAGE,
            lambda: _first(presets),
            read=lambda query, default: _read(query, default, presets),
            widgets=_widgets,
        )
        _desk()


def _configs(presets: list[TrainingPreset]) -> dict[str, ControlledConfig]:
    return {preset.name: config_of(preset.config) for preset in presets}


def train_state(config: ControlledConfig, preset: str = "", job: str = "") -> TrainState:
    """The state with these settings."""
    return TrainState(request=TrainingRequest(config=config), preset=preset, job=job)


def _first(presets: Mapping[str, ControlledConfig]) -> TrainState:
    name = next(iter(presets), "")
    return train_state(presets.get(name, ControlledConfig()), name)


def _read(query: Mapping[str, str], default: TrainState, presets: Mapping[str, ControlledConfig]) -> TrainState:
    name = query.get("preset", "")
    found = state_of(query, train_state(presets[name], name) if name in presets else default, service.spaces())
    if found.preset not in ("", default.preset, *presets):
        raise UnknownName("preset", found.preset, tuple(presets))
    request = request_of(found.job, "training") if found.job and "preset" not in query else None
    if request is None:
        return found
    try:
        config = config_of(request.get("config") or {})
    except InvalidInput:
        # A job of another version: it is shown, its settings cannot be.
        return found
    return train_state(config, nearest_preset(config, presets), found.job)


def _widgets(shown: TrainState) -> dict[str, object]:
    return {"train.preset": shown.preset, **config_widgets(PAGE, shown.config)}


@st.fragment
def _desk() -> None:
    """Settings, progress and findings."""
    with explained():
        overview, spaces = long_work.trainings(), service.spaces()
        shown: TrainState | None = state.shown(PAGE)
        if shown is None:
            st.rerun()
            return
        with explained():
            shown = _settings(shown, overview.presets)
        if shown.job:
            progress.watch([shown.job], "training", show=lambda jobs: findings.show(jobs[0]))
        else:
            st.info("Choose a preset and press Start. You can leave the page meanwhile.", icon=":material/play_circle:")
        history.show(overview.runs, spaces)


def _settings(shown: TrainState, presets: list[TrainingPreset]) -> TrainState:
    """The form. Keeps what was chosen, and starts the job when asked."""
    configs, spaces = _configs(presets), service.spaces()
    with st.container(horizontal=True, vertical_alignment="bottom", key="train-bar"):
        name = _preset(shown, configs)
        values = main_settings(PAGE, shown.config, spaces)
        pressed = st.button("Start", type="primary", icon=":material/play_arrow:", key="train.start")
        shared = st.container(width="content")
    _note(next((preset for preset in presets if preset.name == name), None))
    config = folded_settings(PAGE, shown.config)
    chosen = train_state(replace(config, **values), name, shown.job)
    if pressed:
        with explained(), st.spinner("Starting …"):
            chosen = chosen.changed(job=long_work.start_training(chosen.body).id)
    state.keep_shown(PAGE, chosen)
    query = query_of(chosen, spaces, settings_of(configs.get(name, ControlledConfig())))
    state.mirror(PAGE, query)
    with shared:
        share_popover(query, [chosen.body], path="/v1/trainings", method="train", key="train.share")
    return chosen


def _preset(shown: TrainState, configs: Mapping[str, ControlledConfig]) -> str:
    if not configs:
        return ""
    state.seed_widgets({"train.preset": shown.preset})
    if state.widget("train.preset") not in configs:
        state.set_widgets({"train.preset": next(iter(configs))})

    def take() -> None:
        state.set_widgets(config_widgets(PAGE, configs[state.widget("train.preset")]))

    return st.selectbox("Preset", list(configs), key="train.preset", on_change=take, width=170)


def _note(preset: TrainingPreset | None) -> None:
    if preset is not None:
        st.caption(("" if preset.measured else "Not measured by this project. ") + literal(preset.note))
