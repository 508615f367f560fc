"""Compose: put shapes on a canvas and see at once what a model makes of them.

How it is used: somebody opens the page and sees a red square and a blue circle, and beside them two models' verdicts
in plain words. They drag a shape, recolour it, add one; each change is judged again at once. They read the answer
first, then the caption contest under it, then which concepts and objects were recognised. They press "Break it" to
get the smallest edit that changes the winner, or look for scenes that fail, and send a colleague the link.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import streamlit as st

from bindscope.core.errors import InvalidInput
from bindscope.features.models.schemas import ModelSummary
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.components.scene_editor import scene_editor
from bindscope_dashboard.pages.verdicts import gallery, judgement, tour
from bindscope_dashboard.shared import editing, own_data, service, state
from bindscope_dashboard.shared.links import query_of, state_of
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.states import ComposeState
from bindscope_dashboard.shared.wording import literal
from bindscope_dashboard.shared.wording_picker import wording_picker, wording_widgets

PAGE = "compose"
NO_SECOND = "none"
#: The pair that a new user sees: one that does not bind beside one that does.
_PAIRS = (("bundled:tiny-bag", "bundled:tiny-bind"), ("synthetic:bag", "synthetic:product"))


def page() -> None:
    """The page of the navigation."""
    with explained():
        models, spaces = service.models(), service.spaces()
        tour.begin(from_link=bool(st.query_params.to_dict()))
        _open(models, spaces)
        tour.show()
        _workbench()


def default_state(models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]) -> ComposeState:
    """What a new user sees: the bundled pair where it is there, else the first models."""
    usable = [m.id for m in models if m.available and "text" in m.modalities]
    if not usable or not spaces:
        raise InvalidInput("The service offers no model with a text tower: see the System page.")
    first, second = next((pair for pair in _PAIRS if set(pair) <= set(usable)), (usable[0], None))
    space = spaces.get("shapes2d") or next(iter(spaces.values()))
    return ComposeState.of(scene=editing.first_scene(space), model=first, second=second)


def _open(models: Sequence[ModelSummary], spaces: Mapping[str, ConceptSpace]) -> None:
    """Takes over a link; otherwise goes on where the session was."""
    query = state.incoming(PAGE)
    current = state.compose()
    default = default_state(models, spaces)
    if query is not None:
        try:
            current = state_of(query, default, spaces)
        except InvalidInput as error:
            st.warning(f"This link cannot be read, so here is the scene as it was. {literal(str(error))}")
            current = current or default
        state.keep_compose(current)
        state.load_scene(current.scene)
        state.set_widgets(_widgets(current))
    elif current is None:
        current = default
        state.keep_compose(current)
    elif current.scene.space not in spaces:
        st.info(f"The concept space {literal(current.scene.space)} is no longer here, so here is a first scene.")
        current = current.changed(scene=default.scene, **asdict(default.wording))
        state.keep_compose(current)
        state.load_scene(current.scene)
        state.set_widgets(_widgets(current))
    state.seed_widgets(_widgets(current))


def _widgets(shown: ComposeState) -> dict[str, object]:
    return {
        "compose.model": shown.model,
        "compose.second": shown.second or NO_SECOND,
        "compose.space": shown.scene.space,
        "compose.guess": shown.guess,
        **wording_widgets("compose", shown.wording),
    }


@st.fragment
def _workbench() -> None:
    """All that changes with the scene; an edit reruns this alone."""
    with explained():
        models, spaces = service.models(), service.spaces()
        shown = state.compose()
        if shown is None or shown.scene.space not in spaces:
            st.rerun()
            return
        space = spaces[shown.scene.space]
        bar = st.container(horizontal=True, vertical_alignment="bottom", key="compose-bar")
        with st.container(key="compose-columns"):
            left, right = st.columns([5, 8], gap="medium")
        with left, st.container(key="editor"):
            _scene_bar(shown, spaces)
            scene = _canvas(shown, space) if space.renderable else _pickers(shown, space)
        shown = _settings(bar, shown.changed(scene=scene), models)
        state.keep_compose(shown)
        query = query_of(shown, spaces)
        with bar:
            bodies = [shown.asks(model) for model in judgement.models_of(shown)]
            share_popover(query, bodies, path="/v1/verdicts", method="verdict", key="compose.share")
        if not state.is_dragging("compose.editor"):
            state.mirror(PAGE, query)
        with right:
            judgement.cards(shown, models)
        with left:
            gallery.failing_scenes(shown, space)


def _settings(
    bar: st.delta_generator.DeltaGenerator, shown: ComposeState, models: Sequence[ModelSummary]
) -> ComposeState:
    known = [m.id for m in models if m.available]
    with bar:
        first = st.selectbox(
            "Model", _with(known, shown.model), key="compose.model", accept_new_options=True, width=250,
            help="Any model of the service; you may also type an id such as hf:openai/clip-vit-base-patch32.",
        )  # fmt: skip
        second = st.selectbox(
            "Compare with", [NO_SECOND, *_with(known, shown.second)], key="compose.second", accept_new_options=True,
            width=250, format_func=lambda name: "no second model" if name == NO_SECOND else name,
        )  # fmt: skip
        wording = wording_picker("compose", shown.wording, templates=service.spaces()[shown.scene.space].templates)
        guess = st.toggle(
            "Guess first", key="compose.guess", help="Hides each verdict until you have guessed who wins."
        )
    beside = None if second in (None, NO_SECOND, first) else second
    return shown.changed(model=first or shown.model, second=beside, guess=guess, **asdict(wording))


def _with(known: Sequence[str], name: str | None) -> list[str]:
    return [*known, *([name] if name is not None and name not in known else [])]


def _scene_bar(shown: ComposeState, spaces: Mapping[str, ConceptSpace]) -> None:
    titles = service.space_titles()
    with st.container(horizontal=True, vertical_alignment="bottom", key="scene-bar"):
        st.selectbox(
            "Concept space", state.spaces_of_session(spaces), key="compose.space", on_change=_change_space, width=170,
            format_func=lambda name: titles.get(name, name),
        )  # fmt: skip
        st.button("Random scene", icon=":material/casino:", on_click=_load_random, key="compose.random-scene")


def _change_space() -> None:
    """Another space: its first scene, and a model that can read it."""
    spaces = service.spaces()
    space = spaces[state.widget("compose.space")]
    if own_data.dataset_of(space.name) is not None:
        state.load_scene(service.example_scene(space, seed=0))
        return
    state.load_scene(editing.first_scene(space))
    if not space.renderable:
        text_only = [m.id for m in service.models() if m.available and m.modalities == ["text"]]
        if text_only and state.widget("compose.model") not in text_only:
            state.set_widgets({"compose.model": text_only[0], "compose.second": NO_SECOND})


def _load_random() -> None:
    shown = state.compose()
    if shown is not None:
        space = service.spaces()[shown.scene.space]
        if own_data.dataset_of(space.name) is not None:
            state.load_scene(service.example_scene(space, seed=state.next_random()))
            return
        state.load_scene(
            editing.random_scene(space, objects=max(2, len(shown.scene.objects)), seed=state.next_random())
        )


def _canvas(shown: ComposeState, space: ConceptSpace) -> SceneModel:
    edit = scene_editor(shown.scene, space, revision=state.revision(), key="compose.editor")
    if edit is None or not state.is_new_edit(edit):
        return shown.scene
    try:
        return editing.from_edit(edit, space)
    except InvalidInput as error:
        st.warning(literal(str(error)))
        return shown.scene


def _pickers(shown: ComposeState, space: ConceptSpace) -> SceneModel:
    """Objects of a space without pictures: a row of choices each."""
    scene = shown.scene
    own = own_data.dataset_of(space.name) is not None
    if own:
        st.caption("Scenes that you uploaded: choose objects that one of them shows, or take a random one.")
    else:
        st.caption("This space has no pictures: a model compares its captions.")
    for index, obj in enumerate(scene.objects):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for concept in space.concepts:
                key = f"compose.object.{state.revision()}.{index}.{concept.name}"
                state.seed_widgets({key: obj.values[concept.name]})
                value = st.selectbox(f"{concept.name} {index + 1}", concept.values, key=key, width=150)
                scene = editing.with_value(scene, index, concept.name, value=value)
            if index and not own:
                st.button("▲", key=f"compose.up.{index}", help=f"Mention object {index + 1} earlier",
                          on_click=_edit_pickers, args=("up", index))  # fmt: skip
            if len(scene.objects) > 1 and not own:
                st.button("✕", key=f"compose.drop.{index}", help=f"Remove object {index + 1}",
                          on_click=_edit_pickers, args=("drop", index))  # fmt: skip
    if not own:
        st.button("Add object", icon=":material/add:", disabled=len(scene.objects) >= 6, key="compose.add",
                  on_click=_edit_pickers, args=("add", 0))  # fmt: skip
    return scene


def _edit_pickers(action: str, index: int) -> None:
    shown = state.compose()
    if shown is None:
        return
    space = service.spaces()[shown.scene.space]
    if action == "up":
        state.load_scene(editing.mentioned_earlier(shown.scene, index))
    elif action == "drop":
        state.load_scene(editing.without(shown.scene, index, space))
    else:
        state.load_scene(editing.with_another(shown.scene, space))
