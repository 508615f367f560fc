"""Complexity: how simple is this model's binding function?

How it is used: somebody picks a model (or two, side by side), the families of functions to try, the coverages and the
number of seeds, and presses Start. Fits run as a job; the curves fill in. One sentence says which is the simplest
family whose predictions of scenes made only of unseen objects hold the binding. They look at the score next to its
ceiling and to chance, open the table, export it, and send the link: it finds the job again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from bindscope.client import ApiError, ServiceUnreachable
from bindscope.features.complexity.findings import kind_name
from bindscope.features.complexity.schemas import ComplexityRequest
from bindscope.features.jobs.schemas import JobModel
from bindscope.features.models.schemas import ModelSummary
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.sources import SourceModel
from bindscope_dashboard.pages.complexity import findings
from bindscope_dashboard.pages.complexity.state import ComplexityState
from bindscope_dashboard.shared import long_work, progress, service, state
from bindscope_dashboard.shared.dataset_picker import dataset_picker
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.opening import first_model, first_space, linked, opened
from bindscope_dashboard.shared.pickers import (
    coverage_picker,
    limit_picker,
    modality_picker,
    model_picker,
    seeds_picker,
    space_picker,
    summary_of,
)
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.wording import counted

PAGE, SECOND = "complexity", "complexity.second"


def page() -> None:
    """The page of the navigation."""
    with explained():
        models, spaces = service.models(), service.spaces()
        opened(
            PAGE,
            lambda: ComplexityState.of(model=first_model(models), space=first_space(spaces)),
            read=_read,
            widgets=_widgets,
        )
        _desk()


def _read(query: Mapping[str, str], default: ComplexityState) -> ComplexityState:
    found = linked(query, default)
    if found.jobs and "model" not in query:
        # A bare link to a job: its request has the settings.
        requests = [request for job_id in found.jobs if (request := request_of(job_id, "complexity"))]
        return found.of_requests(requests) if requests else found
    return found


def request_of(job_id: str, kind: str) -> Mapping[str, Any] | None:
    """The request of a job; None where there is no such job: the page says so below its settings."""
    try:
        job = long_work.job(job_id)
    except ServiceUnreachable:
        raise
    except ApiError:
        return None
    return job.request if job.kind == kind else None


def _widgets(shown: ComplexityState) -> dict[str, object]:
    second = shown.second or shown.source
    return {
        "complexity.model": shown.model,
        "complexity.space": shown.space,
        "complexity.modality": shown.modality,
        "complexity.dataset": shown.dataset or "",
        "complexity.limit": shown.limit,
        "complexity.compare": shown.second is not None,
        "complexity.second.model": second.model,
        "complexity.second.space": second.space,
        "complexity.second.modality": second.modality,
        "complexity.kinds": shown.request.kinds,
        "complexity.coverages": shown.request.coverages,
        "complexity.seeds": len(shown.request.seeds),
        "complexity.measure": shown.measure,
    }


@st.fragment
def _desk() -> None:
    """Settings, progress and findings."""
    with explained():
        models, spaces = service.models(), service.spaces()
        shown: ComplexityState | None = state.shown(PAGE)
        if shown is None:
            st.rerun()
            return
        chosen = _sources(shown, models, spaces)
        chosen = _kinds(chosen)
        with st.container(horizontal=True, vertical_alignment="bottom", key="complexity-fits"):
            chosen = _splits(chosen)
            pressed = st.button(
                "Start", type="primary", icon=":material/play_arrow:", key="complexity.start",
                disabled=not (chosen.request.kinds and chosen.request.coverages), help=_size(chosen),
            )  # fmt: skip
            shared = st.container(width="content")
        if pressed:
            with explained(), st.spinner("Starting …"):
                jobs = dict.fromkeys(long_work.start_complexity(body).id for body in chosen.bodies)
                chosen = chosen.changed(jobs=tuple(jobs))
        state.keep_shown(PAGE, chosen)
        query = query_of(chosen, spaces)
        state.mirror(PAGE, query)
        with shared:
            share_popover(query, chosen.bodies, path="/v1/complexity", method="complexity", key="complexity.share")
        if not chosen.jobs:
            st.info(f"Press Start: {_size(chosen)}. You can leave the page meanwhile.", icon=":material/play_circle:")
            return
        progress.watch(chosen.jobs, "complexity", show=_show)


def _show(jobs: Sequence[JobModel]) -> None:
    shown: ComplexityState = state.shown(PAGE)
    measure = findings.show(jobs, shown.measure)
    if measure != shown.measure:
        shown = shown.changed(measure=measure)
        state.keep_shown(PAGE, shown)
        state.mirror(PAGE, query_of(shown, service.spaces()))


def _size(chosen: ComplexityState) -> str:
    asked = chosen.request
    kinds, shares = counted(len(asked.kinds), "family", "families"), counted(len(asked.coverages), "coverage")
    said = f"{kinds} × {shares} × {counted(len(asked.seeds), 'seed')} = {counted(chosen.fits, 'fit')}"
    return said + (" for each source" if chosen.second else "")


def _sources(
    shown: ComplexityState, models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]
) -> ComplexityState:
    with st.container(horizontal=True, vertical_alignment="bottom", key="complexity-bar"):
        first = _source(PAGE, shown.source, models, spaces=spaces)
        dataset = dataset_picker(PAGE, shown.dataset, verb="Fit")
        with st.popover("More", icon=":material/tune:"):
            limit = limit_picker(PAGE)
        hint = "Another model, space or modality beside it."
        compare = st.toggle("Second source", key="complexity.compare", help=hint)
    chosen = shown.changed(**first, dataset=dataset, limit=limit, second=None)
    if not compare:
        return chosen
    with st.container(horizontal=True, vertical_alignment="bottom", key="complexity-second-bar"):
        second = _source(SECOND, shown.second or shown.source, models, spaces=spaces, prefix="Second ")
    return chosen.changed(second=chosen.source.model_copy(update=second))


def _source(
    page_key: str,
    current: SourceModel,
    models: Sequence[ModelSummary],
    *,
    spaces: Mapping[str, ConceptSpace],
    prefix: str = "",
) -> dict[str, Any]:
    model = model_picker(page_key, str(current.model), models, label=f"{prefix}model".capitalize())
    space = space_picker(page_key, spaces, label=f"{prefix}concept space".capitalize())
    modality = modality_picker(page_key, summary_of(model, models), spaces[space])
    return {"model": model, "space": space, "modality": modality}


def _kinds(shown: ComplexityState) -> ComplexityState:
    offered = list(dict.fromkeys([*long_work.complexity_kinds(), *shown.request.kinds]))
    kinds = st.multiselect(
        "Families", offered, key="complexity.kinds", format_func=kind_name, accept_new_options=True,
        placeholder="Choose families", help="From simple to complex. Any other network as mlp:WIDTH.",
    )  # fmt: skip
    return shown.changed(kinds=kinds)


def _splits(shown: ComplexityState) -> ComplexityState:
    coverages = coverage_picker(PAGE, shown.request.coverages, hint="Share of the objects that a fit learns from.")
    return shown.changed(coverages=coverages, seeds=seeds_picker(PAGE, ComplexityRequest))
