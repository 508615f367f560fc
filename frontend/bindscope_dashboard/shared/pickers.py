"""Pickers that the pages of the geometry share: model, space and modality; two objects; sizes and seeds."""

from collections.abc import Mapping, Sequence

import streamlit as st
from pydantic import BaseModel

from bindscope.features.models.schemas import ModelSummary
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.scene import slots
from bindscope.scenes.sources import SourceModel
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared import editing, fields, own_data, service, state
from bindscope_dashboard.shared.links import Modality
from bindscope_dashboard.shared.states import MODALITIES

#: Families that may read scenes as they are, without a picture.
_READ_SCENES = ("synthetic", "controlled")


def model_picker(page: str, current: str, models: Sequence[ModelSummary], *, label: str = "Model") -> str:
    """Any model of the service, or an id that the reader types."""
    known = [m.id for m in models if m.available]
    options = known if current in known else [*known, current]
    chosen = st.selectbox(label, options, key=f"{page}.model", accept_new_options=True, width=220)
    return chosen or current


def space_picker(page: str, spaces: Mapping[str, ConceptSpace], *, label: str = "Concept space") -> str:
    """The concept space; one that a link names without its being listed (a grid) is offered too."""
    options, key = state.spaces_of_session(spaces), f"{page}.space"
    if state.has_widget(key) and state.widget(key) not in options:
        options = [*options, state.widget(key)]
    names = service.space_titles()
    return st.selectbox(label, options, key=key, width=170, format_func=lambda name: names.get(name, name))


def missing_tower(model: ModelSummary | None, space: ConceptSpace, modality: Modality) -> str | None:
    """Why a model cannot be asked in this modality; None if it can, or if only the service can tell."""
    if model is not None and modality not in model.modalities:
        return f"This model reads {' and '.join(model.modalities)} only."
    drawn = space.renderable or own_data.dataset_of(space.name) is not None
    if modality == "image" and not drawn and (model is None or model.family not in _READ_SCENES):
        return f"The space {space.name} cannot be drawn."
    return None


def modality_picker(page: str, model: ModelSummary | None, space: ConceptSpace) -> Modality:
    """The modalities that the model can be asked in."""
    options = [m for m in MODALITIES if missing_tower(model, space, m) is None] or list(MODALITIES)
    key = f"{page}.modality"
    if not state.has_widget(key) or state.widget(key) not in options:
        state.set_widgets({key: options[0]})
    return st.segmented_control("Embeddings of", options, key=key, required=True) or options[0]


def summary_of(model: str, models: Sequence[ModelSummary]) -> ModelSummary | None:
    """The model's entry in the list of the service, if it has one."""
    return next((m for m in models if m.id == model), None)


def limit_picker(page: str) -> int:
    """Most scenes of a source."""
    return fields.whole(
        "Limit: scenes at most", f"{page}.limit", SourceModel, step=1000,
        help="All ordered scenes of two objects, or a fixed random sample of this size where there are more.",
    )  # fmt: skip


def coverage_picker(page: str, current: Sequence[float], *, hint: str) -> list[float]:
    """Shares of the objects, in order; those of a link are offered beside the tenths."""
    options = sorted({*(round(0.1 * n, 1) for n in range(1, 10)), *current})
    found = st.pills("Coverages", options, selection_mode="multi", key=f"{page}.coverages", help=hint)
    return sorted(found)


def seeds_picker(page: str, schema: type[BaseModel]) -> list[int]:
    """The seeds 0, 1, 2, ... so many."""
    most, hint = fields.most(schema, "seeds"), "0, 1, 2, … so many."
    return list(range(int(st.number_input("Seeds", 1, most, key=f"{page}.seeds", width=100, help=hint))))


def scene_pickers(page: str, scene: SceneModel, space: ConceptSpace) -> SceneModel:
    """A row of choices for each object; keeps the places."""
    number = state.pickers_revision(page)
    for index, obj in enumerate(scene.objects):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for concept in space.concepts:
                key = f"{page}.scene.{number}.{space.name}.{index}.{concept.name}"
                state.seed_widgets({key: obj.values[concept.name]})
                label = f"{('Left', 'Right')[index]} {concept.name}"
                value = st.selectbox(label, concept.values, key=key, width=125)
                scene = editing.with_value(scene, index, concept.name, value=value)
    return scene


def scene_words(scene: SceneModel, space: ConceptSpace) -> str:
    """The caption of a scene."""
    from bindscope.scenes.captions import Captioner

    return Captioner(articles="a_or_an").caption(space, [space.index(o.values) for o in scene.objects])


def in_slots(scene: SceneModel) -> SceneModel:
    """The same objects side by side: the scenes of a source stand in slots."""
    placed = zip(scene.objects, slots(len(scene.objects)), strict=True)
    objects = [o.model_copy(update={"x": x, "y": y, "size": z}) for o, (x, y, z) in placed]
    return scene.model_copy(update={"objects": objects})


def left_to_right(scene: SceneModel) -> SceneModel:
    """The same scene with its objects listed by place."""
    return scene.model_copy(update={"objects": sorted(scene.objects, key=lambda o: (o.x or 0.0, o.y or 0.0))})


def composed_scene(space: ConceptSpace) -> SceneModel:
    """The scene of Compose where it has two objects of the space, else a random one."""
    composed = state.compose()
    if composed is not None and composed.scene.space == space.name and len(composed.scene.objects) == 2:
        return left_to_right(composed.scene)
    return service.example_scene(space, seed=1)
