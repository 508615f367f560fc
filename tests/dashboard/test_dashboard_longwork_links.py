import ast
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.core.errors import InvalidInput
from bindscope.features.complexity.schemas import ComplexityRequest
from bindscope.features.jobs.schemas import CellFailure, JobModel, LiveCell
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.trainings.schemas import PhaseRequest, TrainingRequest
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.controlled import ControlledConfig
from bindscope_dashboard.complexity_links import (
    MEASURES,
    ComplexityState,
    Source,
    complexity_body,
    complexity_from_query,
    complexity_query,
    source_title,
    with_request,
)
from bindscope_dashboard.job_cards import bar, cell_words, job_card, progress_words, time_words, when
from bindscope_dashboard.links import as_python
from bindscope_dashboard.service import Spaces
from bindscope_dashboard.training_links import (
    PhaseState,
    TrainState,
    config_of,
    nearest_preset,
    phase_body,
    phase_from_query,
    phase_of_request,
    phase_query,
    train_body,
    train_from_query,
    train_query,
)
from bindscope_dashboard.views.pickers import missing_tower
from bindscope_dashboard.wording import duration

SPACES = Spaces(BUILTIN_SPACES)
models = st.sampled_from(["bundled:tiny-bag", "controlled:abc", "synthetic:product"])
jobs = st.sampled_from(["complexity-0a1b2c", "training-ff", "phase-diagram-12"])
coverages = st.lists(st.sampled_from([0.1, 0.25, 0.4, 0.6, 0.95]), min_size=1, max_size=4, unique=True).map(
    lambda found: tuple(sorted(found))
)
sources = st.builds(
    Source,
    model=models,
    space=st.sampled_from(["clevr2d", "words", "grid-2x8"]),
    modality=st.sampled_from(["image", "text"]),
    limit=st.integers(2, 200_000),
)
complexities = st.builds(
    ComplexityState,
    first=sources,
    second=st.none() | sources,
    kinds=st.lists(st.sampled_from(["additive", "global_product", "mlp:77", "random_forest"]), min_size=1, unique=True)
    .map(tuple),
    coverages=coverages,
    seeds=st.integers(1, 64),
    measure=st.sampled_from(MEASURES),
    jobs=st.lists(jobs, max_size=2, unique=True).map(tuple),
)  # fmt: skip
configs = st.builds(
    ControlledConfig,
    space=st.sampled_from(["grid-2x8", "clevr2d"]),
    coverage=st.sampled_from([0.2, 0.55]),
    seed=st.integers(0, 99),
    inputs=st.sampled_from(["tokens", "images"]),
    learning_rate=st.sampled_from([1e-3, 3e-5]),
    steps=st.integers(1, 50_000),
    negatives=st.sampled_from(["seen", "all"]),
)
PRESETS = {"laptop": ControlledConfig(), "published": ControlledConfig(width=256, layers=6, negatives="all")}
FIRST = ComplexityState(Source("other", "shapes2d"))


@given(complexities)
@settings(max_examples=60, deadline=None)
def test_a_complexity_page_survives_its_link_and_makes_requests(shown):
    assert complexity_from_query(complexity_query(shown), FIRST, SPACES) == shown
    for source in shown.sources:
        request = ComplexityRequest.model_validate(complexity_body(shown, source))
        assert len(request.cells()) == shown.fits


@given(complexities)
@settings(max_examples=30, deadline=None)
def test_a_bare_link_to_jobs_takes_its_settings_from_their_requests(shown):
    requests = [ComplexityRequest.model_validate(complexity_body(shown, s)).model_dump() for s in shown.sources]
    found = with_request(FIRST, requests)
    assert (found.sources, found.kinds, found.coverages, found.seeds) == (
        shown.sources, shown.kinds, shown.coverages, shown.seeds,
    )  # fmt: skip


