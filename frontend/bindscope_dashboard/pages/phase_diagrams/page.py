"""Phase: at which coverage does a model begin to bind objects that it has never seen?

How it is used: somebody picks a preset, or spaces, coverages and seeds of their own, and presses Start. Each square of
the diagram is one small training; the squares fill in while it runs. They click one (or choose it from the list) and
see its curves; the scatter below says whether runs that generalise are those that a product fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.features.jobs.schemas import JobModel
from bindscope.features.trainings.schemas import PhasePresetModel, PhaseRequest
from bindscope.scenes.controlled import ControlledConfig
from bindscope_dashboard.pages.complexity.page import request_of
from bindscope_dashboard.pages.phase_diagrams import findings
from bindscope_dashboard.pages.phase_diagrams.state import AXES, PhaseState
from bindscope_dashboard.pages.trainings.settings import config_widgets, folded_settings, setting, space_options
from bindscope_dashboard.shared import long_work, progress, service, state
from bindscope_dashboard.shared.links import query_of, state_of
from bindscope_dashboard.shared.opening import opened
from bindscope_dashboard.shared.pickers import coverage_picker, seeds_picker
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.training import config_of, settings_of
from bindscope_dashboard.shared.wording import counted, literal

PAGE = "phase"
_ASKED = set(PhaseRequest.model_fields)
_PLAIN = PhaseState.of(spaces=["grid-2x8", "grid-2x12"], coverages=[0.2, 0.4, 0.6, 0.8])


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
    return {p.name: _of(p.model_dump(include=_ASKED), preset=p.name) for p in presets}


def _of(request: Mapping[str, Any], **more: str) -> PhaseState:
    """The state of a request. Raises InvalidInput."""
    asked = {name: value for name, value in request.items() if name in _ASKED}
    asked |= {"coverages": sorted(request["coverages"]), "config": config_of(request.get("config") or {})}
    return PhaseState(request=PhaseRequest(**asked), **more)


def _query(shown: PhaseState, presets: Mapping[str, PhaseState]) -> dict[str, str]:
    base = presets[shown.preset].config if shown.preset in presets else ControlledConfig()
    return query_of(shown, service.spaces(), settings_of(base))


def _read(query: Mapping[str, str], default: PhaseState, presets: Mapping[str, PhaseState]) -> PhaseState:
    found = state_of(query, presets.get(query.get("preset", ""), default), service.spaces())
    if found.preset not in ("", default.preset, *presets):
        raise UnknownName("preset", found.preset, tuple(presets))
    request = request_of(found.job, "phase_diagram") if found.job and "spaces" not in query else None
    try:
        return found if request is None else _of(request, preset=found.preset, job=found.job, square=found.square)
    except InvalidInput:
        # A job of another version: it is shown, its settings cannot be.
        return found


def _widgets(shown: PhaseState) -> dict[str, object]:
    return {
        "phase.preset": shown.preset,
        "phase.spaces": shown.request.spaces,
        "phase.coverages": shown.request.coverages,
        "phase.seeds": len(shown.request.seeds),
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
    square = findings.show(jobs[0], shown.square)
    if square != shown.square:
        shown = shown.changed(square=square)
        state.keep_shown(PAGE, shown)
        state.mirror(PAGE, _query(shown, _states(long_work.phase_presets().presets)))


def _size(chosen: PhaseState) -> str:
    asked = chosen.request
    spaces, shares, seeds = len(asked.spaces), len(asked.coverages), len(asked.seeds)
    product = f"{counted(spaces, 'space')} × {counted(shares, 'coverage')} × {counted(seeds, 'seed')}"
    return f"{product} = {counted(spaces * shares * seeds, 'training')} of {chosen.config.steps:,} steps"


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
            disabled=not (chosen.request.spaces and chosen.request.coverages),
        )  # fmt: skip
        shared = st.container(width="content")
    note = next((p for p in models if p.name == name), None)
    if note is not None:
        st.caption(("" if note.measured else "Not measured by this project. ") + literal(note.note))
    config = folded_settings(PAGE, shown.config, leave_out=AXES)
    chosen = chosen.changed(**settings_of(replace(config, steps=steps)), preset=name)
    if pressed:
        with explained(), st.spinner("Starting …"):
            chosen = chosen.changed(job=long_work.start_phase_diagram(chosen.body).id, square="")
    state.keep_shown(PAGE, chosen)
    query = _query(chosen, presets)
    state.mirror(PAGE, query)
    with shared:
        share_popover(query, [chosen.body], path="/v1/phase-diagrams", method="phase_diagram",
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
        "Object spaces", space_options(service.spaces(), shown.request.spaces), key="phase.spaces",
        accept_new_options=True, width=420, placeholder="Choose spaces",
        help="grid-CxV has C concepts of V values each.",
    )  # fmt: skip
    return shown.changed(spaces=spaces)


def _splits(shown: PhaseState) -> PhaseState:
    coverages = coverage_picker(PAGE, shown.request.coverages, hint="Share of the objects that a training sees.")
    return shown.changed(coverages=coverages, seeds=seeds_picker(PAGE, PhaseRequest))
