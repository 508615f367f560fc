import ast
import json
import shlex
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.scenes.concepts import BUILTIN_SPACES, Concept, ConceptSpace
from bindscope.scenes.scene import slots
from bindscope.scenes.wire import PlacedObject, SceneModel
from bindscope_dashboard.editing import random_scene
from bindscope_dashboard.links import (
    ComposeState,
    SurveyState,
    Wording,
    as_curl,
    as_python,
    compose_from_query,
    compose_query,
    link,
    placed,
    scene_from_text,
    scene_text,
    survey_from_query,
    survey_query,
    verdict_body,
)

_ODD = ConceptSpace(
    "odd",
    (Concept("color", ("dark blue", "o'red", "x.y")), Concept("thing", ("ünïcode", "two-part", "a_b"))),
    "a {color} {thing}",
)
SPACES = {**BUILTIN_SPACES, "odd": _ODD}
wordings = st.builds(
    Wording,
    template=st.sampled_from(["plain", "photo", "a sketch of {} & more?", "{}=1#2~3"]),
    articles=st.sampled_from(["a", "a_or_an"]),
    orders=st.sampled_from(["all", "given"]),
)
models = st.sampled_from(
    ["bundled:tiny-bag", "hf:openai/clip-vit-base-patch32", "open_clip:ViT-B-32/openai", "local dir&=?"]
)


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


@given(
    st.builds(
        ComposeState, scene=scenes(), model=models, second=st.none() | models, wording=wordings, guess=st.booleans()
    )
)
@settings(max_examples=60, deadline=None)
def test_a_link_reopens_exactly_the_same_view(state):
    other = ComposeState(scene=random_scene(SPACES["shapes2d"], objects=2, seed=0), model="x", second="y", guess=True)
    query = compose_query(state, SPACES[state.scene.space])
    assert compose_from_query(query, other, spaces=SPACES) == state


@given(
    st.builds(
        SurveyState,
        model=models,
        space=st.sampled_from(sorted(SPACES)),
        count=st.integers(1, 5000),
        seed=st.integers(0, 2**31 - 1),
        objects=st.integers(1, 6),
        layout=st.sampled_from(["random", "slots"]),
        only_valid_swaps=st.booleans(),
        control=st.sampled_from(["none", "shuffled_pixels", "blank"]),
        wording=wordings,
        run=st.booleans(),
    )
)
@settings(max_examples=60, deadline=None)
def test_a_survey_link_reopens_exactly_the_same_view(state):
    assert survey_from_query(survey_query(state), SurveyState(model="other")) == state


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


@pytest.mark.parametrize(
    "query", [{"orders": "some"}, {"articles": "the"}, {"template": "no place for objects"}, {"scene": "words~~red"}]
)
def test_a_link_with_an_unknown_choice_is_explained(query, scene):
    with pytest.raises(InvalidInput):
        compose_from_query(query, ComposeState(scene=scene, model="m"), spaces=SPACES)


@pytest.mark.parametrize(
    "query", [{"count": "0"}, {"count": "many"}, {"seed": "-1"}, {"objects": "7"}, {"layout": "round"}]
)
def test_a_survey_link_with_a_wrong_number_is_explained(query):
    with pytest.raises(InvalidInput):
        survey_from_query(query, SurveyState(model="m"))


def test_a_link_replaces_the_query_of_the_page(scene, space):
    state = ComposeState(scene=scene, model="hf:a/b", wording=Wording(template="a {} & b"))
    text = link("http://h:8501/?old=1", compose_query(state, space))
    assert text.startswith("http://h:8501/?scene=shapes2d~~red~square~0.28~0.5~0.3~~blue~circle~0.72~0.5~0.3&")
    assert "old" not in text
    assert "template=a+%7B%7D+%26+b" in text


def test_the_curl_line_carries_the_same_body(scene):
    body = verdict_body("synthetic:bag", scene, Wording(template='it\'s a {} "x" $HOME'))
    line = as_curl("http://127.0.0.1:8000", "/v1/verdicts", body, with_key=True)
    words = shlex.split(line.replace("\\\n", " "))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8000/v1/verdicts"]
    assert json.loads(words[words.index("-d") + 1]) == body
    echoed = subprocess.run(["sh", "-c", line.replace("curl", "printf '%s\\n'", 1)], capture_output=True, text=True)
    assert json.loads(echoed.stdout.splitlines()[-1]) == body


def test_the_python_snippet_is_python_and_carries_the_same_body(scene):
    body = verdict_body("synthetic:bag", scene, Wording(template="a {} 'x'"))
    tree = ast.parse(as_python("http://127.0.0.1:8000", "verdict", body, with_key=True))
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "verdict")
    assert {k.arg: ast.literal_eval(k.value) for k in call.keywords} == body


def test_settings_at_their_defaults_stay_out_of_the_link(scene, space):
    state = ComposeState(scene=scene, model="m")
    assert set(compose_query(state, space)) == {"scene", "model", "second"}
    assert "guess" in compose_query(replace(state, guess=True), space)
