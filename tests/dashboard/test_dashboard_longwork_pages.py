import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from bindscope.client import BindscopeClient
from bindscope.features.jobs.schemas import JobModel
from page_runs import html_of, opened, query_of

pytestmark = [pytest.mark.usefixtures("mini"), pytest.mark.timeout(300)]

_RUN = 60
PAGES = ["complexity", "train", "phase", "jobs"]
TINY = {"width": "16", "layers": "1", "heads": "2", "feedforward": "16", "dim": "16", "batch": "32",
        "evaluation_scenes": "32", "test_scenes": "50", "evaluate_every": "10", "steps": "20"}  # fmt: skip
CONFIG = {name: int(value) for name, value in TINY.items()}
FITS = {"model": "synthetic:additive", "space": "mini", "kinds": "additive", "coverages": "0.5", "seeds": "1"}
SOURCE = {"model": "synthetic:additive", "space": "mini", "modality": "image"}


@pytest.fixture(autouse=True)
def _fresh(service_url, monkeypatch):
    monkeypatch.setenv("BINDSCOPE_API_URL", service_url)
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def client(service_url):
    with BindscopeClient(service_url) as client:
        yield client


@pytest.fixture
def finished(ended):
    def wait(job: JobModel) -> JobModel:
        found = ended(job)
        assert found.state == "done", (found.error, found.failures)
        return found

    return wait


@pytest.fixture
def fits(client, finished) -> JobModel:
    return finished(client.complexity(SOURCE, kinds=["additive"], coverages=[0.5], seeds=[0, 1]))


@pytest.fixture
def training(client, finished) -> JobModel:
    return finished(client.train({"space": "grid-2x4", "coverage": 0.6, **CONFIG}))


@pytest.fixture
def diagram(client, finished) -> JobModel:
    return finished(client.phase_diagram(["grid-2x4", "grid-2x5"], [0.5], seeds=[0, 1], config=CONFIG))


def told(page: AppTest) -> str:
    boxes = [*page.error, *page.warning, *page.info, *page.caption, *page.markdown, *page.subheader]
    return " ".join([html_of(page), *(box.value for box in boxes)]).replace("\\", "")


def alts(page: AppTest) -> str:
    return " ".join(chart.proto.alt for chart in page.get("plotly_chart"))


def test_start_returns_at_once_with_the_job_in_the_link_and_the_curves_follow(client, finished):
    page = opened("complexity", **FITS)
    assert "1 family × 1 coverage × 1 seed = 1 fit" in told(page)
    page.button(key="complexity.start").click().run()
    assert not page.exception
    job = query_of(page)["job"]
    assert job.startswith("complexity-")
    finished(client.job(job))
    page.run()
    assert not page.exception
    assert "Done" in html_of(page)
    assert len(page.get("plotly_chart")) == 1
    assert "Fits of synthetic:additive, image, mini" in html_of(page)
    page.segmented_control(key="complexity.measure").set_value("object").run()
    assert query_of(page)["figure"] == "object"
    assert not page.exception


def test_a_link_with_nothing_but_the_job_shows_its_settings_and_its_curves(fits):
    page = opened("complexity", job=fits.id)
    assert page.selectbox(key="complexity.model").value == "synthetic:additive"
    assert page.multiselect(key="complexity.kinds").value == ["additive"]
    assert page.number_input(key="complexity.seeds").value == 2
    assert fits.title in html_of(page)
    assert "binding score on unseen objects against coverage, synthetic:additive" in alts(page)


def test_two_sources_stand_side_by_side(fits, client, finished):
    other = finished(client.complexity(SOURCE | {"model": "synthetic:bag"}, kinds=["additive"],
                                               coverages=[0.5], seeds=[0, 1]))  # fmt: skip
    page = opened("complexity", job=fits.id, second_job=other.id)
    assert page.toggle(key="complexity.compare").value
    assert page.selectbox(key="complexity.second.model").value == "synthetic:bag"
    assert len(page.get("plotly_chart")) == 2
    assert query_of(page)["second_job"] == other.id


def test_a_job_is_cancelled_and_resumed_on_its_page(client, ended):
    job = client.complexity(SOURCE | {"model": "synthetic:product"}, kinds=["mlp:64", "gradient_boosting"],
                            coverages=[0.3, 0.5, 0.7], seeds=list(range(12)))  # fmt: skip
    page = opened("complexity", job=job.id)
    assert 'role="progressbar"' in html_of(page)
    page.button(key=f"job.cancel.{job.id}").click().run()
    assert not page.exception
    assert ended(job).state == "cancelled"
    page.run()
    assert "Cancelled" in html_of(page)
    page.button(key=f"job.resume.{job.id}").click().run()
    assert not page.exception
    assert client.job(job.id).state in ("queued", "running", "done")
    client.cancel_job(job.id)
    ended(job)


@pytest.mark.parametrize("name", ["complexity", "train", "phase"])
def test_a_job_that_is_not_there_is_explained(name):
    page = opened(name, job="complexity-000000000000")
    assert "complexity-000000000000" in told(page)


def test_a_job_of_another_page_is_not_shown_but_named(fits):
    page = opened("train", job=fits.id)
    assert "This job is a complexity." in told(page)
    assert page.button(key=f"job.elsewhere.{fits.id}").label.endswith("Complexity")


