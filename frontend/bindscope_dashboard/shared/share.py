"""Links, snippets and downloads of what a page shows."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from bindscope_dashboard.shared import own_data, service, state
from bindscope_dashboard.shared.ask import has_key, url
from bindscope_dashboard.shared.model_checks import badge
from bindscope_dashboard.shared.snippets import as_curl, as_python, link


def share_popover(
    query: Mapping[str, str], bodies: Sequence[Mapping[str, Any]], *, path: str, method: str, key: str
) -> None:
    """The link to this view, and its requests as cURL and as Python; each block has a button that copies it."""
    with st.container(horizontal=True, width="content", vertical_alignment="bottom", key=f"{key}.frame"):
        badge(query, key=key)
        with st.popover("Share", icon=":material/share:"):
            st.caption("The link reopens exactly this view.")
            st.code(link(state.page_url(), query), language=None, wrap_lines=True)
            page = key.split(".", 1)[0]
            st.download_button(
                "Bundle (.zip)", service.bundle_maker(page, query), f"bindscope-{page}.zip", "application/zip",
                key=f"{key}.bundle", icon=":material/inventory_2:", on_click="ignore",
                help="The view with its results: another installation opens it, without the models.",
            )  # fmt: skip
            st.segmented_control(
                "The camera on figures saves", ["SVG", "PNG"], default="SVG", key="share.format", required=True
            )
            if not bodies:
                return
            form = st.segmented_control(
                "Request as", ["cURL", "Python"], default="cURL", key=f"{key}.form", required=True
            )
            make = as_curl if form == "cURL" else as_python
            name = path if form == "cURL" else method
            for body in map(own_data.sent, bodies):
                snippet = make(url(), name, body, with_key=has_key())
                st.code(snippet, language="bash" if form == "cURL" else "python", wrap_lines=True)
