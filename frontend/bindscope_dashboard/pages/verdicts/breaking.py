"""Break it: the smallest edit that changes the winner of the contest, before and after."""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from bindscope.features.counterexamples.schemas import COUNTEREXAMPLE, Counterexample
from bindscope.features.verdicts.findings import broken_finding, signed
from bindscope.features.verdicts.schemas import Verdict
from bindscope_dashboard.shared import cards, own_data, service, state
from bindscope_dashboard.shared.ask import ask, picture
from bindscope_dashboard.shared.states import ComposeState
from bindscope_dashboard.shared.wording import literal

_BUDGET = 300
_PIXELS = 160


def break_it(shown: ComposeState, verdict: Verdict, body: Mapping[str, Any], *, slot: int) -> None:
    """The button, and what was found for exactly this scene."""
    if own_data.dataset_of(shown.scene.space) is not None:
        return  # only drawn scenes can be moved and resized
    decided = verdict.contest.outcome in ("binds", "swaps")
    key = json.dumps(body, sort_keys=True)
    label = "Repair it" if verdict.contest.outcome == "swaps" else "Break it"
    st.button(
        label, icon=":material/bolt:", key=f"compose.break.{slot}", disabled=not decided,
        on_click=state.switch_on, args=(f"break.{slot}", key),
        help="Searches moves, sizes, exchanged places and changed values for the smallest edit that changes the winner."
        if decided else "The contest of this scene has no winner that is stable, so there is nothing to change.",
    )  # fmt: skip
    if decided and state.is_on(f"break.{slot}") == key:
        with st.spinner("Searching for the smallest edit that changes the winner …"):
            found = ask(COUNTEREXAMPLE, {**body, "budget": _BUDGET})
        with st.container(border=True):
            _show(shown, found, slot=slot)


def _show(shown: ComposeState, found: Counterexample, *, slot: int) -> None:
    won = None if found.after is None else found.after.contest.outcome
    edit = "" if found.edit is None else found.edit.text
    told = broken_finding(found.before.contest.outcome, won, edit=edit, tried=found.tried)
    st.markdown(f"**{told.title}.** {literal(told.sentence)}")
    if found.scene is None or found.after is None:
        return
    if own_data.has_pictures(service.spaces()[shown.scene.space]):
        before, after = st.columns(2)
        for column, scene, verdict, title in (
            (before, shown.scene, found.before, "Before"),
            (after, found.scene, found.after, "After"),
        ):
            margin = verdict.contest.margin
            text = f"{title}: margin {signed(margin)}" if margin is not None else title
            column.html(cards.thumbnail(picture(scene, _PIXELS), text))
    st.button(
        "Open this scene", key=f"compose.open-broken.{slot}", icon=":material/open_in_full:",
        on_click=state.load_scene, args=(found.scene,),
    )  # fmt: skip
