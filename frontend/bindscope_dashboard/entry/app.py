"""The entry point of ``streamlit run``: navigation, theme, help and the state of the store above the pages."""

import streamlit as st

from bindscope.client import ApiError
from bindscope_dashboard import help as words
from bindscope_dashboard import theme
from bindscope_dashboard.pages import PAGES
from bindscope_dashboard.pages.verdicts import tour
from bindscope_dashboard.shared import bundle, service, state


@st.dialog("What is binding?", width="medium")
def _help() -> None:
    st.html(words.panel())


def _frame(title: str) -> None:
    """The page's heading with the help beside it."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="frame"):
        st.title(title, anchor=False, width="content")
        with st.container(horizontal=True, horizontal_alignment="right", width="content", key="frame-help"):
            if title == "Compose":
                tour.starter()
            bundle.opener()
            if st.button("What is binding?", icon=":material/help:", type="tertiary", key="frame.help"):
                _help()
    bundle.note()
    if title != "System":
        _store_note()


def _store_note() -> None:
    try:
        store = service.system().store
    except ApiError:
        return  # the page itself says what is wrong
    if store.state == "degraded":
        st.caption(":material/warning: The store does not answer: results are right, but nothing is kept. See System.")


def main() -> None:
    """One run of the script."""
    st.set_page_config(page_title="Bindscope", page_icon=str(theme.ASSETS / "icon.svg"), layout="wide")
    st.html(theme.css(dark=state.is_dark()))
    pages = {
        heading: [
            st.Page(
                entry.page(), title=entry.title, icon=entry.icon, url_path=entry.address,
                default=entry.address == "compose",
            )
            for entry in group
        ]
        for heading, group in PAGES.items()
    }  # fmt: skip
    every = [page for group in pages.values() for page in group]
    state.register_pages({page.url_path or "compose": page for page in every})
    chosen = st.navigation(pages, position="top")
    state.start_notes(chosen.url_path or "compose")
    _frame(chosen.title)
    chosen.run()


main()
