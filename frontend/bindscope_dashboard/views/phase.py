"""Phase: at which coverage does a model begin to bind objects that it has never seen?

How it is used: somebody picks a preset, or spaces, coverages and seeds of their own, and presses Start. Each square of
the diagram is one small training; the squares fill in while it runs. They click one (or choose it from the list) and
see its curves; the scatter below says whether runs that generalise are those that a product fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from bindscope.core.errors import InvalidInput
from bindscope.features.jobs.schemas import JobModel
from bindscope.features.trainings.schemas import PhasePresetModel
from bindscope.scenes.controlled import ControlledConfig
from bindscope_dashboard import long_work, service, state
from bindscope_dashboard.training_links import (
    AXES,
    PhaseState,
    config_of,
    phase_body,
    phase_from_query,
    phase_of_request,
    phase_query,
)
from bindscope_dashboard.views import phase_findings, progress
from bindscope_dashboard.views.complexity import request_of
from bindscope_dashboard.views.opening import opened
from bindscope_dashboard.views.pickers import coverage_picker, seeds_picker
from bindscope_dashboard.views.problems import explained
from bindscope_dashboard.views.share import share_popover
from bindscope_dashboard.views.train_settings import config_widgets, folded_settings, setting, space_options
from bindscope_dashboard.wording import counted, literal

PAGE = "phase"
_PLAIN = PhaseState(("grid-2x8", "grid-2x12"), (0.2, 0.4, 0.6, 0.8), ControlledConfig())


def page() -> None:
    """The page of the navigation."""
    with explained():
        presets = _states(long_work.phase_presets().presets)
        opened(
            PAGE,
            lambda: next(iter(presets.values()), _PLAIN),
            read=lambda query, default: _read(query, default, presets),
            widgets=_widgets,
        )
        _desk()


def _states(presets: Sequence[PhasePresetModel]) -> dict[str, PhaseState]:
    return {
        p.name: PhaseState(
            tuple(p.spaces), tuple(sorted(p.coverages)), config_of(p.config), seeds=len(p.seeds), preset=p.name
        )
        for p in presets
    }


def _configs(presets: Mapping[str, PhaseState]) -> dict[str, ControlledConfig]:
    return {name: preset.config for name, preset in presets.items()}


def _read(query: Mapping[str, str], default: PhaseState, presets: Mapping[str, PhaseState]) -> PhaseState:
    found = phase_from_query(query, presets.get(query.get("preset", ""), default), _configs(presets))
    request = request_of(found.job, "phase_diagram") if found.job and "spaces" not in query else None
    try:
        return found if request is None else phase_of_request(found, request)
    except InvalidInput:
        # A job of another version: it is shown, its settings cannot be.
        return found


def _widgets(shown: PhaseState) -> dict[str, object]:
    return {
        "phase.preset": shown.preset,
        "phase.spaces": list(shown.spaces),
        "phase.coverages": list(shown.coverages),
        "phase.seeds": shown.seeds,
        **config_widgets(PAGE, shown.config),
    }


@st.fragment
def _desk() -> None:
    """Settings, progress and findings."""
    with explained():
        shown: PhaseState | None = state.shown(PAGE)
        if shown is None:
            st.rerun()
            return
        with explained():
            shown = _settings(shown, long_work.phase_presets().presets)
        if shown.job:
            progress.watch([shown.job], "phase_diagram", show=_show)
        else:
            st.info(
                f"Press Start: {_size(shown)}. You can leave the page meanwhile.", icon=":material/play_circle:"
            )  # fmt: skip


def _show(jobs: Sequence[JobModel]) -> None:
    shown: PhaseState = state.shown(PAGE)
    square = phase_findings.show(jobs[0], shown.square)
    if square != shown.square:
        shown = replace(shown, square=square)
        state.keep_shown(PAGE, shown)
        state.mirror(PAGE, phase_query(shown, _configs(_states(long_work.phase_presets().presets))))


def _size(chosen: PhaseState) -> str:
    spaces, shares = counted(len(chosen.spaces), "space"), counted(len(chosen.coverages), "coverage")
    count = counted(len(chosen.spaces) * len(chosen.coverages) * chosen.seeds, "training")
    return f"{spaces} × {shares} × {counted(chosen.seeds, 'seed')} = {count} of {chosen.config.steps:,} steps"


def _settings(shown: PhaseState, models: Sequence[PhasePresetModel]) -> PhaseState:
    """The form. Keeps what was chosen, and starts the job when asked."""
    presets = _states(models)
    with st.container(horizontal=True, vertical_alignment="bottom", key="phase-bar"):
        name = _preset(shown, presets)
        chosen = _spaces(shown)
    with st.container(horizontal=True, vertical_alignment="bottom", key="phase-splits"):
        chosen = _splits(chosen)
        steps = setting(PAGE, "steps", shown.config, width=120)
        pressed = st.button(
            "Start", type="primary", icon=":material/play_arrow:", key="phase.start",
            disabled=not (chosen.spaces and chosen.coverages),
        )  # fmt: skip
        shared = st.container(width="content")
    note = next((p for p in models if p.name == name), None)
    if note is not None:
        st.caption(("" if note.measured else "Not measured by this project. ") + literal(note.note))
    config = folded_settings(PAGE, shown.config, leave_out=AXES)
    chosen = replace(chosen, config=replace(config, steps=steps), preset=name)
    if pressed:
        with explained(), st.spinner("Starting …"):
            chosen = replace(chosen, job=long_work.start_phase_diagram(phase_body(chosen)).id, square="")
    state.keep_shown(PAGE, chosen)
    query = phase_query(chosen, _configs(presets))
    state.mirror(PAGE, query)
    with shared:
        share_popover(query, [phase_body(chosen)], path="/v1/phase-diagrams", method="phase_diagram",
                      key="phase.share")  # fmt: skip
    return chosen


def _preset(shown: PhaseState, presets: Mapping[str, PhaseState]) -> str:
    if not presets:
        return ""
    state.seed_widgets({"phase.preset": shown.preset})
    if state.widget("phase.preset") not in presets:
        state.set_widgets({"phase.preset": next(iter(presets))})

    def take() -> None:
        state.set_widgets(_widgets(presets[state.widget("phase.preset")]))

    return st.selectbox("Preset", list(presets), key="phase.preset", on_change=take, width=150)


def _spaces(shown: PhaseState) -> PhaseState:
    spaces = st.multiselect(
        "Object spaces", space_options(service.spaces(), shown.spaces), key="phase.spaces", accept_new_options=True,
        width=420, placeholder="Choose spaces", help="grid-CxV has C concepts of V values each.",
    )  # fmt: skip
    return replace(shown, spaces=tuple(spaces))


def _splits(shown: PhaseState) -> PhaseState:
    coverages = coverage_picker(PAGE, shown.coverages, hint="Share of the objects that a training sees.")
    return replace(shown, coverages=coverages, seeds=seeds_picker(PAGE))