def test_an_upload_is_a_source_of_its_own():
    shown = ComplexityState(Source("m", "clevr2d", dataset="0123456789abcdef"))
    assert complexity_body(shown, shown.first)["source"] == {"dataset": "0123456789abcdef"}
    assert complexity_from_query(complexity_query(shown), FIRST, SPACES) == shown
    assert source_title({"dataset": "0123456789abcdef"}) == "upload 01234567"


@given(configs, st.sampled_from(["laptop", "published"]), st.sampled_from(["", "training-ff"]))
@settings(max_examples=60, deadline=None)
def test_a_training_page_survives_its_link_and_makes_a_request(config, preset, job):
    shown = TrainState(config, preset, job)
    default = TrainState(PRESETS["laptop"], "laptop")
    assert train_from_query(train_query(shown, PRESETS), default, PRESETS) == shown
    assert TrainingRequest.model_validate(train_body(shown)).config == config
    ast.parse(as_python("http://x", "train", train_body(shown)))


@given(configs, coverages, st.sampled_from(["", "phase-diagram-12"]), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_a_phase_page_survives_its_link_and_makes_a_request(config, shares, job, seeds):
    shown = PhaseState(("grid-2x8", "grid-3x4"), shares, config, seeds, "published", job, "grid-2x8~0.4")
    default = PhaseState(("grid-2x4",), (0.5,), ControlledConfig(), preset="laptop")
    found = phase_from_query(phase_query(shown, PRESETS), default, PRESETS)
    # The axes take the place of the shared space, coverage and seed.
    axes = {name: getattr(ControlledConfig(), name) for name in ("space", "coverage", "seed")}
    assert asdict(found.config) == asdict(config) | axes
    assert (found.spaces, found.coverages, found.seeds, found.job, found.square) == (
        shown.spaces, shown.coverages, shown.seeds, shown.job, shown.square,
    )  # fmt: skip
    request = PhaseRequest.model_validate(phase_body(shown))
    assert len(request.configs()) == 2 * len(shares) * seeds
    assert phase_of_request(default, request.model_dump()).spaces == shown.spaces


def test_the_nearest_preset_is_the_one_with_the_fewest_other_settings():
    assert nearest_preset(ControlledConfig(width=256, layers=6, negatives="all", steps=7), PRESETS) == "published"
    assert nearest_preset(ControlledConfig(steps=7), PRESETS) == "laptop"
    assert nearest_preset(ControlledConfig(), {}) == ""


@pytest.mark.parametrize(
    ("page", "query", "part"),
    [
        ("complexity", {"kinds": "additive~magic"}, "magic"),
        ("complexity", {"coverages": "0.2~1.5"}, "coverages"),
        ("complexity", {"coverages": "few"}, "coverages"),
        ("complexity", {"seeds": "0"}, "seeds"),
        ("complexity", {"figure": "beauty"}, "beauty"),
        ("complexity", {"space": "mars"}, "mars"),
        ("complexity", {"job": "../../etc"}, "job"),
        ("complexity", {"second_model": "m", "second_modality": "sound"}, "sound"),
        ("train", {"coverage": "2"}, "coverage"),
        ("train", {"coverage": "much"}, "coverage must be a number"),
        ("train", {"steps": "many"}, "steps"),
        ("train", {"inputs": "smells"}, "smells"),
        ("train", {"preset": "gigantic"}, "gigantic"),
        ("phase", {"coverages": "0"}, "coverages"),
        ("phase", {"width": "63"}, "width"),
    ],
)
def test_a_wrong_link_is_refused_with_a_reason(page, query, part):
    readers = {
        "complexity": lambda: complexity_from_query(query, FIRST, SPACES),
        "train": lambda: train_from_query(query, TrainState(ControlledConfig(), "laptop"), PRESETS),
        "phase": lambda: phase_from_query(query, PhaseState(("grid-2x8",), (0.5,), ControlledConfig()), PRESETS),
    }
    with pytest.raises(InvalidInput, match=part):
        readers[page]()


def test_settings_that_this_dashboard_does_not_know_are_named():
    assert config_of({"width": 128}).width == 128
    with pytest.raises(InvalidInput, match="wings"):
        config_of({"wings": 2})


def test_a_grid_is_found_without_being_listed():
    assert SPACES["grid-2x9"].object_count == 81
    assert "grid-2x9" in SPACES
    assert "grid-2x9" not in list(SPACES)
    assert "mars" not in SPACES
    with pytest.raises(KeyError):
        SPACES["mars"]


def test_a_run_of_controlled_training_reads_scenes_that_cannot_be_drawn():
    run = ModelSummary(id="controlled:ab", family="controlled", modalities=["image", "text"], dim=4, source="x",
                       loaded=False, fingerprint=None)  # fmt: skip
    assert missing_tower(run, SPACES["grid-2x4"], "image") is None
    assert missing_tower(None, SPACES["grid-2x4"], "image") == "The space grid-2x4 cannot be drawn."


def job(**changes: object) -> JobModel:
    plain: dict[str, object] = {
        "id": "training-ff", "kind": "training", "title": "Training <b>", "state": "running", "done": 3, "total": 12,
        "failed": 1, "reused": 2, "fraction": 0.31, "stage": "Embedding", "rate": 14.2, "eta_s": 125.0,
        "elapsed_s": 50.0, "created_at": "2026-05-31T12:04:05.123Z", "started_at": "2026-05-31T12:04:06Z",
        "resumable": False, "request": {},
    }  # fmt: skip
    return JobModel.model_validate(plain | changes)


def test_a_running_job_tells_how_far_it_is_and_how_long_it_takes():
    live = [
        LiveCell(cell={"kind": "global_product", "coverage": 0.4, "seed": 1}, step=5, steps=9, seconds=1, history=[])
    ]
    shown = job_card(job(live=live), heading="A job")
    for part in ("Running", "3 of 12 trainings, 2 of them kept from before, 1 failed", 'aria-valuenow="31"',
                 "14.2 a minute · about 2 min left · 50 s so far", "product, coverage 0.4, seed 1: step 5 of 9",
                 "Training &lt;b&gt;"):  # fmt: skip
        assert part in shown
    assert progress_words(job(total=0, done=0, failed=0, reused=0)) == "preparing"
    single = {"total": 1, "done": 0, "failed": 0, "reused": 0}
    assert progress_words(job(**single)) == "31 %"
    assert progress_words(job(**single, state="failed")) == ""


def test_a_job_that_ended_says_what_happened():
    failures = [
        CellFailure(cell={"config": {"space": "grid-2x8", "coverage": 0.4, "seed": 0}}, error="<no memory>")
    ] * 7
    shown = job_card(job(state="failed", error="1 of 12 cells failed.", failures=failures))
    for part in ("✗", "Failed", "1 of 12 cells failed.", "grid-2x8, coverage 0.4, seed 0: ", "&lt;no memory&gt;",
                 "and 2 more", "took 50 s"):  # fmt: skip
        assert part in shown
    done = job_card(job(state="done", done=12, fraction=1.0, failed=0))
    assert "progressbar" not in done
    assert "Done" in done
    assert time_words(job(state="interrupted", started_at=None)) == ""


def test_words_for_cells_times_and_bars():
    assert cell_words({"kind": "mlp:64", "coverage": 0.5, "seed": 2}) == "MLP, 64 wide, coverage 0.5, seed 2"
    assert when("2026-05-31T12:04:05Z") == "2026-05-31 12:04 UTC"
    assert when(None) == ""
    assert [duration(s) for s in (8.44, 45, 200, 7500, 273_700)] == [
        "8.4 s",
        "45 s",
        "3 min 20 s",
        "2 h 5 min",
        "3 d 4 h",
    ]
    assert 'style="width:100.0%"' in bar(7.0, label="x")
