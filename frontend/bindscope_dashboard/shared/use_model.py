"""A trained run as a model: links to the pages that ask it."""

import streamlit as st

from bindscope_dashboard.pages.complexity.state import ComplexityState
from bindscope_dashboard.pages.decompositions.state import DecomposeState
from bindscope_dashboard.pages.probes.state import ProbeState
from bindscope_dashboard.shared import editing, service, state
from bindscope_dashboard.shared.links import Modality, query_of
from bindscope_dashboard.shared.pickers import missing_tower, summary_of

_ICONS = {
    "probe": ":material/sensors:",
    "decompose": ":material/stacked_bar_chart:",
    "complexity": ":material/function:",
}


def use_model(model: str, space: str, *, key: str) -> None:
    """Opens Probe, Decompose or Complexity with this model and the space it was trained on."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Use this model:", width="content")
        for name, icon in _ICONS.items():
            if st.button(name.title(), icon=icon, key=f"{key}.{name}"):
                service.forget()
                st.switch_page(state.page_named(name), query_params=query_for(name, model, space))


def query_for(page: str, model: str, space: str) -> dict[str, str]:
    """The link to a page that shows a model on a space."""
    spaces = service.spaces()
    known = spaces[space]
    modality: Modality = (
        "image" if missing_tower(summary_of(model, service.models()), known, "image") is None else "text"
    )
    if page == "probe":
        return query_of(ProbeState.of(model=model, space=space), spaces)
    if page == "decompose":
        scene = editing.random_scene(known, objects=2, seed=1)
        return query_of(DecomposeState.of(model=model, space=space, scene=scene, modality=modality), spaces)
    return query_of(ComplexityState.of(model=model, space=space, modality=modality), spaces)
