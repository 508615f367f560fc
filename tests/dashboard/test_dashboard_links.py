"""One codec for all pages: what a page shows survives its link, and links of earlier versions open what they did."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope import features
from bindscope.core.errors import InvalidInput
from bindscope.core.specs import ESTIMATORS
from bindscope.features.complexity.schemas import ComplexityRequest
from bindscope.features.verdicts.schemas import Articles, Orders
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.controlled import PHASE_PRESETS, PRESETS
from bindscope.scenes.sources import SourceModel
from bindscope_dashboard.pages.comparisons.state import CompareState
from bindscope_dashboard.pages.complexity.state import MEASURES, ComplexityState
from bindscope_dashboard.pages.decompositions.state import DecomposeState
from bindscope_dashboard.pages.interventions.state import InterventionState
from bindscope_dashboard.pages.jobs.state import JobsState
from bindscope_dashboard.pages.phase_diagrams.state import PhaseState
from bindscope_dashboard.pages.photos.state import PhotoState
from bindscope_dashboard.pages.probes.state import ProbeState
from bindscope_dashboard.pages.projections.state import MapState, color_options
from bindscope_dashboard.pages.repairs.state import RepairState
from bindscope_dashboard.pages.retrievals.state import RetrieveState
from bindscope_dashboard.pages.surveys.state import SurveyState
from bindscope_dashboard.pages.trainings.state import TrainState
from bindscope_dashboard.shared.ask import key_of
from bindscope_dashboard.shared.editing import first_scene, random_scene
from bindscope_dashboard.shared.links import query_of, state_of
from bindscope_dashboard.shared.pickers import in_slots
from bindscope_dashboard.shared.scene_text import scene_from_text
from bindscope_dashboard.shared.service import Spaces
from bindscope_dashboard.shared.states import MODALITIES, ComposeState

_UPLOAD = "data-0123456789abcdef"
SPACES = Spaces(BUILTIN_SPACES)
SPACES[_UPLOAD] = replace(SPACES["clevr2d"], name=_UPLOAD, renderable=False)
DRAWN = sorted(name for name, space in BUILTIN_SPACES.items() if space.renderable)
_BAG = "bundled:tiny-bag"
_SCENE = scene_from_text("clevr2d~~red~square~0.28~0.5~0.3~~blue~triangle~0.72~0.5~0.3", SPACES)
_LAPTOP = PHASE_PRESETS["laptop"]

#: What each page opens with.
OPENING = {
    "compose": ComposeState.of(scene=first_scene(SPACES["shapes2d"]), model=_BAG, second="bundled:tiny-bind"),
    "survey": SurveyState.of(model=_BAG),
    "photo": PhotoState.of(model=_BAG, caption="a red shoe and a blue bag"),
    "probe": ProbeState.of(model=_BAG, space="clevr2d"),
    "decompose": DecomposeState.of(model=_BAG, space="clevr2d", scene=_SCENE),
    "interventions": InterventionState.of(
        model=_BAG, space="clevr2d", scene=_SCENE, replacement={}
    ).with_another_object(SPACES["clevr2d"]),
    "complexity": ComplexityState.of(model=_BAG, space="clevr2d"),
    "map": MapState.of(model=_BAG, space="clevr2d"),
    "compare": CompareState.of(models=[_BAG, "bundled:tiny-bind"], space="clevr2d"),
    "retrieve": RetrieveState.of(model=_BAG, space="clevr2d"),
    "repair": RepairState.of(model="bundled:tiny-split", space="shapes2d"),
    "train": TrainState.of(**asdict(PRESETS["laptop"]), preset="laptop"),
    "phase": PhaseState.of(
        **asdict(_LAPTOP.config), spaces=_LAPTOP.spaces, coverages=_LAPTOP.coverages, preset="laptop"
    ),
    "jobs": JobsState(),
}
models = st.sampled_from([_BAG, "hf:openai/clip-vit-base-patch32", "local dir&=?", "repaired:abc@0.3"])
places = st.sampled_from([*sorted(BUILTIN_SPACES), "grid-2x8", _UPLOAD])
modalities, estimators = st.sampled_from(["image", "text"]), st.sampled_from(ESTIMATORS)
seeds, limits, counts = st.integers(0, 2**31 - 1), st.integers(2, 200_000), st.integers(10, 5000)
shares = st.integers(1, 99).map(lambda percent: percent / 100)
coverages = st.lists(st.sampled_from([0.1, 0.25, 0.4, 0.6, 0.95]), min_size=1, unique=True).map(sorted)
job_ids = st.sampled_from(["complexity-0a1b2c", "training-ff", "phase-diagram-12"])
datasets = st.none() | st.text("0123456789abcdef", min_size=16, max_size=16)
wordings = st.fixed_dictionaries({
    "template": st.sampled_from(["plain", "photo", "a sketch of {} & more?", "{}=1#2~3"]),
    "articles": st.sampled_from(get_args(Articles)), "orders": st.sampled_from(get_args(Orders)),
})  # fmt: skip
pairs = st.builds(
    lambda name, seed: random_scene(SPACES[name], objects=2, seed=seed), st.sampled_from(DRAWN), st.integers(0, 99)
)


@st.composite
def composed(draw):
    scene = random_scene(SPACES[draw(st.sampled_from(DRAWN))], objects=draw(st.integers(1, 6)), seed=draw(seeds))
    return ComposeState.of(
        model=draw(models), second=draw(st.none() | models), scene=scene, guess=draw(st.booleans()), **draw(wordings)
    )


@st.composite
def interventions(draw):
    scene, number = in_slots(draw(pairs)), draw(st.integers(0, 1))
    values = {"edits": draw(st.booleans()), "removal": draw(st.booleans()), "estimator": draw(estimators)}
    plain = InterventionState.of(
        model=draw(models), space=scene.space, scene=scene, object=number, replacement={}, limit=draw(limits),
        modality=draw(modalities), **values,
    )  # fmt: skip
    return plain.with_another_object(SPACES[scene.space])


@st.composite
def maps(draw):
    scene = draw(st.none() | pairs)
    space = scene.space if scene is not None else draw(places)
    return MapState.of(
        model=draw(models), space=space, scene=scene, modality=draw(modalities), limit=draw(limits), seed=draw(seeds),
        method=draw(st.sampled_from(["pca", "umap", "mds"])), dims=draw(st.sampled_from([2, 3])),
        color=draw(st.sampled_from(["", *color_options(SPACES[space])])),
    )  # fmt: skip


@st.composite
def comparisons(draw):
    chosen = draw(st.lists(models, min_size=2, max_size=4, unique=True).filter(lambda ids: " " not in "".join(ids)))
    pair = draw(st.permutations(range(len(chosen))).map(lambda order: tuple(order[:2])))
    return CompareState.of(
        models=chosen, space=draw(places), count=draw(counts), seed=draw(seeds), repair=draw(st.booleans()), pair=pair
    )


def some(kind, **fields):
    return st.builds(kind.of, **fields)


sources = st.builds(SourceModel, model=models, space=places, modality=modalities, limit=limits)
configs = st.fixed_dictionaries({
    "learning_rate": st.sampled_from([1e-3, 3e-5]), "steps": st.integers(1, 50_000), "width": st.sampled_from([32, 64]),
    "inputs": st.sampled_from(["tokens", "images"]), "negatives": st.sampled_from(["seen", "all"]),
})  # fmt: skip
SHOWN = st.one_of(
    composed(), interventions(), maps(), comparisons(),
    st.builds(lambda wording, **fields: SurveyState.of(**wording, **fields), wordings, model=models,
              space=places, count=st.integers(1, 5000), seed=seeds, objects=st.integers(1, 6),
              layout=st.sampled_from(["random", "slots"]), only_valid_swaps=st.booleans(), run=st.booleans(),
              control=st.sampled_from(["none", "shuffled_pixels", "blank"])),
    some(PhotoState, model=models, second=st.none() | models, caption=st.text("a? &=~é", min_size=1, max_size=9),
         other=st.text("ab~", min_size=1)),
    some(ProbeState, model=models, space=places, dataset=datasets, train_ratio=shares, seed=seeds,
         limit=limits, twins=st.sampled_from([0, 3])),
    st.builds(lambda scene, **fields: DecomposeState.of(scene=scene, space=scene.space, **fields), pairs,
              model=models, modality=modalities, estimator=estimators, level=st.sampled_from([1, 2]), seed=seeds,
              test_ratio=shares, limit=limits, compare=st.booleans()),
    some(ComplexityState, model=models, space=places, modality=modalities, limit=limits, dataset=datasets,
         second=st.none() | sources, coverages=coverages, seeds=st.integers(1, 64).map(lambda n: list(range(n))),
         kinds=st.lists(st.sampled_from(["additive", "global_product", "mlp:77"]), min_size=1, unique=True),
         measure=st.sampled_from(MEASURES), jobs=st.lists(job_ids, max_size=2, unique=True)),
    some(RetrieveState, model=models, space=places, k=st.integers(1, 1000), queries=st.integers(1, 5000),
         direction=st.sampled_from(["text_to_image", "text_to_text"]), close=st.booleans(), seed=seeds,
         distractors=st.sampled_from(["swaps", "all"])),
    some(RepairState, model=models, space=places, coverage=shares, limit=st.integers(4, 20_000), seed=seeds,
         run=st.booleans(), tenths=st.none() | st.integers(0, 10)),
    st.builds(lambda config, **fields: TrainState.of(**config, **fields), configs, job=st.just("") | job_ids,
              space=st.sampled_from(["grid-2x8", "clevr2d"]), coverage=shares, seed=st.integers(0, 99)),
    st.builds(lambda config, **fields: PhaseState.of(**config, **fields), configs, job=st.just("") | job_ids,
              spaces=st.just(["grid-2x8", "grid-3x4"]), coverages=coverages, square=st.sampled_from(["", "a~0.4"]),
              seeds=st.integers(1, 5).map(lambda n: list(range(n)))),
    st.builds(JobsState, job=job_ids),
)  # fmt: skip
_NAMES = {type(state): page for page, state in OPENING.items()}
#: Without a preset, what a link of these pages leaves out has its default.
_BARE = {
    TrainState: TrainState.of(),
    PhaseState: PhaseState.of(spaces=["grid-2x4"], coverages=[0.5]),
}


@given(SHOWN)
@settings(max_examples=300, deadline=None)
def test_what_a_page_shows_survives_its_link(shown):
    link = query_of(shown, SPACES)
    assert all(isinstance(text, str) for text in link.values())
    assert state_of(link, _BARE.get(type(shown), OPENING[_NAMES[type(shown)]]), SPACES) == shown


OLD = [json.loads(line) for line in Path(__file__).with_name("old_links.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("form", ["link", "written"])
@pytest.mark.parametrize("old", OLD, ids=[f"{number}-{old['page']}" for number, old in enumerate(OLD)])
def test_a_link_of_an_earlier_version_asks_for_the_same(old, form):
    shown = state_of(old[form], opening(old["page"], old["written"].get("preset", "")), SPACES)
    assert asked(old["page"], shown) == [key_of(body, request) for body, request in requests(old)]


def opening(page, preset):
    if page == "train" and preset:
        return TrainState.of(**asdict(PRESETS[preset]), preset=preset)
    if page == "phase" and preset:
        known = PHASE_PRESETS[preset]
        return PhaseState.of(**asdict(known.config), spaces=known.spaces, coverages=known.coverages, preset=preset)
    return OPENING[page]


_PATHS = {
    "compose": ["/v1/verdicts"] * 2,
    "survey": ["/v1/verdicts/batch"],
    "probe": ["/v1/probes"] * 2,
    "decompose": ["/v1/decompositions", "/v1/decompositions/scene"],
    "interventions": ["/v1/interventions/edit", "/v1/interventions", "/v1/removals"],
    "complexity": ["/v1/complexity"] * 2,
    "map": ["/v1/projections"],
    "compare": ["/v1/comparisons", "/v1/disagreements"],
    "retrieve": ["/v1/retrievals"],
    "repair": ["/v1/repairs"],
    "train": ["/v1/trainings"],
    "phase": ["/v1/phase-diagrams"],
    "photo": [],
}
_REQUESTS = {endpoint.path: endpoint.request for endpoint in features.endpoints()}


def requests(old):
    return [(body, _REQUESTS[path]) for body, path in zip(old["asks"], _PATHS[old["page"]], strict=False)]


def asked(page, shown):
    bodies = {
        "compose": lambda: [shown.asks(model) for model in (shown.model, shown.second) if model],
        "probe": lambda: [shown.asks(modality) for modality in MODALITIES],
        "decompose": lambda: [shown.body, shown.shares],
        "interventions": lambda: [shown.body, shown.many, shown.removed],
        "complexity": lambda: shown.bodies,
        "compare": lambda: [shown.body, shown.differing],
        "photo": list,
    }.get(page, lambda: [shown.body])()
    return [key_of(body, _REQUESTS[path]) for body, path in zip(bodies, _PATHS[page], strict=False)]


def test_what_has_its_default_stays_out_of_the_link():
    assert query_of(OPENING["probe"], SPACES) == {"model": _BAG, "space": "clevr2d"}
    assert query_of(OPENING["retrieve"], SPACES) == {"model": _BAG, "space": "clevr2d"}
    assert query_of(OPENING["train"], SPACES, asdict(PRESETS["laptop"])) == {"preset": "laptop"}
    assert set(query_of(OPENING["compose"], SPACES)) == {"scene", "model", "second"}
    assert query_of(OPENING["compose"].changed(guess=True), SPACES)["guess"] == "1"


@pytest.mark.parametrize(
    ("page", "link", "part"),
    [
        ("compose", {"orders": "some"}, "some"),
        ("compose", {"articles": "the"}, "the"),
        ("compose", {"template": "no place for objects"}, "must hold one"),
        ("compose", {"scene": "words~~red"}, "needs 2 values"),
        ("survey", {"count": "0"}, "count"),
        ("survey", {"count": "many"}, "count"),
        ("survey", {"seed": "-1"}, "seed"),
        ("survey", {"objects": "7"}, "objects"),
        ("survey", {"layout": "round"}, "round"),
        ("survey", {"space": "mars"}, "mars"),
        ("probe", {"space": "mars"}, "mars"),
        ("probe", {"train_percent": "100"}, "train_ratio"),
        ("probe", {"train_percent": "some"}, "train_percent"),
        ("probe", {"dataset": "../etc"}, "dataset"),
        ("decompose", {"scene": "clevr2d~~red~square"}, "2 objects"),
        ("decompose", {"estimator": "magic"}, "magic"),
        ("decompose", {"level": "3"}, "level"),
        ("interventions", {"object": "3"}, "object"),
        ("interventions", {"replacement": "red"}, "needs 2 values"),
        ("interventions", {"replacement": "red~tesseract"}, "tesseract"),
        ("interventions", {"modality": "sound"}, "sound"),
        ("interventions", {"limit": "many"}, "limit"),
        ("complexity", {"kinds": "additive~magic"}, "magic"),
        ("complexity", {"coverages": "0.2~1.5"}, "overage"),
        ("complexity", {"coverages": "few"}, "coverages"),
        ("complexity", {"seeds": "65"}, "seeds"),
        ("complexity", {"figure": "beauty"}, "beauty"),
        ("complexity", {"space": "mars"}, "mars"),
        ("complexity", {"job": "../../etc"}, "jobs"),
        ("complexity", {"second_model": "m", "second_modality": "sound"}, "modality"),
        ("complexity", {"second_model": "m", "second_space": "mars"}, "mars"),
        ("map", {"color": "beauty"}, "beauty"),
        ("map", {"scene": "shapes2d~~red~square~~blue~circle"}, "of space 'clevr2d'"),
        ("compare", {"pair": "1-1"}, "pair"),
        ("compare", {"pair": "two"}, "pair"),
        ("compare", {"models": " ".join("abcdefghijklm")}, "models"),
        ("repair", {"tenths": "11"}, "tenths"),
        ("train", {"coverage": "2"}, "coverage"),
        ("train", {"coverage": "much"}, "coverage"),
        ("train", {"steps": "many"}, "steps"),
        ("train", {"inputs": "smells"}, "smells"),
        ("phase", {"coverages": "0"}, "overage"),
        ("phase", {"width": "63"}, "width"),
        ("jobs", {"job": "../../etc"}, "job"),
    ],
)  # fmt: skip
def test_a_wrong_link_is_refused_with_a_reason(page, link, part):
    with pytest.raises(InvalidInput, match=part):
        state_of(link, OPENING[page], SPACES)


@given(st.builds(
    ComplexityState.of, model=models, space=places, modality=modalities, limit=limits,
    second=st.none() | sources, coverages=coverages, seeds=st.integers(1, 64).map(lambda n: list(range(n))),
))  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_a_bare_link_to_jobs_takes_its_settings_from_their_requests(shown):
    sent = [ComplexityRequest.model_validate(body) for body in shown.bodies]
    assert [len(request.cells()) for request in sent] == [shown.fits] * len(sent)
    assert OPENING["complexity"].of_requests([request.model_dump() for request in sent]) == shown


def test_an_upload_takes_the_place_of_the_first_source():
    shown = OPENING["complexity"].changed(dataset="0123456789abcdef")
    assert [body["source"] for body in shown.bodies] == [{"dataset": "0123456789abcdef"}]
    assert OPENING["complexity"].of_requests([ComplexityRequest(**shown.bodies[0]).model_dump()]) == shown


def test_a_changed_state_leaves_the_one_it_came_from_alone():
    first = OPENING["probe"]
    other = first.changed(model="m", seed=4, dataset="0123456789abcdef")
    assert (other.model, other.request.seed, other.dataset) == ("m", 4, "0123456789abcdef")
    assert other.request.source.dataset is None
    assert first == ProbeState.of(model=_BAG, space="clevr2d")
