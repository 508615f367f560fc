"""The picture of the scene under the pointer, beside a figure of plotly, which shows text alone when it is hovered."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.render import BACKGROUND, OUTLINES, PALETTE
from bindscope.scenes.scene import slots
from bindscope_dashboard.components.scene_editor import css_color

_HERE = Path(__file__).parent
_PIXELS = 120
_HTML = '<div class="hover-picture" aria-hidden="true"></div>'
_CSS = (
    ".hover-picture { position: fixed; display: none; pointer-events: none; z-index: 1000; line-height: 0; "
    "border: 1px solid #888; border-radius: 8px; overflow: hidden; box-shadow: 0 2px 8px rgba(0, 0, 0, .25); }"
)


def picture_data(labels: Sequence[Sequence[Sequence[int]]], space: ConceptSpace, *, inside: str) -> dict[str, Any]:
    """What the browser draws from: ``labels`` [scene][object][concept], and the selector of the figure's container."""
    names = list(space.names)
    return {
        "inside": inside,
        "scenes": [list(map(list, scene)) for scene in labels],
        "slots": [list(slot) for slot in slots(len(labels[0]))],
        "color": names.index("color"),
        "shape": names.index("shape"),
        "colors": [css_color(PALETTE[name]) for name in space.concept("color").values],
        "shapes": [OUTLINES[name] for name in space.concept("shape").values],
        "background": css_color(BACKGROUND),
        "pixels": _PIXELS,
    }


def hover_picture(labels: Sequence[Sequence[Sequence[int]]], space: ConceptSpace, *, inside: str, key: str) -> None:
    """Draws the scene whose number stands in a hovered point's custom data. For spaces that can be drawn."""
    _component()(key=key, data=picture_data(labels, space, inside=inside))


@cache
def _component() -> Any:
    script = (_HERE / "hover_picture.js").read_text(encoding="utf-8")
    return st.components.v2.component("bindscope_hover_picture", html=_HTML, css=_CSS, js=script)
