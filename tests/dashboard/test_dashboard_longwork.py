import pytest

from bindscope.core.errors import InvalidInput
from bindscope.features.jobs.schemas import CellFailure, JobModel, LiveCell
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.controlled import ControlledConfig
from bindscope_dashboard.pages.complexity.findings import source_title
from bindscope_dashboard.shared.job_cards import bar, cell_words, job_card, progress_words, time_words, when
from bindscope_dashboard.shared.service import Spaces
from bindscope_dashboard.shared.training import config_of, nearest_preset
from bindscope_dashboard.shared.wording import duration

SPACES = Spaces(BUILTIN_SPACES)
PRESETS = {"laptop": ControlledConfig(), "published": ControlledConfig(width=256, layers=6, negatives="all")}


def test_the_nearest_preset_is_the_one_with_the_fewest_other_settings():
    assert nearest_preset(ControlledConfig(width=256, layers=6, negatives="all", steps=7), PRESETS) == "published"
    assert nearest_preset(ControlledConfig(steps=7), PRESETS) == "laptop"
    assert nearest_preset(ControlledConfig(), {}) == ""


def test_an_upload_is_named_by_the_first_of_its_id():
    assert source_title({"dataset": "0123456789abcdef"}) == "upload 01234567"


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
