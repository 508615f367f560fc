"""What a survey found: the big number, recognition, the swap atlas, scenes that fail, downloads."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from bindscope.domain.concepts import ConceptSpace
from bindscope.schemas.base import SceneModel
from bindscope.schemas.verdicts import AtlasCell, VerdictBatch
from bindscope_dashboard import charts, exports, service, state, tables
from bindscope_dashboard.links import ComposeState, SurveyState, compose_query
from bindscope_dashboard.markup import Html, tag
from bindscope_dashboard.plots.atlas import atlas_figure, atlas_text, cells_of
from bindscope_dashboard.plots.recognition import (
    accuracy_figure,
    accuracy_text,
    recognition_figure,
    recognition_text,
)
from bindscope_dashboard.views.gallery import scene_cards
from bindscope_dashboard.wording import percent, runs_on, signed, tiny, with_interval

_SHOWN = 6


def show(batch: VerdictBatch, chosen: SurveyState, space: ConceptSpace) -> None:
    """All of it, the big number first."""
    st.html(_facts(batch))
    dark = state.is_dark()
    with st.container(key="survey-columns"):
        left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Swap accuracy against a coin", anchor=False)
        st.plotly_chart(
            accuracy_figure(batch.swap_accuracy, dark=dark),
            theme=None,
            key="survey.accuracy",
            config=charts.saving("survey-accuracy"),
            alt=accuracy_text(batch.swap_accuracy),
        )
        st.subheader("Recognition against chance", anchor=False)
        st.plotly_chart(
            recognition_figure(batch.recognition, batch.chance, dark=dark),
            theme=None,
            key="survey.recognition",
            config=charts.saving("survey-recognition"),
            alt=recognition_text(batch.recognition, batch.chance),
        )
        st.caption("Thin lines are 95 % intervals, the upright tick is chance. A tie never counts as recognised.")
    with right:
        _atlas(batch, chosen, space)
    _failures(batch, chosen, space)
    _downloads(batch)


def _facts(batch: VerdictBatch) -> Html:
    provenance = batch.provenance
    accuracy = batch.swap_accuracy
    spread = (
        ""
        if accuracy.low is None or accuracy.high is None
        else f" {100 * accuracy.low:.0f}–{100 * accuracy.high:.0f} %"
    )
    entries: list[tuple[str, str, str, str]] = [
        ("Swap accuracy", percent(accuracy.value), spread, f"over {accuracy.n} scenes with a valid swap"),
        (
            "Undecided",
            percent(batch.undecided.value),
            "",
            f"margin inside the noise floor of {tiny(batch.noise_floor)}",
        ),
        ("No valid swap", str(batch.no_valid_swap), "", f"of {batch.scenes} scenes: neither right nor wrong"),
        (
            "Measured in",
            f"{batch.milliseconds / 1000:.1f} s",
            "",
            f"{runs_on(provenance.device, provenance.dtype)}, compared with the "
            + ("picture" if batch.anchor == "image" else "caption as listed"),
        ),
    ]
    boxes = [
        tag(
            "div",
            tag("div", title, cls="title"),
            tag("div", figure, tag("small", extra), cls="figure"),
            tag("div", note, cls="bs-muted"),
            cls="bs-fact",
        )
        for title, figure, extra, note in entries
    ]
    return tag("div", *boxes, cls="bs-facts")


def _atlas(batch: VerdictBatch, chosen: SurveyState, space: ConceptSpace) -> None:
    st.subheader("Swap atlas: who is taken for whom", anchor=False)
    present = [c for c in space.concepts if cells_of(batch.atlas, c.name)]
    if not present:
        st.caption("No scene had two values to exchange.")
        return
    names = [c.name for c in present]
    name = st.segmented_control("Exchanged concept", names, default=names[0], key="survey.atlas.concept", required=True)
    concept = space.concept(name or names[0])
    cells = cells_of(batch.atlas, concept.name)
    event = st.plotly_chart(
        atlas_figure(cells, concept, dark=state.is_dark()),
        theme=None,
        key=f"survey.atlas.{concept.name}",
        config=charts.saving("survey-atlas"),
        on_select="rerun",
        selection_mode="points",
        alt=atlas_text(cells, concept.name),
    )
    st.caption(
        "How often, in %, the caption with the two values exchanged won (≈: all undecided). Click a cell to open "
        "its worst scene."
    )
    picked = _clicked(event, cells)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        cell = st.selectbox(
            "Or choose a pair", cells, format_func=_cell_title, key=f"survey.pair.{concept.name}", width=300
        )
        if st.button("Open its worst scene", key="survey.open-pair", icon=":material/open_in_full:"):
            picked = cell
    if picked is not None:
        _open_in_compose(picked.example, chosen)
    with st.expander("As a table"):
        rows = [
            (c.value, c.other, percent(c.swapped.value), str(c.swapped.n), str(c.undecided), signed(c.mean_margin))
            for c in cells
        ]
        head = ("Value", "Other", "Swapped won", "Scenes", "Undecided", "Mean margin")
        st.html(tables.table(head, rows, label=f"Swap atlas of {concept.name}", numbers=frozenset({2, 3, 4, 5})))


def _clicked(event: Any, cells: Sequence[AtlasCell]) -> AtlasCell | None:
    """The cell of a click that is new: a selection stays with the chart, and must open its scene only once."""
    points = event.selection.points if event is not None else []
    if not points or "customdata" not in points[0]:
        return None
    number = points[0]["customdata"]
    number = number[0] if isinstance(number, list | tuple) else number
    return cells[number] if isinstance(number, int) and 0 <= number < len(cells) else None


def _cell_title(cell: AtlasCell) -> str:
    return f"{cell.value} ↔ {cell.other}: {percent(cell.swapped.value)} of {cell.swapped.n}"


def _open_in_compose(scene: SceneModel, chosen: SurveyState) -> None:
    before = state.compose()
    second = before.second if before is not None and before.second != chosen.model else None
    target = ComposeState(scene=scene, model=chosen.model, second=second, wording=chosen.wording)
    query = compose_query(target, service.spaces()[scene.space])
    st.switch_page(state.page_named("compose"), query_params=query)


def _failures(batch: VerdictBatch, chosen: SurveyState, space: ConceptSpace) -> None:
    st.subheader("Scenes that fail", anchor=False)
    if not batch.failures:
        st.caption("None of these scenes fails.")
        return
    with st.container(key="survey-failing"):
        opened = scene_cards(batch.failures[:_SHOWN], space, columns=_SHOWN, key="survey.failing")
    if opened is not None:
        _open_in_compose(opened, replace(chosen, run=False))


def _downloads(batch: VerdictBatch) -> None:
    with st.expander("Provenance and downloads"):
        st.caption(f"Swap accuracy {with_interval(batch.swap_accuracy)}.")
        st.html(tables.facts(tables.provenance_facts(batch.provenance), label="Provenance"))
        with st.container(horizontal=True):
            st.download_button(
                "Survey (JSON)",
                batch.model_dump_json(indent=2),
                "survey.json",
                "application/json",
                key="survey.json",
                on_click="ignore",
                icon=":material/download:",
            )
            st.download_button(
                "Figures (CSV)",
                exports.survey_csv(batch),
                "survey.csv",
                "text/csv",
                key="survey.csv",
                on_click="ignore",
                icon=":material/download:",
            )
