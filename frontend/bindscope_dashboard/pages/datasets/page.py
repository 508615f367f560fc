"""Data: bring pictures with labels, vectors of any system, texts, and concept spaces of your own.

How it is used: somebody drops a zip of photographs with a table. The page says what it read: how many scenes, which
values and how often, the first rows; a fault is named with its row or file and nothing is kept. They press Keep, embed
the pictures with a model while a bar moves, and go on to Probe or Survey, where the upload stands among the spaces.
"""

import streamlit as st

from bindscope.client import ApiError
from bindscope.core.errors import InvalidInput
from bindscope.features.datasets.schemas import DatasetEmbeddingProgress, DatasetModel, DatasetPreview
from bindscope_dashboard.pages.datasets import forms
from bindscope_dashboard.shared import own_data, service, state, tables
from bindscope_dashboard.shared.cards import thumbnail
from bindscope_dashboard.shared.exports import csv_text
from bindscope_dashboard.shared.html import joined, tag
from bindscope_dashboard.shared.problems import explained, explained_in_card
from bindscope_dashboard.shared.wording import counted, literal

PAGE = "data"
TABS = {"add": "Add", "yours": "Your data", "spaces": "Concept spaces", "texts": "Texts for another system"}
_SHOWN, _PIXELS = 6, 96
_TYPES = ["zip", "npz", "npy", "parquet"]
_FORMATS = """
- **Pictures**: a `.zip` of PNG, JPEG or WebP files and one CSV with a row each: `filename`, then
  `object1_color`, `object1_shape`, `object2_color`, … (any concepts). Other column names: add a mapping.
- **Vectors of any system**: a `.parquet` with the same label columns and a column `embedding`; a `.npy` with the CSV
  beside it; or an `.npz` (`embeddings`, `scenes`, `values`, optional `names`, `value_names`).
- **Texts and their vectors**, for a text embedder that only you can ask: a `.npy` and a CSV with the column `text`, a
  `.parquet` with `text` and `embedding`, or `texts` and `text_embeddings` in an `.npz`, also beside scenes.
"""


