"""Uploads: choosing one in place of a model, and adding one."""

import streamlit as st

from bindscope.client import ApiError, ServiceUnreachable
from bindscope.features.datasets.schemas import DatasetModel
from bindscope_dashboard.shared import fields, service, state
from bindscope_dashboard.shared.wording import literal

_FORMAT = (
    "An .npz file with `embeddings` (scene × dimension), `scenes` (scene × object × concept, the index of each value), "
    "`values` (how many values each concept has) and, if you like, `names` (of the concepts)."
)


def dataset_picker(page: str, current: str | None, *, verb: str = "Probe") -> str | None:
    """The upload that stands in for model and space; None for none. ``verb``: what is done with it."""
    with st.popover("Own embeddings", icon=":material/upload_file:"):
        st.caption(_FORMAT)
        file = st.file_uploader("Upload embeddings (.npz)", type=["npz"], key=f"{page}.file")
        if file is not None and state.is_on(f"{page}.uploaded") != file.file_id:
            _add(page, file.getvalue(), file.file_id)
        known = {d.id: _title(d) for d in service.datasets()}
        options = ["", *known, *([current] if current and current not in known else [])]
        key = f"{page}.dataset"
        if not state.has_widget(key) or state.widget(key) not in options:
            state.set_widgets({key: current or ""})
        chosen = fields.listed(
            f"{verb} this upload", options, key,
            format_func=lambda name: known.get(name, name) if name else f"none: {verb.lower()} the model",
        )  # fmt: skip
    return chosen or None


def _add(page: str, content: bytes, name: str) -> None:
    try:
        with st.spinner("Reading the file …"):
            added = service.add_dataset(content)
    except ServiceUnreachable:
        raise
    except ApiError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    state.switch_on(f"{page}.uploaded", name)
    state.set_widgets({f"{page}.dataset": added.id})


def _title(dataset: DatasetModel) -> str:
    return f"{dataset.id[:8]}: {dataset.scenes} scenes of {dataset.objects_per_scene} objects, {dataset.dim} dimensions"
