"""The badge of the models whose numbers a page shows: whether they answer as they should."""

import re
from collections.abc import Mapping, Sequence

import streamlit as st

from bindscope.client import ApiError, ServiceUnreachable
from bindscope_dashboard.shared import service, tables
from bindscope_dashboard.shared.wording import literal, plain_number

#: Worst first: state, icon, words.
_STATES: tuple[tuple[str | None, str, str], ...] = (
    ("failed", ":material/gpp_bad:", "Check failed"),
    ("warnings", ":material/gpp_maybe:", "Check: warnings"),
    (None, ":material/shield:", "Not checked yet"),
    ("passed", ":material/verified_user:", "Checked"),
)
_SIGNS = {"passed": "✓", "noted": "•", "warning": "!", "failed": "✗", "skipped": "–"}


def models_in(query: Mapping[str, str]) -> list[str]:
    """The models that a page's link names."""
    names = [query.get("model", ""), query.get("second", ""), *re.split(r"[ ,]+", query.get("models", ""))]
    return list(dict.fromkeys(name for name in names if name and name != "none"))


def worst(states: Sequence[str | None]) -> tuple[str, str]:
    """Icon and words for several models together."""
    return next(((icon, words) for state, icon, words in _STATES if state in states), _STATES[2][1:])


def badge(query: Mapping[str, str], *, key: str) -> None:
    """A button that says how the page's models were checked, and shows the checks."""
    names = models_in(query)
    if not names:
        return
    known = {model.id: model.checks for model in service.models()}
    icon, words = worst([known.get(name) for name in names])
    said = "Whether the models answer as they should"
    if st.button(words, icon=icon, type="tertiary", key=f"{key}.checks", help=said):
        _show(tuple(names))


@st.dialog("Model checks", width="large")
def _show(names: Sequence[str]) -> None:
    st.caption(
        "Golden vectors, noise and canaries of each model. A failed check means that its numbers are not those of the "
        "model that was meant."
    )
    for name in names:
        try:
            with st.spinner(f"Checking {literal(name)} …"):
                found = service.model_checks(name)
        except ServiceUnreachable:
            raise
        except ApiError as error:
            st.error(f"{literal(name)}: {literal(str(error))}", icon=":material/error:")
            continue
        figures = ["" if own.figure is None else plain_number(own.figure, 6) for own in found.checks]
        rows = [
            (f"{_SIGNS[own.state]} {own.state}", own.name, own.message, figure)
            for own, figure in zip(found.checks, figures, strict=True)
        ]
        st.subheader(f"{literal(name)}: {found.state}", anchor=False)
        st.html(
            tables.table(
                ("State", "Check", "What it means", "Figure"), rows, label=f"Checks of {name}", numbers=frozenset({3}),
                cls="dense",
            )
        )  # fmt: skip
        st.download_button(
            "Model checks (JSON)", found.model_dump_json(indent=2), "model-checks.json", "application/json",
            key=f"model-checks.json.{name}", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
