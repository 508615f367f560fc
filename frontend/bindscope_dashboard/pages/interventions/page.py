"""Interventions: replace an object in embedding space and see where the vector lands.

How it is used: somebody picks a scene, an object and what to put in its place. The edit happens on the vector alone.
They see the original, the scene that the edit aims at and the real scene that is nearest to the edited vector, and
what probes read before and after. Below, the share of all edits that land right, and targeted removal with controls.
"""

from collections.abc import Mapping, Sequence

import streamlit as st

from bindscope.core.specs import ESTIMATORS
from bindscope.features.interventions.schemas import EDIT, EditResponse
from bindscope.features.models.schemas import ModelSummary
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.pages.decompositions.figures import ESTIMATOR_NAMES
from bindscope_dashboard.pages.interventions import findings, totals
from bindscope_dashboard.pages.interventions.state import InterventionState
from bindscope_dashboard.shared import service, state
from bindscope_dashboard.shared.ask import ask
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.opening import first_model, first_space, opened
from bindscope_dashboard.shared.pickers import (
    composed_scene,
    in_slots,
    left_to_right,
    limit_picker,
    modality_picker,
    model_picker,
    scene_pickers,
    space_picker,
    summary_of,
)
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.wording import literal

PAGE = "interventions"
_SIDES = ("left", "right")


def page() -> None:
    """The page of the navigation."""
    with explained():
        models, spaces = service.models(), service.spaces()
        opened(
            PAGE,
            lambda: _first(models, spaces),
            widgets=_widgets,
        )
        _desk()


def _first(models: list[ModelSummary], spaces: Mapping[str, ConceptSpace]) -> InterventionState:
    space = spaces[first_space(spaces)]
    return _with_scene(
        InterventionState.of(model=first_model(models), space=space.name, scene=composed_scene(space), replacement={}),
        space,
    )


def _with_scene(shown: InterventionState, space: ConceptSpace) -> InterventionState:
    return shown.changed(scene=in_slots(left_to_right(shown.scene))).with_another_object(space)


def _widgets(shown: InterventionState) -> dict[str, object]:
    return {
        "interventions.model": shown.model,
        "interventions.space": shown.space,
        "interventions.modality": shown.modality,
        "interventions.estimator": shown.request.estimator,
        "interventions.limit": shown.limit,
        "interventions.number": shown.number,
    }


@st.fragment
def _desk() -> None:
    """Settings, one edit, and the totals; a change reruns this alone."""
    with explained():
        models, spaces = service.models(), service.spaces()
        shown: InterventionState | None = state.shown(PAGE)
        if shown is None or shown.space not in spaces:
            st.rerun()
            return
        bar = st.container(horizontal=True, vertical_alignment="bottom", key="interventions-bar")
        with bar:
            chosen = _settings(shown, models, spaces)
        space = spaces[chosen.space]
        with st.container(key="interventions-columns"):
            left, right = st.columns([4, 8], gap="large")
        with left:
            chosen = _pickers(chosen, space)
        state.keep_shown(PAGE, chosen)
        query = query_of(chosen, spaces)
        state.mirror(PAGE, query)
        with bar:
            share_popover(
                query,
                [chosen.body],
                path="/v1/interventions/edit",
                method="edit",
                key="interventions.share",
            )
        found = None
        with right, explained():
            found = _one_edit(chosen, space)
        if found is not None:
            findings.probes(found)
        totals.show(chosen)


def _settings(
    shown: InterventionState, models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]
) -> InterventionState:
    model = model_picker(PAGE, shown.model, models)
    space = space_picker(PAGE, spaces)
    before = shown
    if space != shown.space:
        shown = _with_scene(shown.changed(scene=composed_scene(spaces[space])), spaces[space])
        state.renew_pickers(PAGE)
    modality = modality_picker(PAGE, summary_of(model, models), spaces[space])
    estimator = st.selectbox(
        "Estimator", ESTIMATORS, key="interventions.estimator", format_func=ESTIMATOR_NAMES.__getitem__, width=180,
        help="How the vector of an object is estimated from the other scenes.",
    )  # fmt: skip
    with st.popover("More", icon=":material/tune:"):
        limit = limit_picker(PAGE)
    new = shown.changed(model=model, space=space, modality=modality, estimator=estimator, limit=limit)
    return _asked_again(before, new)


def _asked_again(shown: InterventionState, new: InterventionState) -> InterventionState:
    """Results over many scenes wait for their button again where they would be those of another source."""
    same = shown.source == new.source
    estimated = same and shown.request.estimator == new.request.estimator
    return new.changed(removal=new.removal and same, edits=new.edits and estimated)


def _pickers(chosen: InterventionState, space: ConceptSpace) -> InterventionState:
    st.subheader("The scene", anchor=False)
    scene = in_slots(scene_pickers(PAGE, chosen.scene, space))
    st.button("Random", icon=":material/casino:", key="interventions.random", on_click=_random)
    st.subheader("The edit", anchor=False)
    number = st.segmented_control(
        "Replace the object on the", [0, 1], key="interventions.number", format_func=_SIDES.__getitem__, required=True
    )
    number = chosen.number if number is None else number
    replacement = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for concept in space.concepts:
            key = f"interventions.new.{state.pickers_revision(PAGE)}.{space.name}.{concept.name}"
            state.seed_widgets({key: chosen.request.replacement[concept.name]})
            label = f"New {concept.name}"
            replacement[concept.name] = st.selectbox(label, concept.values, key=key, width=125)
    return chosen.changed(scene=scene, object=number, replacement=replacement)


def _random() -> None:
    shown: InterventionState | None = state.shown(PAGE)
    if shown is not None:
        space = service.spaces()[shown.space]
        scene = service.example_scene(space, seed=state.next_random())
        state.keep_shown(PAGE, _with_scene(shown.changed(scene=scene), space))
        state.renew_pickers(PAGE)


def _one_edit(chosen: InterventionState, space: ConceptSpace) -> EditResponse | None:
    if chosen.request.replacement == chosen.scene.objects[chosen.number].values:
        st.info("The new object is the one that is there: choose another value.", icon=":material/edit:")
        return None
    with st.spinner(f"Editing the vector of {literal(chosen.model)} …"):
        found = ask(EDIT, chosen.body)
    findings.show(found, chosen, space)
    return found
