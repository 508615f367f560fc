"""A bundle that somebody sent: opening it, and the note above the pages while it is open."""

import streamlit as st

from bindscope.client import ApiError
from bindscope.client.bundles import bundle_from
from bindscope.core.errors import BindscopeError, InvalidInput
from bindscope_dashboard.shared import service, state
from bindscope_dashboard.shared.ask import as_asked_here
from bindscope_dashboard.shared.wording import literal


def opener() -> None:
    """The button in the page's heading."""
    if st.button("Open a bundle", icon=":material/inventory_2:", type="tertiary", key="frame.bundle"):
        _open()


def note() -> None:
    """What is shown comes from a bundle: which one, and the way out."""
    found = state.bundle()
    if found is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="bundle-note"):
        made = ", ".join(f"{model.id} ({(model.fingerprint or '?')[:12]})" for model in found.models) or "no model"
        st.info(
            f"From a bundle of {literal(found.created)}, Bindscope {literal(found.version)}: {literal(made)}. "
            "What it does not hold is asked here.",
            icon=":material/inventory_2:",
        )
        others = _others()
        if others:
            st.warning(
                f"Here {literal(', '.join(others))} is another concept space: do not mix its numbers with these."
            )
        st.button("Close bundle", key="bundle.close", on_click=state.open_bundle, args=(None,))


def _others() -> list[str]:
    try:
        return service.other_spaces()
    except ApiError:
        return []  # the page itself says what is wrong


@st.dialog("Open a bundle")
def _open() -> None:
    st.caption("A bundle is a page with its results. It opens without the models that made it; nothing in it is run.")
    file = st.file_uploader("Bundle (.zip)", type=["zip"], key="bundle.file")
    if file is None:
        return
    try:
        found = as_asked_here(bundle_from(file.getvalue()))
        page = state.page_named(found.page) if found.page in state.page_names() else None
        if page is None:
            raise InvalidInput(f"The bundle is of a page {found.page!r}, which this version does not have.")
    except BindscopeError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    state.open_bundle(found)
    st.switch_page(page, query_params=dict(found.query))