def page() -> None:
    """The page of the navigation."""
    with explained():
        query = state.incoming(PAGE)
        first = (query or {}).get("tab") or state.shown(PAGE) or "add"
        first = first if first in TABS else "add"
        if not state.has_widget("data.tab") or query is not None:
            state.set_widgets({"data.tab": first})
        tab = st.segmented_control(
            "Part", list(TABS), key="data.tab", format_func=TABS.__getitem__, required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        state.keep_shown(PAGE, tab)
        state.mirror(PAGE, {"tab": str(tab)})
        {"add": _add, "yours": _yours, "spaces": _spaces, "texts": _texts}[str(tab)]()


@st.fragment
def _add() -> None:
    with explained():
        st.markdown("Bring pictures with labels, or vectors of any system; then choose them on every page.")
        with st.expander("What can be read", icon=":material/description:"):
            st.markdown(_FORMATS)
            st.download_button(
                "A table to start from (CSV)", forms.SAMPLE_CSV, "labels.csv", "text/csv", on_click="ignore",
                key="data.sample", icon=":material/download:",
            )  # fmt: skip
        file = st.file_uploader("Pictures, vectors or texts", type=_TYPES, key="data.file")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            options = ["", *(name for name in service.spaces() if own_data.dataset_of(name) is None)]
            space = st.selectbox(
                "Concept space of the labels", options, key="data.space", width=240,
                format_func=lambda name: name or "made of the labels",
            )  # fmt: skip
            name = st.text_input(
                "Name of the new space", key="data.name", width=200, disabled=bool(space),
                placeholder="from the file's name",
            )  # fmt: skip
            with st.popover("More files", icon=":material/attach_file:"):
                labels = st.file_uploader("Table of labels or texts (CSV)", type=["csv"], key="data.labels")
                mapping = st.file_uploader(
                    "Mapping of columns (YAML or JSON)", type=["yaml", "yml", "json"], key="data.mapping",
                    help="image: column\nobjects:\n- {color: column, shape: column}\n- {color: column, shape: column}",
                )  # fmt: skip
        if file is None:
            st.info("Drop a file above: it is read to its end and shown before it is kept.", icon=":material/upload:")
            return
        given = {
            "filename": file.name,
            "space": space or None,
            "name": "" if space else name.strip(),
            "labels": labels.getvalue() if labels is not None else None,
            "mapping": mapping.getvalue() if mapping is not None else None,
        }
        with explained_in_card():
            files = [f.file_id for f in (file, labels, mapping) if f is not None]
            asked = (given["space"], given["name"], *files)
            known: tuple[tuple[object, ...], DatasetPreview] | None = state.shown("data.check")
            if known is None or known[0] != asked:
                with st.spinner(f"Reading {literal(file.name)} to its end …"):
                    known = (asked, service.check_dataset(file.getvalue(), **given))
                state.keep_shown("data.check", known)
            _preview(known[1])
            if st.button("Keep", type="primary", icon=":material/save:", key="data.keep"):
                with st.spinner("Keeping …"):
                    added = service.add_dataset(file.getvalue(), **given)
                state.set_widgets({"data.tab": "yours"})
                state.switch_on("data.added", added.id)
                st.rerun(scope="app")


def _preview(seen: DatasetPreview) -> None:
    st.success(f"Read: {_about(seen.dataset)}", icon=":material/check:")
    for note in seen.dataset.notes:
        st.warning(literal(note), icon=":material/info:")
    if seen.counts:
        with st.container(horizontal=True):
            for concept, counts in seen.counts.items():
                values = [(value, f"{count:,}") for value, count in counts.items()]
                st.html(
                    tables.table((concept, "objects"), values, label=f"Values of {concept}", numbers=frozenset({1}))
                )
    if seen.rows:
        head = ("Row", "Picture", *(f"Object {n}" for n in range(1, len(seen.rows[0].objects) + 1)))
        rows = [(str(r.row), r.picture or "–", *(" ".join(o.values()) for o in r.objects)) for r in seen.rows]
        st.html(tables.table(head, rows, label="First rows", cls="dense"))
    if seen.texts:
        st.html(tables.table(("First texts",), [(text,) for text in seen.texts], label="First texts", cls="dense"))


def _about(dataset: DatasetModel) -> str:
    parts = []
    if dataset.scenes:
        parts.append(f"{counted(dataset.scenes, 'scene')} of {dataset.objects_per_scene} objects as {dataset.kind}")
        parts.append(" × ".join(f"{size} {name}" for name, size in zip(dataset.names, dataset.values, strict=True)))
    if dataset.texts:
        parts.append(f"{counted(dataset.texts, 'text')} of {dataset.text_dim} numbers")
    return literal(", ".join(parts))


@st.fragment
def _yours() -> None:
    with explained():
        added = state.is_on("data.added")
        found = sorted(service.datasets(), key=lambda dataset: dataset.id != added)
        if not found:
            st.info("Nothing here yet. Add pictures, vectors or texts first.", icon=":material/inbox:")
        for dataset in found:
            with st.container(border=True), explained_in_card():
                _card(dataset, fresh=dataset.id == added)


def _card(dataset: DatasetModel, *, fresh: bool) -> None:
    title = dataset.name or dataset.space or dataset.id
    st.markdown(f"**{literal(title)}** · {_about(dataset)}" + ("  :green-badge[new]" if fresh else ""))
    st.caption(f"id `{dataset.id}`" + (f" · as a model `{dataset.model}`" if dataset.model else ""))
    for note in dataset.notes:
        st.caption(literal(note))
    if dataset.kind == "pictures":
        rows = service.dataset_rows(dataset.id, start=0, count=_SHOWN)
        said = [", ".join(" ".join(o.values()) for o in row.objects) for row in rows]
        shots = [
            thumbnail(service.dataset_picture(dataset.id, row.row, _PIXELS), text)
            for row, text in zip(rows, said, strict=True)
        ]
        st.html(tag("div", joined(*shots), cls="bs-strip"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if dataset.kind == "pictures":
            _embed(dataset)
        _open(dataset)
        if state.is_on("data.delete") == dataset.id:
            st.button(
                "Delete for good", key=f"data.sure.{dataset.id}", type="primary", on_click=_delete, args=(dataset.id,)
            )
            st.button("Keep it", key=f"data.no.{dataset.id}", on_click=state.switch_on, args=("data.delete", None))
        else:
            st.button(
                "Delete", key=f"data.delete.{dataset.id}", icon=":material/delete:", type="tertiary",
                on_click=state.switch_on, args=("data.delete", dataset.id),
            )  # fmt: skip


def _embed(dataset: DatasetModel) -> None:
    seeing = [m.id for m in service.models() if m.available and "image" in m.modalities and m.family != "synthetic"]
    model = st.selectbox("Embed with", seeing, key=f"data.model.{dataset.id}", accept_new_options=True, width=230)
    if st.button("Embed", key=f"data.embed.{dataset.id}", icon=":material/memory:", disabled=not model):
        bar = st.progress(0.0, text=f"Loading {literal(str(model))} …")

        def show(step: DatasetEmbeddingProgress) -> None:
            bar.progress(step.done / max(1, step.total), text=f"{step.done:,} of {step.total:,} pictures")

        found = service.embed_dataset(dataset.id, str(model), show)
        bar.empty()
        st.success(f"{found.total:,} pictures, {found.cached:,} of them were known.", icon=":material/check:")


def _open(dataset: DatasetModel) -> None:
    """Links to pages that ask about it."""
    name = own_data.name_of(dataset.id, kind=dataset.kind)
    if dataset.scenes and dataset.space:
        query = {"space": name} | ({"model": dataset.model} if dataset.model else {})
        for page_name in ("survey", "probe"):
            if st.button(page_name.title(), key=f"data.{page_name}.{dataset.id}"):
                st.switch_page(state.page_named(page_name), query_params=query)
    elif dataset.scenes:
        if st.button("Probe", key=f"data.probe.{dataset.id}"):
            st.switch_page(state.page_named("probe"), query_params={"dataset": dataset.id})
    elif dataset.model and st.button("Survey", key=f"data.survey.{dataset.id}"):
        st.switch_page(state.page_named("survey"), query_params={"model": dataset.model})


def _delete(dataset_id: str) -> None:
    service.delete_dataset(dataset_id)
    state.switch_on("data.delete", None)


@st.fragment
def _spaces() -> None:
    with explained():
        st.markdown("A concept space says which objects there are and how they are called.")
        state.seed_widgets(
            {
                "data.space.name": "shop",
                "data.space.phrase": forms.EXAMPLE_PHRASE,
                "data.space.articles": forms.EXAMPLE_ARTICLES,
                "data.space.templates": "a photo of {}",
            }
        )
        left, right = st.columns([3, 2], gap="medium")
        with left:
            name = st.text_input("Name", key="data.space.name", max_chars=64)
            rows = st.data_editor(
                list(forms.EXAMPLE_ROWS), num_rows="dynamic", key="data.space.rows", hide_index=True,
                width="stretch",
                column_config={
                    "concept": st.column_config.TextColumn("Concept", help="Lower case, such as color", required=True),
                    "values": st.column_config.TextColumn("Values, with commas between", required=True, width="large"),
                },
            )  # fmt: skip
        with right:
            phrase = st.text_input(
                "Phrase of one object", key="data.space.phrase",
                help="A {field} for each concept. {article} becomes a or an, or the article given below.",
            )  # fmt: skip
            articles = st.text_area("Articles of single values, one a line", key="data.space.articles", height=80)
            templates = st.text_area("Caption templates, one a line", key="data.space.templates", height=80)
        with explained_in_card():
            try:
                text = forms.space_text(name, rows, phrase=phrase, articles=articles, templates=templates)
                space, caption = forms.example_of(text)
            except InvalidInput as error:
                st.warning(literal(str(error)), icon=":material/edit:")
                return
            st.markdown(f"{counted(space.object_count, 'object')}. A caption: *{literal(caption)}*")
            with st.container(horizontal=True):
                if st.button("Add space", type="primary", icon=":material/add:", key="data.space.add"):
                    try:
                        added = service.add_space(text)
                        st.success(f"Space {added.name} can be chosen on every page.", icon=":material/check:")
                    except ApiError as error:
                        st.error(literal(str(error)), icon=":material/error:")
                st.download_button(
                    "YAML", text, f"{space.name}.yaml", "application/yaml", key="data.space.yaml", on_click="ignore",
                    icon=":material/download:",
                )  # fmt: skip
        own = service.own_spaces()
        if own:
            st.subheader("Your spaces", anchor=False)
        for one in own:
            with st.container(horizontal=True, vertical_alignment="center"):
                concepts = "; ".join(f"{c.name}: {', '.join(c.values[:8])}" for c in one.concepts)
                st.markdown(f"**{literal(one.name)}** · {literal(concepts)}", width="stretch")
                st.button(
                    "Delete", key=f"data.space.delete.{one.name}", type="tertiary", icon=":material/delete:",
                    on_click=service.delete_space, args=(one.name,),
                )  # fmt: skip


@st.fragment
def _texts() -> None:
    with explained():
        st.markdown(
            "For a text embedder that only you can ask: take the texts of a space, embed them, and bring their vectors "
            "back under **Add** (a `.npy` with this file as its table). They become a model that every page can ask."
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            names = [name for name in state.spaces_of_session(service.spaces()) if own_data.dataset_of(name) is None]
            space = st.selectbox("Concept space", names, key="data.texts.space", width=170)
            objects = st.number_input("Objects of a scene", 1, 4, value=2, key="data.texts.objects", width=150)
        with explained_in_card():
            found = service.space_texts(space, objects=int(objects))
            st.download_button(
                f"{counted(len(found), 'text')} (CSV)", csv_text(("text",), [(text,) for text in found]),
                f"{space}-texts.csv", "text/csv", on_click="ignore", key="data.texts.csv", icon=":material/download:",
            )  # fmt: skip
            st.html(tables.table(("The first of them",), [(text,) for text in found[:8]], label="Texts", cls="dense"))
