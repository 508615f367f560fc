"""Survey: a model over many random scenes, with live progress.

How it is used: somebody picks a model and a space, presses Run and watches the scenes go by. They read the binding
score against its chance and what it says, then see which concepts and objects the model recognises, and in the atlas
which values are taken for which. They click a hot cell (or choose it from the list) and the worst scene of that pair
opens on the canvas. They run a control (shuffled pixels, a blank picture) to see that the number comes from the
picture, and export or link it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import streamlit as st

from bindscope.core.errors import InvalidInput
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.surveys.schemas import SURVEY, BatchProgress, VerdictBatch, VerdictBatchRequest
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.pages.surveys import findings
from bindscope_dashboard.pages.surveys.state import SurveyState
from bindscope_dashboard.pages.verdicts import page as compose
from bindscope_dashboard.shared import fields, service, state
from bindscope_dashboard.shared.ask import follow
from bindscope_dashboard.shared.links import query_of, state_of
from bindscope_dashboard.shared.pickers import space_picker
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.wording import literal
from bindscope_dashboard.shared.wording_picker import wording_picker, wording_widgets

PAGE = "survey"
_CONTROLS = {"none": "none", "shuffled_pixels": "shuffled pixels", "blank": "blank picture"}
_LAYOUTS = {"random": "random places", "slots": "in slots"}


def page() -> None:
    """The page of the navigation."""
    with explained():
        _open(service.models(), service.spaces())
        _desk()


@st.fragment
def _desk() -> None:
    """Settings and findings; a change of the settings reruns this alone."""
    with explained():
        models, spaces = service.models(), service.spaces()
        shown: SurveyState | None = state.shown(PAGE)
        if shown is None:
            st.rerun()
            return
        bar = st.container(horizontal=True, vertical_alignment="bottom", key="survey-bar")
        with bar:
            chosen, pressed = _settings(shown, models, spaces)
        body = chosen.body
        key = json.dumps(body, sort_keys=True)
        done = state.survey_results()
        if pressed or (chosen.run and key not in done and not _edited(shown, chosen)):
            done[key] = _run(chosen)
        result = done.get(key)
        chosen = chosen.changed(run=result is not None)
        state.keep_shown(PAGE, chosen)
        query = query_of(chosen, spaces)
        state.mirror(PAGE, query)
        if result is None:
            st.info(
                "Choose a model and press Run: 200 scenes and their swaps take a few seconds.",
                icon=":material/play_circle:",
            )
            return
        with bar:
            share_popover(query, [body], path="/v1/verdicts/batch", method="verdict_batch", key="survey.share")
        findings.show(result, chosen, spaces[chosen.space])


def _edited(before: SurveyState, now: SurveyState) -> bool:
    return before.request != now.request


def _open(models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]) -> None:
    """Takes over a link; otherwise goes on where the session was."""
    query = state.incoming(PAGE)
    current: SurveyState | None = state.shown(PAGE)
    default = SurveyState.of(model=compose.default_state(models, spaces).model)
    if query is not None:
        try:
            current = state_of(query, default, spaces)
        except InvalidInput as error:
            st.warning(f"This link cannot be read, so here are the settings as they were. {literal(str(error))}")
            current = default
        state.set_widgets(_widgets(current))
    current = current or default
    state.keep_shown(PAGE, current)
    state.seed_widgets(_widgets(current))


def _widgets(shown: SurveyState) -> dict[str, object]:
    return {
        "survey.model": shown.model,
        "survey.space": shown.space,
        "survey.count": shown.request.count,
        "survey.seed": shown.request.seed,
        "survey.objects": shown.request.objects,
        "survey.layout": shown.request.layout,
        "survey.control": shown.request.control,
        "survey.only": shown.request.only_valid_swaps,
        **wording_widgets("survey", shown.wording),
    }


def _settings(
    shown: SurveyState, models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]
) -> tuple[SurveyState, bool]:
    known = [m.id for m in models if m.available]
    options = known if shown.model in known else [*known, shown.model]
    model = st.selectbox("Model", options, key="survey.model", accept_new_options=True, width=220)
    space = space_picker(PAGE, spaces)
    count = fields.whole("Scenes", "survey.count", VerdictBatchRequest, step=100, width=120)
    objects = fields.whole("Objects", "survey.objects", VerdictBatchRequest, width=90)
    seed = fields.seed(PAGE, VerdictBatchRequest, width=110)
    with st.popover("More", icon=":material/tune:"):
        layout = fields.segments("Layout", list(_LAYOUTS), "survey.layout", format_func=_LAYOUTS.__getitem__)
        control = fields.segments(
            "Control", list(_CONTROLS), "survey.control", format_func=_CONTROLS.__getitem__,
            help="What the model gets to see in place of the scene. Both controls must lose the answer.",
        )  # fmt: skip
        only = fields.toggle("Only scenes with a valid swap", "survey.only")
    wording = wording_picker("survey", shown.wording, templates=spaces[space].templates)
    pressed = st.button("Run", type="primary", icon=":material/play_arrow:", key="survey.run")
    chosen = shown.changed(
        model=model or shown.model,
        space=space,
        count=count,
        seed=seed,
        objects=objects,
        layout=layout,
        only_valid_swaps=only,
        control=control,
        **asdict(wording),
    )
    return chosen, pressed


def _run(chosen: SurveyState) -> VerdictBatch:
    bar = st.progress(0.0, text=f"Starting {literal(chosen.model)} …")

    def show(progress: BatchProgress) -> None:
        text = f"{progress.done} of {progress.total} scenes, each with its swap"
        bar.progress(progress.done / max(1, progress.total), text=text)

    try:
        return follow(SURVEY, chosen.body, lambda client, body: client.verdict_batch(**body, on_progress=show))
    finally:
        bar.empty()
