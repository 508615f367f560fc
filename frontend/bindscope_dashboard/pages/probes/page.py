"""Probe: is the information inside the embeddings, and do the two encoders share it?

How it is used: somebody picks a model. Three cards answer side by side, each with a binding score: what a linear probe
reads from the pictures' vectors, what another reads from the captions', and whether captions find their own pictures.
One sentence says what the three mean together; networks with random weights, on demand, tell whether training put the
binding there. Below, each head and each value, held out against training and chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from bindscope.client import ApiError, ServiceUnreachable
from bindscope.core.wire import Answer, Asked, Endpoint
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.probes.schemas import PROBE, ProbeRequest, ProbeResponse
from bindscope.features.surveys.schemas import SURVEY, VerdictBatch
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.pages.probes import findings
from bindscope_dashboard.pages.probes.state import TWINS, ProbeState
from bindscope_dashboard.shared import fields, service, state
from bindscope_dashboard.shared.ask import ask
from bindscope_dashboard.shared.dataset_picker import dataset_picker
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.opening import first_model, first_space, opened
from bindscope_dashboard.shared.pickers import limit_picker, missing_tower, model_picker, space_picker, summary_of
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.states import MODALITIES
from bindscope_dashboard.shared.wording import literal

PAGE = "probe"
_SCENES = 200


@dataclass(frozen=True)
class Answers:
    """What the service said, by modality; a sentence where it could not."""

    probes: Mapping[str, ProbeResponse]
    missing: Mapping[str, str]
    verdict: VerdictBatch | str


def page() -> None:
    """The page of the navigation."""
    with explained():
        models, spaces = service.models(), service.spaces()
        opened(
            PAGE,
            lambda: ProbeState.of(model=first_model(models), space=first_space(spaces)),
            widgets=_widgets,
        )
        _desk()


def _widgets(shown: ProbeState) -> dict[str, object]:
    return {
        "probe.model": shown.model,
        "probe.space": shown.space,
        "probe.dataset": shown.dataset or "",
        "probe.train_percent": round(100 * shown.request.train_ratio),
        "probe.seed": shown.request.seed,
        "probe.limit": shown.limit,
        "probe.twins": shown.request.twins > 0,
    }


@st.fragment
def _desk() -> None:
    """Settings and findings; a change of the settings reruns this alone."""
    with explained():
        models, spaces = service.models(), service.spaces()
        shown: ProbeState | None = state.shown(PAGE)
        if shown is None:
            st.rerun()
            return
        bar = st.container(horizontal=True, vertical_alignment="bottom", key="probe-bar")
        with bar:
            chosen = _settings(shown, models, spaces)
        state.keep_shown(PAGE, chosen)
        query = query_of(chosen, spaces)
        state.mirror(PAGE, query)
        wanted, missing = towers(chosen, models, spaces[chosen.space])
        with bar:
            bodies = [chosen.asks(modality) for modality in MODALITIES if modality in wanted or chosen.dataset]
            share_popover(
                query, bodies[: 1 if chosen.dataset else 2], path="/v1/probes", method="probe", key="probe.share"
            )
        answers = _ask_upload(chosen) if chosen.dataset else _ask_model(chosen, wanted, missing)
        findings.show(answers.probes, answers.missing, answers.verdict)


def _settings(shown: ProbeState, models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]) -> ProbeState:
    model = model_picker(PAGE, shown.model, models)
    space = space_picker(PAGE, spaces)
    dataset = dataset_picker(PAGE, shown.dataset)
    twins = st.toggle(
        "Random weights", key="probe.twins", disabled=bool(dataset),
        help=f"Probes {TWINS} networks of the same shape with random weights: did training put the binding there?",
    )  # fmt: skip
    with st.popover("More", icon=":material/tune:"):
        percent = fields.percent(
            "Training scenes, %", "probe.train_percent", help="The rest is held out: probes are scored there."
        )
        seed = fields.seed(PAGE, ProbeRequest)
        limit = limit_picker(PAGE)
    return shown.changed(
        model=model, space=space, dataset=dataset, train_ratio=percent / 100, seed=seed, limit=limit,
        twins=TWINS if twins else 0,
    )  # fmt: skip


def towers(chosen: ProbeState, models: Sequence[ModelSummary], space: ConceptSpace) -> tuple[list[str], dict[str, str]]:
    """The modalities to probe, and why the others are missing."""
    reasons = {m: missing_tower(summary_of(chosen.model, models), space, m) for m in MODALITIES}
    return [m for m in MODALITIES if reasons[m] is None], {m: why for m, why in reasons.items() if why is not None}


def _ask_model(chosen: ProbeState, wanted: Sequence[str], missing: Mapping[str, str]) -> Answers:
    probes: dict[str, ProbeResponse] = {}
    why = dict(missing)
    for modality in MODALITIES:
        if modality not in wanted:
            continue
        things = "pictures" if modality == "image" else "captions"
        with st.spinner(f"Embedding {things} of {chosen.space} with {literal(chosen.model)} and fitting probes …"):
            answer = _or_sentence(PROBE, chosen.asks(modality))
        if isinstance(answer, str):
            why[modality] = answer
        else:
            probes[modality] = answer
    with st.spinner(f"Judging {_SCENES} scenes …"):
        verdict = _or_sentence(SURVEY, verdict_body(chosen))
    return Answers(probes, why, verdict)


def verdict_body(chosen: ProbeState) -> dict[str, Any]:
    """The contest over scenes as the probes see them: in slots, with a valid swap."""
    return {
        "model": chosen.model,
        "space": chosen.space,
        "count": _SCENES,
        "seed": chosen.request.seed,
        "objects": 2,
        "layout": "slots",
        "only_valid_swaps": True,
    }


def _ask_upload(chosen: ProbeState) -> Answers:
    with st.spinner("Fitting probes on the upload …"):
        answer = _or_sentence(PROBE, chosen.asks("image"))
    alone = "An upload holds one set of vectors, without a model to ask."
    if isinstance(answer, str):
        return Answers({}, {"upload": answer}, alone)
    return Answers({"upload": answer}, {}, alone)


def _or_sentence(question: Endpoint[Asked, Answer], body: Mapping[str, Any]) -> Answer | str:
    """The answer, or why there is none; a missing service concerns the whole page."""
    try:
        return ask(question, body)
    except ServiceUnreachable:
        raise
    except ApiError as error:
        return str(error)
