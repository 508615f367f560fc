"""Scenes that fail: examples of the chosen model, looked for on demand, each a click away from the canvas."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st

from bindscope.features.surveys.schemas import SURVEY
from bindscope.features.verdicts.findings import accuracy_sentence
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared import cards, own_data, state
from bindscope_dashboard.shared.ask import ask, picture
from bindscope_dashboard.shared.states import ComposeState
from bindscope_dashboard.shared.wording import literal

_COUNT, _SHOWN, _PIXELS = 60, 6, 128


def failing_scenes(shown: ComposeState, space: ConceptSpace) -> None:
    """The button, and the scenes once it was pressed for this model."""
    body: dict[str, Any] = {
        "model": shown.model,
        "space": space.name,
        "count": _COUNT,
        "seed": 1,
        "objects": 2,
        "only_valid_swaps": len(space.concepts) > 1,
        "robust_scenes": 0,
        **asdict(shown.wording),
    }
    key = json.dumps(body, sort_keys=True)
    with st.container(key="gallery"):
        st.button(
            f"Find scenes that fail ({literal(shown.model)})", icon=":material/search:", key="compose.find-failing",
            on_click=state.switch_on, args=("gallery", key),
        )  # fmt: skip
        if state.is_on("gallery") != key:
            return
        with st.spinner(f"Judging {_COUNT} random scenes …"):
            batch = ask(SURVEY, body)
        told = accuracy_sentence(batch.swap_accuracy, batch.swap_accuracy_chance)
        if not batch.failures:
            st.success(f"In none of {batch.scenes} random scenes does a swapped caption score best. {told}")
            return
        st.caption(f"Of {batch.scenes} random scenes. {told}")
        opened = scene_cards(batch.failures[:_SHOWN], space, columns=3, key="compose.failing")
        if opened is not None:
            state.load_scene(opened)
            st.rerun()


def scene_cards(scenes: Sequence[SceneModel], space: ConceptSpace, *, columns: int, key: str) -> SceneModel | None:
    """A row of scenes with their captions and a button each; returns the scene whose button was pressed."""
    opened = None
    captioner = Captioner(articles="a_or_an")
    grid: list[st.delta_generator.DeltaGenerator] = []
    for _ in range(0, len(scenes), columns):
        grid += st.columns(columns, gap="small", wrap=False)
    for index, (column, scene) in enumerate(zip(grid, scenes, strict=False)):
        caption = captioner.caption(space, [space.index(o.values) for o in scene.objects])
        with column:
            if own_data.has_pictures(space):
                st.html(cards.thumbnail(picture(scene, _PIXELS), caption))
            else:
                st.text(caption)
            if st.button("Open", key=f"{key}.{index}", help=f"Open: {caption}"):
                opened = scene
    return opened
