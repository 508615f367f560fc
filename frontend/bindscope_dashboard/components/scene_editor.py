"""The scene editor: draws shapes as the model sees them and reports each finished edit.

Python sends ``revision`` and the objects; the browser keeps its own document and takes Python's objects only when
the revision changes, so that an answer that arrives late never moves a shape back. Places are shares of the canvas.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.render import BACKGROUND, OUTLINES, PALETTE
from bindscope.scenes.scene import MAX_OBJECTS, MAX_SIZE, MIN_SIZE
from bindscope.scenes.wire import SceneModel

_HERE = Path(__file__).parent


def css_color(rgb: tuple[int, int, int]) -> str:
    """``rgb(214 39 40)``."""
    return f"rgb({rgb[0]} {rgb[1]} {rgb[2]})"


def editor_data(scene: SceneModel, space: ConceptSpace, *, revision: int) -> dict[str, Any]:
    """What the browser needs: the objects, the colours and shapes of the space, the limits of the service."""
    objects = [{"values": dict(o.values), "x": o.x, "y": o.y, "size": o.size} for o in scene.objects]
    return {
        "revision": revision,
        "objects": objects,
        "colors": [{"name": name, "fill": css_color(PALETTE[name])} for name in space.concept("color").values],
        "shapes": [{"name": name, "path": OUTLINES[name]} for name in space.concept("shape").values],
        "background": css_color(BACKGROUND),
        "limits": {"minSize": MIN_SIZE, "maxSize": MAX_SIZE, "maxObjects": MAX_OBJECTS},
    }


def scene_editor(scene: SceneModel, space: ConceptSpace, *, revision: int, key: str) -> Mapping[str, Any] | None:
    """Shows the editor. Returns the last edit as ``{"revision", "edit", "objects"}``, None before the first."""
    result = _component()(
        key=key,
        data=editor_data(scene, space, revision=revision),
        on_scene_change=lambda: None,
    )
    edit = result.get("scene")
    return edit if isinstance(edit, Mapping) else None


@cache
def _component() -> Any:
    return st.components.v2.component(
        "bindscope_scene_editor",
        html=(_HERE / "scene_editor.html").read_text(encoding="utf-8"),
        css=(_HERE / "scene_editor.css").read_text(encoding="utf-8"),
        js=(_HERE / "scene_editor.js").read_text(encoding="utf-8"),
    )
