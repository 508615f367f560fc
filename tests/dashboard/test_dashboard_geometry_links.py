import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.core.errors import InvalidInput
from bindscope.core.specs import ESTIMATORS
from bindscope.features.decompositions.schemas import DecompositionRequest, SceneShareRequest
from bindscope.features.interventions.schemas import EditRequest
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.probes.schemas import ProbeRequest
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope_dashboard.editing import random_scene
from bindscope_dashboard.geometry_links import (
    DecomposeState,
    InterventionState,
    ProbeState,
    another_object,
    decompose_body,
    decompose_from_query,
    decompose_query,
    edit_body,
    interventions_from_query,
    interventions_query,
    probe_body,
    probe_from_query,
    probe_query,
    shares_body,
)
from bindscope_dashboard.links import as_python
from bindscope_dashboard.views.decompose import random_twin
from bindscope_dashboard.views.pickers import in_slots, missing_tower

SPACES = {name: space for name, space in BUILTIN_SPACES.items() if space.renderable}
models = st.sampled_from(["bundled:tiny-bag", "hf:openai/clip-vit-base-patch32", "local dir&=?"])
seeds, limits, shares = st.integers(0, 2**31 - 1), st.integers(2, 200_000), st.integers(1, 99)
scenes = st.builds(
    lambda name, seed: random_scene(SPACES[name], objects=2, seed=seed), st.sampled_from(sorted(SPACES)), seeds
)
probes = st.builds(
    ProbeState,
    model=models,
    space=st.sampled_from(sorted(SPACES)),
    dataset=st.none() | st.text("0123456789abcdef", min_size=16, max_size=16),
    train_percent=shares,
    seed=seeds,
    limit=limits,
)


@st.composite
def decompositions(draw):
    scene = draw(scenes)
    return DecomposeState(
        draw(models), scene.space, scene, draw(st.sampled_from(["image", "text"])), draw(st.sampled_from(ESTIMATORS)),
        draw(st.sampled_from([1, 2])), draw(shares), draw(seeds), draw(limits), draw(st.booleans()),
    )  # fmt: skip


@st.composite
def interventions(draw):
    scene = in_slots(draw(scenes))
    number = draw(st.integers(0, 1))
    new = another_object(scene.objects[number].values, SPACES[scene.space])
    return InterventionState(
        draw(models), scene.space, scene, new, number, draw(st.sampled_from(["image", "text"])),
        draw(st.sampled_from(ESTIMATORS)), draw(limits), draw(st.booleans()), draw(st.booleans()),
    )  # fmt: skip


FIRST = random_scene(SPACES["clevr2d"], objects=2, seed=1)
DECOMPOSE = DecomposeState("m", "clevr2d", FIRST)
INTERVENTIONS = InterventionState("m", "clevr2d", FIRST, another_object(FIRST.objects[0].values, SPACES["clevr2d"]))


@given(probes)
@settings(max_examples=40, deadline=None)
def test_a_probe_survives_its_link_and_makes_a_request(shown):
    assert probe_from_query(probe_query(shown), ProbeState("other", "shapes2d"), SPACES) == shown
    ProbeRequest.model_validate(probe_body(shown, "text"))


@given(decompositions())
@settings(max_examples=40, deadline=None)
def test_a_decomposition_survives_its_link_and_makes_requests(shown):
    assert decompose_from_query(decompose_query(shown, SPACES[shown.space]), DECOMPOSE, SPACES) == shown
    DecompositionRequest.model_validate(decompose_body(shown))
    SceneShareRequest.model_validate(shares_body(shown))


@given(interventions())
@settings(max_examples=40, deadline=None)
def test_an_edit_survives_its_link_and_makes_a_request(shown):
    assert interventions_from_query(interventions_query(shown, SPACES[shown.space]), INTERVENTIONS, SPACES) == shown
    EditRequest.model_validate(edit_body(shown))
    ast.parse(as_python("http://x", "edit", edit_body(shown)))


@pytest.mark.parametrize(
    ("read", "query", "part"),
    [
        ("probe", {"space": "mars"}, "mars"),
        ("probe", {"train_percent": "100"}, "train_percent"),
        ("probe", {"dataset": "../etc"}, "16 hexadecimal"),
        ("decompose", {"scene": "clevr2d~~red~square"}, "2 objects"),
        ("decompose", {"estimator": "magic"}, "magic"),
        ("decompose", {"level": "3"}, "level"),
        ("interventions", {"object": "3"}, "object"),
        ("interventions", {"replacement": "red"}, "needs 2 values"),
        ("interventions", {"replacement": "red~tesseract"}, "tesseract"),
        ("interventions", {"modality": "sound"}, "sound"),
        ("interventions", {"limit": "many"}, "limit"),
    ],
)
def test_a_wrong_link_is_refused_with_a_reason(read, query, part):
    readers = {
        "probe": lambda: probe_from_query(query, ProbeState("m", "clevr2d"), SPACES),
        "decompose": lambda: decompose_from_query(query, DECOMPOSE, SPACES),
        "interventions": lambda: interventions_from_query(query, INTERVENTIONS, SPACES),
    }
    with pytest.raises(InvalidInput, match=part):
        readers[read]()


def test_the_replacement_is_another_object_even_from_the_last_value():
    space = SPACES["clevr2d"]
    for name in space.concepts[0].values:
        assert another_object({"color": name, "shape": "circle"}, space) != {"color": name, "shape": "circle"}


def test_trained_models_have_a_twin_with_random_weights_and_oracles_none():
    assert random_twin("bundled:tiny-bag") == "random:bundled:tiny-bag"
    assert random_twin("synthetic:bag") is None


def test_a_missing_tower_has_its_reason():
    plain = {"dim": 4, "source": "x", "loaded": False, "fingerprint": None}
    text = ModelSummary(id="t", family="bundled", modalities=["text"], **plain)
    both = ModelSummary(id="b", family="bundled", modalities=["image", "text"], **plain)
    oracle = ModelSummary(id="o", family="synthetic", modalities=["image", "text"], **plain)
    words = BUILTIN_SPACES["words"]
    assert missing_tower(text, SPACES["clevr2d"], "image") == "This model reads text only."
    assert missing_tower(both, words, "image") == "The space words cannot be drawn."
    assert missing_tower(both, SPACES["clevr2d"], "image") is None
    assert missing_tower(oracle, words, "image") is None
    assert missing_tower(None, SPACES["clevr2d"], "text") is None
