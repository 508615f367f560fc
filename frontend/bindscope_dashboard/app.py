"""The entry point of ``streamlit run``: navigation, theme, help and the state of the store above the pages."""

from pathlib import Path

import streamlit as st

from bindscope.client import ApiError
from bindscope_dashboard import help as words
from bindscope_dashboard import service, state, theme
from bindscope_dashboard.views import (
    bundle,
    caption_tests,
    compare,
    complexity,
    compose,
    data,
    decompose,
    interventions,
    jobs,
    map,
    phase,
    photo,
    probe,
    repair,
    retrieve,
    survey,
    system,
    tour,
    train,
)


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
    st.set_page_config(
        page_title="Bindscope", page_icon=str(Path(__file__).parent / "assets" / "icon.svg"), layout="wide"
    )
    st.html(theme.css(dark=state.is_dark()))
    pages = {
        "": [
            st.Page(compose.page, title="Compose", icon=":material/draw:", url_path="compose", default=True),
            st.Page(survey.page, title="Survey", icon=":material/grid_on:", url_path="survey"),
        ],
        "Your own": [
            st.Page(data.page, title="Data", icon=":material/folder_open:", url_path="data"),
            st.Page(photo.page, title="Photo", icon=":material/photo_camera:", url_path="photo"),
            st.Page(caption_tests.page, title="Tests", icon=":material/quiz:", url_path="tests"),
        ],
        "Look inside": [
            st.Page(probe.page, title="Probe", icon=":material/sensors:", url_path="probe"),
            st.Page(decompose.page, title="Decompose", icon=":material/stacked_bar_chart:", url_path="decompose"),
            st.Page(interventions.page, title="Interventions", icon=":material/content_cut:", url_path="interventions"),
            st.Page(complexity.page, title="Complexity", icon=":material/function:", url_path="complexity"),
            st.Page(map.page, title="Map", icon=":material/scatter_plot:", url_path="map"),
        ],
        "Choose and repair": [
            st.Page(compare.page, title="Compare", icon=":material/leaderboard:", url_path="compare"),
            st.Page(retrieve.page, title="Retrieve", icon=":material/image_search:", url_path="retrieve"),
            st.Page(repair.page, title="Repair", icon=":material/build:", url_path="repair"),
        ],
        "Train": [
            st.Page(train.page, title="Train", icon=":material/model_training:", url_path="train"),
            st.Page(phase.page, title="Phase", icon=":material/blur_linear:", url_path="phase"),
        ],
        "Service": [
            st.Page(jobs.page, title="Jobs", icon=":material/checklist:", url_path="jobs"),
            st.Page(system.page, title="System", icon=":material/memory:", url_path="system"),
        ],
    }
    every = [page for group in pages.values() for page in group]
    state.register_pages({page.url_path or "compose": page for page in every})
    chosen = st.navigation(pages, position="top")
    state.start_notes(chosen.url_path or "compose")
    _frame(chosen.title)
    chosen.run()


main()
