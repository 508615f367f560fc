import ast
import json
import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.scenes.concepts import BUILTIN_SPACES, Concept, ConceptSpace
from bindscope.scenes.scene import slots
from bindscope.scenes.wire import PlacedObject, SceneModel
from bindscope_dashboard.shared.editing import random_scene
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.scene_text import placed, scene_from_text, scene_text
from bindscope_dashboard.shared.snippets import as_curl, as_python, link
from bindscope_dashboard.shared.states import ComposeState

_ODD = ConceptSpace(
    "odd",
    (Concept("color", ("dark blue", "o'red", "x.y")), Concept("thing", ("ünïcode", "two-part", "a_b"))),
    "a {color} {thing}",
)
SPACES = {**BUILTIN_SPACES, "odd": _ODD}


@st.composite
def scenes(draw):
    name = draw(st.sampled_from(sorted(SPACES)))
    space = SPACES[name]
    if space.renderable:
        return random_scene(space, objects=draw(st.integers(1, 6)), seed=draw(st.integers(0, 10_000)))
    count = draw(st.integers(1, 6))
    values = [{c.name: draw(st.sampled_from(c.values)) for c in space.concepts} for _ in range(count)]
    objects = [PlacedObject(values=v, x=x, y=y, size=z) for v, (x, y, z) in zip(values, slots(count), strict=True)]
    return placed(SceneModel(space=name, objects=objects), space)


@given(scenes())
@settings(max_examples=60, deadline=None)
def test_a_scene_survives_its_text(scene):
    assert scene_from_text(scene_text(scene, SPACES[scene.space]), SPACES) == scene


@pytest.mark.parametrize(
    "text",
    [
        "shapes2d",
        "shapes2d~~red",
        "shapes2d~~red~square~0.5",
        "shapes2d~~red~square~nan~0.5~0.3",
        "shapes2d~~red~square~0.5~0.5~9",
        "shapes2d~~red~square~0.05~0.5~0.3",
        "shapes2d~~red~square~0.5~0.5~0.3~~blue~circle~0.5~0.5~0.3",
        "shapes2d" + "~~red~square" * 7,
    ],
)
def test_a_broken_scene_text_is_explained(text):
    with pytest.raises(InvalidInput):
        scene_from_text(text, SPACES)


def test_an_unknown_space_lists_the_known_ones():
    with pytest.raises(UnknownName, match="shapes2d"):
        scene_from_text("shapes9~~red~square", SPACES)


def test_a_link_replaces_the_query_of_the_page(scene):
    state = ComposeState.of(scene=scene, model="hf:a/b", template="a {} & b")
    text = link("http://h:8501/?old=1", query_of(state, SPACES))
    assert text.startswith("http://h:8501/?")
    assert "scene=shapes2d~~red~square~0.28~0.5~0.3~~blue~circle~0.72~0.5~0.3&" in text
    assert "old" not in text
    assert "template=a+%7B%7D+%26+b" in text


def asked(scene, template):
    return ComposeState.of(scene=scene, model="synthetic:bag", template=template).asks("synthetic:bag")


def test_the_curl_line_carries_the_same_body(scene):
    body = asked(scene, 'it\'s a {} "x" $HOME')
    line = as_curl("http://127.0.0.1:8000", "/v1/verdicts", body, with_key=True)
    words = shlex.split(line.replace("\\\n", " "))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8000/v1/verdicts"]
    assert json.loads(words[words.index("-d") + 1]) == body
    echoed = subprocess.run(["sh", "-c", line.replace("curl", "printf '%s\\n'", 1)], capture_output=True, text=True)
    assert json.loads(echoed.stdout.splitlines()[-1]) == body


def test_the_python_snippet_is_python_and_carries_the_same_body(scene):
    body = asked(scene, "a {} 'x'")
    tree = ast.parse(as_python("http://127.0.0.1:8000", "verdict", body, with_key=True))
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "verdict")
    assert {k.arg: ast.literal_eval(k.value) for k in call.keywords} == body
