"""Errors on the page: one clear sentence and what to do, never a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from pydantic import ValidationError

from bindscope.client import ApiError, ServiceUnreachable
from bindscope.core.errors import BindscopeError
from bindscope_dashboard.shared import service
from bindscope_dashboard.shared.ask import url
from bindscope_dashboard.shared.wording import literal


@contextmanager
def explained() -> Iterator[None]:
    """Shows an error of the service, of the wire or of a scene in place of what could not be shown."""
    try:
        yield
    except ServiceUnreachable:
        unreachable()
    except ApiError as error:
        st.error(literal(str(error)), icon=":material/error:")
    except ValidationError:
        st.error("The service answered in a form that this dashboard cannot read: use the same version of both.")
    except BindscopeError as error:
        st.error(literal(str(error)), icon=":material/error:")


@contextmanager
def explained_in_card() -> Iterator[None]:
    """The same for one of several cards; a missing service still concerns the whole page."""
    try:
        yield
    except ServiceUnreachable:
        raise
    except ApiError as error:
        st.warning(literal(str(error)), icon=":material/info:")


def unreachable() -> None:
    """The service does not answer: the command that starts it, and a button to try again."""
    st.error(f"No Bindscope service answers at {url()}. Start one, then try again.", icon=":material/cloud_off:")
    st.code("bindscope serve", language="bash")
    st.button("Retry", type="primary", icon=":material/refresh:", on_click=service.forget, key="problems.retry")
