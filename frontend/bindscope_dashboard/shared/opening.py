"""Opening a page: takes over a link, or goes on where the session was."""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

import streamlit as st

from bindscope.core.errors import InvalidInput
from bindscope.features.models.schemas import ModelSummary
from bindscope_dashboard.shared import service, state
from bindscope_dashboard.shared.links import PageState, state_of
from bindscope_dashboard.shared.wording import literal

_State = TypeVar("_State", bound=PageState)
_FIRST = "bundled:tiny-bag"


def linked(link: Mapping[str, str], default: _State) -> _State:
    """The state in a link. Raises InvalidInput."""
    return state_of(link, default, service.spaces())


def opened(
    page: str,
    default: Callable[[], _State],
    *,
    widgets: Callable[[_State], Mapping[str, object]],
    read: Callable[[Mapping[str, str], _State], _State] = linked,
) -> None:
    """Keeps the state that the page starts from, and gives it to the widgets."""
    query = state.incoming(page)
    current = cast("_State | None", state.shown(page))
    if query is not None:
        try:
            current = read(query, default())
        except InvalidInput as error:
            st.warning(f"This link cannot be read, so here is the page as it was. {literal(str(error))}")
            current = current or default()
        state.renew_pickers(page)
        state.set_widgets(widgets(current))
    current = current or default()
    state.keep_shown(page, current)
    state.seed_widgets(widgets(current))


def first_model(models: list[ModelSummary]) -> str:
    """The model that a new user sees: that of Compose, else a bundled one, else the first."""
    composed = state.compose()
    usable = [m.id for m in models if m.available]
    if not usable:
        raise InvalidInput("The service offers no model: see the System page.")
    if composed is not None:
        return composed.model
    return _FIRST if _FIRST in usable else usable[0]


def first_space(spaces: Mapping[str, object]) -> str:
    """A small space: its analyses take seconds."""
    return "clevr2d" if "clevr2d" in spaces else sorted(spaces)[0]