def test_a_training_starts_from_its_link_and_shows_its_curves_and_its_model(client, finished):
    page = opened("train", space="grid-2x4", coverage="0.7", **TINY)
    assert page.number_input(key="train.config.width").value == 16
    page.button(key="train.start").click().run()
    assert not page.exception
    job = finished(client.job(query_of(page)["job"]))
    page.run()
    assert not page.exception
    shown = told(page)
    for text in ("Unseen objects", "20 steps on CPU", "Use this model:", "History"):
        assert text in shown
    assert "Loss against the step" in alts(page)
    again = opened("train", job=job.id)
    assert again.number_input(key="train.config.coverage").value == 0.7
    assert again.selectbox(key="train.config.space").value == "grid-2x4"


def test_settings_that_do_not_go_together_are_explained_and_nothing_starts():
    page = opened("train", space="grid-2x4", **TINY)
    page.number_input(key="train.config.width").set_value(17).run()
    assert not page.exception
    assert "width must be even" in told(page)
    assert "job" not in query_of(page)


def test_a_preset_fills_the_form():
    page = opened("train")
    presets = page.selectbox(key="train.preset").options
    page.selectbox(key="train.preset").select("published").run()
    assert not page.exception
    assert page.number_input(key="train.config.layers").value == 6
    assert "published" in presets


def test_a_finished_run_is_in_the_history_and_can_be_deleted(client, finished):
    run = finished(client.train({"space": "grid-2x3", "coverage": 0.7, **CONFIG})).result["run"]
    page = opened("train")
    page.selectbox(key="train.runs").select(run).run()
    assert f"controlled:{run}" in html_of(page)
    page.button(key="train.run.delete").click().run()
    assert not page.exception
    assert run not in {known.run for known in client.trainings().runs}


def test_a_phase_diagram_starts_and_shows_its_squares_and_their_curves(diagram):
    page = opened("phase", spaces="grid-2x4~grid-2x5", coverages="0.5", seeds="2", **TINY)
    assert "2 spaces × 1 coverage × 2 seeds = 4 trainings of 20 steps" in told(page)
    page = opened("phase", job=diagram.id)
    page.button(key="phase.start").click().run()
    assert not page.exception
    # Equal requests are one job.
    assert query_of(page)["job"] == diagram.id
    assert "grid-2x5, coverage 50 %" in alts(page)
    page.selectbox(key="phase.square").select_index(1).run()
    assert not page.exception
    assert query_of(page)["square"] == "grid-2x5~0.5"
    assert "Loss against the step" in alts(page)
    page.segmented_control(key="phase.seed").set_value(1).run()
    assert not page.exception
    again = opened("phase", job=diagram.id, square="grid-2x5~0.5")
    assert again.selectbox(key="phase.square").value == 1
    assert again.multiselect(key="phase.spaces").value == ["grid-2x4", "grid-2x5"]


def test_jobs_lists_all_work_and_a_link_opens_the_details_of_one(fits, training):
    page = opened("jobs", job=training.id)
    shown = html_of(page)
    assert shown.index(training.title) < shown.index(fits.title)
    assert any("grid-2x4" in block.value for block in page.code)
    page.button(key=f"jobs.details.{training.id}").click().run()
    assert not page.exception
    assert not page.code
    assert "job" not in query_of(page)
    page.button(key=f"jobs.delete.{training.id}").click().run()
    assert not page.exception
    assert training.title not in html_of(page) or training.id not in {b.key for b in page.button}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_explains_a_missing_service(name, monkeypatch):
    monkeypatch.setenv("BINDSCOPE_API_URL", "http://127.0.0.1:9")
    page = opened(name)
    assert page.code[0].value == "bindscope serve"


def test_without_a_store_the_pages_say_that_jobs_need_one(storeless_url, monkeypatch):
    monkeypatch.setenv("BINDSCOPE_API_URL", storeless_url)
    complexity = opened("complexity")
    complexity.button(key="complexity.start").click().run()
    for page in (complexity, opened("train"), opened("jobs")):
        assert not page.exception
        assert "store" in " ".join(box.value for box in page.error)


@pytest.mark.parametrize(
    ("name", "path"), [("complexity", "/v1/complexity"), ("train", "/v1/trainings"), ("phase", "/v1/phase-diagrams")]
)
def test_the_request_is_offered_as_curl_and_as_python(name, path):
    page = opened(name)
    assert any("curl" in block.value and path in block.value for block in page.code)
    page.segmented_control(key=f"{name}.share.form").set_value("Python").run()
    assert any("BindscopeClient" in block.value for block in page.code)


@pytest.mark.parametrize(
    ("name", "query", "part"),
    [
        ("complexity", {"kinds": "magic"}, "magic"),
        ("train", {"coverage": "7"}, "coverage"),
        ("phase", {"coverages": "none"}, "coverages"),
        ("jobs", {"job": "../x"}, "job"),
    ],
)
def test_a_broken_link_is_explained_and_the_page_still_works(name, query, part):
    page = opened(name, **query)
    assert part in page.warning[0].value.replace("\\", "")
