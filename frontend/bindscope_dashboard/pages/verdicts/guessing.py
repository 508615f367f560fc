"""Guess before reveal: who wins the contest? The score is kept in the session."""

import json

import streamlit as st

from bindscope.features.verdicts.schemas import Outcome, Verdict
from bindscope_dashboard.shared import state
from bindscope_dashboard.shared.states import ComposeState

_CHOICES: dict[Outcome, str] = {
    "binds": "The true caption",
    "swaps": "A swapped caption",
    "undecided": "Too close to call",
}


def is_hidden(shown: ComposeState, verdict: Verdict, *, slot: int) -> bool:
    """Whether the verdict waits for a guess. Without a valid swap there is nothing to guess."""
    if not shown.guess or verdict.contest.outcome == "no_valid_swap":
        return False
    return _key(shown, slot) not in state.guesses()


def ask(shown: ComposeState, verdict: Verdict, *, slot: int) -> None:
    """The choices."""
    with st.container(horizontal=True):
        for outcome, label in _CHOICES.items():
            right = outcome == verdict.contest.outcome
            st.button(
                label, key=f"compose.guess.{slot}.{outcome}", on_click=_take, args=(_key(shown, slot), outcome, right)
            )
    _score()


def result(shown: ComposeState, verdict: Verdict, *, slot: int) -> None:
    """Whether the guess was right, and the score so far."""
    taken = state.guesses().get(_key(shown, slot)) if shown.guess else None
    if taken is None:
        return
    guess, right = taken
    said = _CHOICES.get(guess, guess).lower()  # type: ignore[call-overload]
    if right:
        st.success(f"Right: you said {said}.", icon=":material/check:")
    else:
        st.warning(f"Not this time: you said {said}.", icon=":material/close:")
    _score()


def _take(key: str, guess: str, right: bool) -> None:
    state.guesses()[key] = (guess, right)


def _score() -> None:
    taken = state.guesses().values()
    if taken:
        st.caption(f"Your score: {sum(right for _, right in taken)} of {len(taken)} guesses right.")


def _key(shown: ComposeState, slot: int) -> str:
    model = shown.model if slot == 0 or shown.second is None else shown.second
    return json.dumps(shown.asks(model), sort_keys=True)
