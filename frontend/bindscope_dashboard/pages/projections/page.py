"""Map: where the scenes of a space lie in a model's embedding, in two or three dimensions.

A reader picks a source, a method and what colours the points. A point under the pointer shows its scene; a lasso or box
over points lists those scenes with their pictures. The scene of Compose and its swapped twin can be put on the finished
map: if they fall on one spot, the model cannot tell them apart.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from bindscope.features.models.schemas import ModelSummary
from bindscope.features.projections.schemas import PROJECTION, ProjectionRequest, ProjectionResponse
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.sources import SourceModel
from bindscope.scenes.wire import PlacedObject, SceneModel
from bindscope_dashboard.components.hover_picture import hover_picture
from bindscope_dashboard.pages.probes.findings import downloads, kept_since
from bindscope_dashboard.pages.projections.exports import map_csv
from bindscope_dashboard.pages.projections.figures import captions_of, map_figure, map_text
from bindscope_dashboard.pages.projections.state import MapState, color_options
from bindscope_dashboard.shared import cards, charts, fields, own_data, service, state, tables
from bindscope_dashboard.shared.ask import ask, picture
from bindscope_dashboard.shared.html import joined, tag
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.opening import first_model, first_space, opened
from bindscope_dashboard.shared.pickers import (
    composed_scene,
    in_slots,
    modality_picker,
    model_picker,
    space_picker,
    summary_of,
)
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.scene_text import in_words
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.wording import counted, literal, percent

PAGE = "map"
_NAMES = {"pca": "PCA", "umap": "UMAP", "mds": "MDS"}
_SHOWN, _PIXELS = 12, 96


def page() -> None:
    """The page of the navigation."""
    with explained():
        models, spaces = service.models(), service.spaces()
        opened(
            PAGE,
            lambda: MapState.of(model=first_model(models), space=first_space(spaces)),
            widgets=_widgets,
        )
        _desk()


def _widgets(shown: MapState) -> dict[str, object]:
    return {
        "map.model": shown.model,
        "map.space": shown.space,
        "map.modality": shown.modality,
        "map.method": shown.request.method,
        "map.dims": shown.request.dims,
        "map.color": shown.color,
        "map.limit": shown.limit,
        "map.seed": shown.request.seed,
        "map.composed": shown.scene is not None,
    }


@st.fragment
def _desk() -> None:
    with explained():
        models, spaces = service.models(), service.spaces()
        shown: MapState | None = state.shown(PAGE)
        if shown is None:
            st.rerun()
            return
        with st.container(horizontal=True, vertical_alignment="bottom", key="map-bar"):
            chosen = _settings(shown, models, spaces)
            state.keep_shown(PAGE, chosen)
            query = query_of(chosen, spaces)
            state.mirror(PAGE, query)
            share_popover(query, [chosen.body], path="/v1/projections", method="project", key="map.share")
        things = "pictures" if chosen.modality == "image" else "captions"
        with st.spinner(f"Embedding {things} of {chosen.space} with {literal(chosen.model)} and drawing the map …"):
            names, placed = _extra(chosen, spaces[chosen.space])
            answer = ask(PROJECTION, {**chosen.body, **({"place": placed} if placed else {})})
        _show(answer, chosen, names, space=spaces[chosen.space])


def _settings(shown: MapState, models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]) -> MapState:
    model = model_picker(PAGE, shown.model, models)
    space = spaces[space_picker(PAGE, spaces)]
    modality = modality_picker(PAGE, summary_of(model, models), space)
    method = st.segmented_control(
        "Method", list(_NAMES), key="map.method", format_func=lambda name: _NAMES[name], required=True,
        help="PCA: the widest directions. UMAP: neighbourhoods (slower). MDS: all distances, up to 2,000 scenes.",
    )  # fmt: skip
    dims = st.segmented_control("Dimensions", [2, 3], key="map.dims", required=True)
    options = list(color_options(space))
    if state.widget("map.color") not in options:
        state.set_widgets({"map.color": options[0]})
    color = st.selectbox("Colour", options, key="map.color", format_func=_color_words, width=170)
    with st.popover("More", icon=":material/tune:"):
        limit = fields.whole("Limit: scenes at most", "map.limit", SourceModel, step=500)
        seed = fields.seed(PAGE, ProjectionRequest)
        wanted = fields.checkbox("Put the composed scene and its swapped twin on the map", "map.composed")
    scene = None
    if wanted:
        kept = shown.scene if shown.scene is not None and shown.scene.space == space.name else None
        scene = kept or in_slots(composed_scene(space))
    return shown.changed(
        model=model, space=space.name, modality=modality, method=method or "pca", dims=3 if dims == 3 else 2,
        color=color, limit=limit, seed=seed, scene=scene,
    )  # fmt: skip


def _color_words(option: str) -> str:
    slot, _, concept = option.partition(".")
    if not concept:
        return {"verdict": "verdict", "probe": "read by probes"}[option]
    return f"{concept} of {'first' if slot == '1' else 'second'} object"


def _extra(chosen: MapState, space: ConceptSpace) -> tuple[list[str], list[dict[str, Any]]]:
    """The composed scene and its first twin: names for the legend, and the request's ``place``."""
    if chosen.scene is None or own_data.dataset_of(space.name) is not None:
        return [], []  # only what a model can be shown anew is placed on its map
    scenes = [chosen.scene]
    swaps = valid_swaps([space.index(obj.values) for obj in chosen.scene.objects])
    if swaps:
        objects = [
            PlacedObject(values=space.named(values), x=old.x, y=old.y, size=old.size)
            for values, old in zip(swaps[0].objects, chosen.scene.objects, strict=True)
        ]
        scenes.append(SceneModel(space=space.name, objects=objects))
    names = [f"{'composed' if not n else 'its twin'}: {in_words(scene)}" for n, scene in enumerate(scenes)]
    return names, [scene.model_dump(mode="json", exclude_none=True) for scene in scenes]


