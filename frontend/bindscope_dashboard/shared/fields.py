"""Widgets for the fields of a request: bounds from its schema, the value from the state of the page.

Each widget is also told its value as its default. The browser makes the widgets of a popover when it is first opened,
from what the latest run said of them; a value that only an earlier run had put into the session is lost by then.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import BaseModel

from bindscope_dashboard.shared import state

_Option = TypeVar("_Option")


def whole_bounds(schema: type[BaseModel], field: str) -> tuple[int, int]:
    """The least and the greatest value of a whole number."""
    rules = schema.model_fields[field].metadata
    low = max(
        [int(rule.ge) for rule in rules if isinstance(rule, Ge)]  # type: ignore[call-overload]
        + [int(rule.gt) + 1 for rule in rules if isinstance(rule, Gt)]  # type: ignore[call-overload]
    )
    high = min(
        [int(rule.le) for rule in rules if isinstance(rule, Le)]  # type: ignore[call-overload]
        + [int(rule.lt) - 1 for rule in rules if isinstance(rule, Lt)]  # type: ignore[call-overload]
    )
    return low, high


def most(schema: type[BaseModel], field: str) -> int:
    """How many items a list may have."""
    return min(rule.max_length for rule in schema.model_fields[field].metadata if isinstance(rule, MaxLen))


def whole(label: str, key: str, schema: type[BaseModel], **options: Any) -> int:
    """A whole number: the field that the last part of the key names."""
    low, high = whole_bounds(schema, key.rpartition(".")[2])
    return int(st.number_input(label, low, high, value=state.widget(key), key=key, **options))


def seed(page: str, schema: type[BaseModel], **options: Any) -> int:
    """The seed of a request."""
    return whole("Seed", f"{page}.seed", schema, **options)


def percent(label: str, key: str, **options: Any) -> int:
    """A share above zero and below one, in whole percent."""
    return int(st.number_input(label, 1, 99, value=state.widget(key), key=key, **options))


def checkbox(label: str, key: str, **options: Any) -> bool:
    """Yes or no."""
    return st.checkbox(label, value=state.widget(key), key=key, **options)


def toggle(label: str, key: str, **options: Any) -> bool:
    """On or off."""
    return st.toggle(label, value=state.widget(key), key=key, **options)


def text(label: str, key: str, **options: Any) -> str:
    """A line of text."""
    return str(st.text_input(label, value=state.widget(key), key=key, **options))


def listed(label: str, options: Sequence[_Option], key: str, **more: Any) -> _Option:
    """One of a list that is folded away."""
    found: _Option = st.selectbox(label, options, index=list(options).index(state.widget(key)), key=key, **more)
    return found


def segments(label: str, options: Sequence[_Option], key: str, **more: Any) -> _Option:
    """One of a few that stand side by side."""
    value: _Option = state.widget(key)
    found = st.segmented_control(label, options, default=value, key=key, required=True, **more)
    return value if found is None else found
