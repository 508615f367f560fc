"""A short tour of the Compose page for somebody who opens it for the first time. It lies beside the page, not over it.

A link that carries a scene starts no tour; the button in the heading starts it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from bindscope_dashboard.shared import state


@dataclass(frozen=True)
class Step:
    """``region``: the part of the page that is outlined meanwhile."""

    title: str
    text: str
    region: str


STEPS: Sequence[Step] = (
    Step(
        "Compose a scene",
        "Drag the shapes, or move them with the arrow keys. Change a colour or a shape beside the canvas, or add one.",
        ".st-key-editor",
    ),
    Step(
        "Read the verdict",
        "Two models look at the same scene. The card says in a sentence whether a model knows which colour belongs to "
        "which shape.",
        ".bs-verdict",
    ),
    Step(
        "See the contest",
        "The true caption against the swapped ones. The longer bar wins; a margin inside the noise is never right.",
        "[class*='st-key-compose-contest']",
    ),
    Step(
        "Go on",
        "Break it finds the smallest edit that flips a verdict. Survey asks about hundreds of scenes, Data takes your "
        "own pictures, and Share gives a link that reopens exactly this view.",
        ".st-key-compose-bar",
    ),
)  # fmt: skip


_OUTLINE = "{ outline: 3px solid var(--bs-primary); outline-offset: 4px; border-radius: 8px; }"


def begin(*, from_link: bool) -> None:
    """Starts the tour for a new session that came without a link."""
    if state.tour_step() is None:
        state.set_tour(-1 if from_link else 0)


def starter() -> None:
    """The button in the heading of Compose."""
    st.button("Tour", icon=":material/tour:", type="tertiary", key="frame.tour", on_click=state.set_tour, args=(0,))


def show() -> None:
    """The card of the present step, if the tour is on."""
    number = state.tour_step()
    if number is None or not 0 <= number < len(STEPS):
        return
    step = STEPS[number]
    st.html(f"<style>{step.region} {_OUTLINE}</style>")
    with st.container(border=True, key="tour", gap="xsmall"):
        st.markdown(f"**{step.title}** · {number + 1} of {len(STEPS)}")
        st.markdown(step.text)
        with st.container(horizontal=True):
            last = number + 1 == len(STEPS)
            st.button(
                "Done" if last else "Next", type="primary", key="tour.next", on_click=state.set_tour, args=(number + 1,)
            )
            if number:
                st.button("Back", key="tour.back", on_click=state.set_tour, args=(number - 1,))
            if not last:
                st.button("Skip", type="tertiary", key="tour.skip", on_click=state.set_tour, args=(-1,))