def _show(answer: ProjectionResponse, chosen: MapState, names: Sequence[str], *, space: ConceptSpace) -> None:
    with st.container(key="map-figure"):
        event = _figure(answer, chosen, names)
    if space.renderable:
        hover_picture(answer.labels, space, inside=".st-key-map-figure", key="map.hover")
    hint = (
        "Draw a lasso or a box around points to list their scenes." if chosen.request.dims == 2 else "Drag to turn it."
    )
    st.caption(f"{_quality(answer)} {hint}")
    rows = _selected(event, len(answer.points))
    if rows:
        _list(answer, rows, space)
    with st.expander("Provenance and downloads"):
        facts = [("answer", kept_since(answer)), *tables.provenance_facts(answer.provenance)]
        st.html(tables.facts(facts, label="Provenance"))
        text = json.dumps(answer.model_dump(mode="json"))
        downloads("map", json_text=text, csv_text=map_csv(answer))


def _figure(answer: ProjectionResponse, chosen: MapState, names: Sequence[str]) -> Any:
    return st.plotly_chart(
        map_figure(answer, chosen.color, placed=names, dark=state.is_dark()), theme=None, key="map.chart",
        config=charts.saving("map", explore=True), on_select="rerun", selection_mode=("points", "box", "lasso"),
        alt=map_text(answer, chosen.color),
    )  # fmt: skip


def _quality(answer: ProjectionResponse) -> str:
    count = counted(len(answer.points), "scene")
    if answer.explained is not None:
        return f"{count}; the axes carry {percent(sum(answer.explained))} of the variance."
    if answer.stress is not None:
        return f"{count}; distances on the map are off by {percent(answer.stress)}."
    return f"{count}; only neighbourhoods mean something here, not distances between groups."


def _selected(event: Any, count: int) -> list[int]:
    """Rows of the scenes in the selection."""
    points = (event or {}).get("selection", {}).get("points", [])
    found = [point.get("customdata") for point in points]
    numbers = [int(value[0] if isinstance(value, list) else value) for value in found if value is not None]
    return [row for row in dict.fromkeys(numbers) if 0 <= row < count]


def _list(answer: ProjectionResponse, rows: Sequence[int], space: ConceptSpace) -> None:
    st.subheader(f"{counted(len(rows), 'scene')} selected", anchor=False)
    said = captions_of(answer)
    if own_data.has_pictures(space):
        shots = [cards.thumbnail(picture(_scene(answer, row, space), _PIXELS), said[row]) for row in rows[:_SHOWN]]
        st.html(tag("div", joined(*shots), cls="bs-strip"))
        if len(rows) > _SHOWN:
            st.caption(f"The first {_SHOWN}; the table has all of them.")
    words = answer.colors
    table = [(said[row], words[row] if words else "") for row in rows[:200]]
    with st.expander("Table"):
        st.html(tables.table(("Scene", "Colour"), table, label="Selected scenes", cls="dense"))
    st.download_button(
        "Selection (CSV)", map_csv(answer, rows), "selection.csv", "text/csv", key="map.selection",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip


def _scene(answer: ProjectionResponse, row: int, space: ConceptSpace) -> SceneModel:
    objects = [PlacedObject(values=space.named(tuple(values))) for values in answer.labels[row]]
    own = own_data.dataset_of(space.name)
    if own is not None:
        return SceneModel(objects=objects, dataset=own, row=row)
    return SceneModel(space=space.name, objects=objects)
