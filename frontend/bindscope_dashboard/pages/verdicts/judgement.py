"""The verdicts on the scene that is shown: a column of cards for each model."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from bindscope.client import ApiError
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.verdicts.schemas import VERDICT, Verdict
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.pages.verdicts import breaking, guessing
from bindscope_dashboard.pages.verdicts.figures import contest_figure, contest_text
from bindscope_dashboard.shared import cards as draw
from bindscope_dashboard.shared import charts, exports, own_data, service, state, tables
from bindscope_dashboard.shared.ask import ask_each, picture
from bindscope_dashboard.shared.problems import explained_in_card
from bindscope_dashboard.shared.states import ComposeState
from bindscope_dashboard.shared.wording import literal

#: Side of the picture where the model does not say its own.
_PIXELS = 224


def models_of(shown: ComposeState) -> list[str]:
    """The one or two models."""
    return [shown.model, *([shown.second] if shown.second else [])]


def cards(shown: ComposeState, models: Sequence[ModelSummary]) -> None:
    """One column per model."""
    chosen = models_of(shown)
    bodies = [shown.asks(model) for model in chosen]
    # Copies that differ by a hair are asked when the pointer rests.
    more = {"robustness": False} if state.is_dragging("compose.editor") else {}
    with st.spinner(f"Asking {literal(' and '.join(chosen))} …"):
        verdicts = ask_each(VERDICT, [{**body, **more} for body in bodies])
    with st.container(key="model-columns"):
        columns = st.columns(len(chosen), gap="medium")
    for slot, (column, body, verdict) in enumerate(zip(columns, bodies, verdicts, strict=True)):
        with column, explained_in_card():
            if isinstance(verdict, ApiError):
                st.html(draw.model_heading(chosen[slot]))
                raise verdict
            summary = next((m for m in models if m.id == chosen[slot]), None)
            _column(shown, verdict, body, slot=slot, summary=summary, narrow=len(chosen) > 1)


def _column(
    shown: ComposeState,
    verdict: Verdict,
    body: Mapping[str, Any],
    *,
    slot: int,
    summary: ModelSummary | None,
    narrow: bool,
) -> None:
    png, pixels = _picture(shown, verdict, service.spaces()[shown.scene.space], summary)
    hidden = guessing.is_hidden(shown, verdict, slot=slot)
    heading = draw.model_heading(models_of(shown)[slot], draw.runs_where(verdict))
    st.html(draw.joined_cards(heading, draw.verdict_card(verdict, png=png, pixels=pixels, hidden=hidden)))
    if hidden:
        guessing.ask(shown, verdict, slot=slot)
        return
    guessing.result(shown, verdict, slot=slot)
    _contest(verdict, slot=slot, narrow=narrow)
    st.html(draw.joined_cards(draw.concept_chips(verdict), draw.object_list(verdict)))
    breaking.break_it(shown, verdict, body, slot=slot)
    _details(verdict, body, slot=slot)


def _picture(
    shown: ComposeState, verdict: Verdict, space: ConceptSpace, summary: ModelSummary | None
) -> tuple[bytes | None, int | None]:
    if verdict.anchor != "image" or not own_data.has_pictures(space):
        return None, None
    pixels = (summary.pixels if summary else None) or _PIXELS
    return picture(shown.scene, pixels), pixels


def _contest(verdict: Verdict, *, slot: int, narrow: bool) -> None:
    figure = contest_figure(verdict.contest, dark=state.is_dark(), width=48 if narrow else 96)
    box = st.container(gap="xxsmall")
    box.html(draw.contest_heading(verdict))
    box.plotly_chart(
        figure, theme=None, key=f"compose.contest.{slot}", config=charts.saving("verdict"),
        alt=contest_text(verdict.contest, anchor=verdict.anchor, robustness=verdict.robustness),
    )  # fmt: skip
    notes = draw.contest_notes(verdict)
    if notes:
        box.html(notes)


def _details(verdict: Verdict, body: Mapping[str, Any], *, slot: int) -> None:
    with st.expander("All scores and provenance", key=f"compose.details.{slot}"):
        st.html(tables.verdict_tables(verdict))
        with st.container(horizontal=True):
            st.download_button(
                "Verdict (JSON)", verdict.model_dump_json(indent=2), "verdict.json", "application/json",
                key=f"compose.json.{slot}", on_click="ignore", icon=":material/download:",
            )  # fmt: skip
            st.download_button(
                "Scores (CSV)", exports.verdict_csv(verdict), "scores.csv", "text/csv",
                key=f"compose.csv.{slot}", on_click="ignore", icon=":material/download:",
            )  # fmt: skip
