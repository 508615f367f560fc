from urllib.parse import parse_qs, urlparse

import pytest

from bindscope.client import BindscopeClient
from browser_checks import reaches_beyond, serious_violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.usefixtures("mini")]

_WAIT = 120_000
SOURCE = {"model": "synthetic:additive", "space": "mini", "modality": "image"}
CONFIG = {"width": 16, "layers": 1, "heads": 2, "feedforward": 16, "dim": 16, "batch": 32, "evaluation_scenes": 32,
          "test_scenes": 50, "evaluate_every": 10, "steps": 20}  # fmt: skip


@pytest.fixture(scope="module")
def links(service_url, mini, ended) -> dict[str, str]:
    """A finished job for each page."""
    with BindscopeClient(service_url) as client:
        jobs = {
            "complexity": client.complexity(SOURCE, kinds=["additive"], coverages=[0.4, 0.6], seeds=[0, 1]),
            "train": client.train({"space": "grid-2x4", "coverage": 0.6, **CONFIG}),
            "phase": client.phase_diagram(["grid-2x4"], [0.5, 0.6], config=CONFIG),
        }
        states = {name: ended(job).state for name, job in jobs.items()}
    assert states == dict.fromkeys(jobs, "done")
    return {name: f"/{name}?job={job.id}" for name, job in jobs.items()} | {"jobs": f"/jobs?job={jobs['phase'].id}"}


READY = {
    "complexity": "Reported by the paper",
    "train": "Runs of this installation",
    "phase": "Downloads",
    "jobs": "as it was asked for",
}


def job_in_address(page) -> str:
    return parse_qs(urlparse(page.evaluate("location.href")).query).get("job", [""])[0]


def settled(page, url: str, text: str) -> None:
    page.goto(url)
    page.get_by_text(text).first.wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_timeout(500)


@pytest.mark.slow
def test_a_job_is_started_watched_reloaded_and_found_again(page, dashboard_url):
    query = "model=synthetic:product&space=mini&modality=image&kinds=additive&coverages=0.4~0.6&seeds=6"
    page.goto(f"{dashboard_url}/complexity?{query}")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("progressbar").wait_for()
    page.wait_for_function("new URLSearchParams(location.search).get('job')")
    job = job_in_address(page)
    page.locator(".bs-job.done").wait_for()
    page.locator(".st-key-complexity-columns .js-plotly-plot").wait_for()
    page.reload()
    page.locator(".bs-job.done").wait_for()
    assert job_in_address(page) == job
    # A link with nothing but the job, in a fresh browser.
    fresh = page.context.browser.new_context()
    tab = fresh.new_page()
    tab.set_default_timeout(_WAIT)
    tab.goto(f"{dashboard_url}/complexity?job={job}")
    tab.locator(".st-key-complexity-columns .js-plotly-plot").wait_for()
    assert "12 of 12 fits" in tab.locator(".bs-job").inner_text()
    fresh.close()


def test_a_square_is_clicked_and_its_model_is_opened_in_probe(page, dashboard_url, links):
    settled(page, dashboard_url + links["phase"], READY["phase"])
    points = page.locator(".st-key-phase-columns .scatterlayer .point")
    box = points.nth(1).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("new URLSearchParams(location.search).get('square') === 'grid-2x4~0.6'")
    page.get_by_role("heading", name="coverage 60 %").wait_for()
    # The list is the way without a mouse, and the last choice counts.
    page.get_by_label("Or choose a square").click()
    page.get_by_role("option").first.click()
    page.get_by_role("heading", name="coverage 50 %").wait_for()
    page.wait_for_timeout(1500)
    assert page.get_by_role("heading", name="coverage 50 %").is_visible()
    page.get_by_role("button", name="Probe").click()
    page.get_by_role("heading", name="Probe", exact=True).wait_for()
    page.get_by_text("Image probe: held out against training").wait_for()
    page.get_by_text("Text probe: held out against training").wait_for()
    assert "controlled%3A" in page.url or "controlled:" in page.url


def test_a_job_is_opened_from_the_list_of_jobs(page, dashboard_url, links):
    settled(page, dashboard_url + links["jobs"], READY["jobs"])
    page.get_by_role("button", name="Open", exact=True).first.click()
    page.get_by_role("heading", name="Phase", exact=True).wait_for()
    page.get_by_text("Downloads").first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", list(READY))
def test_no_page_of_long_work_has_a_serious_accessibility_violation(page, dashboard_url, links, name, scheme):
    page.emulate_media(color_scheme=scheme)
    settled(page, dashboard_url + links[name], READY[name])
    assert not serious_violations(page)


@pytest.mark.parametrize("width", [700, 1280])
@pytest.mark.parametrize("name", list(READY))
def test_the_pages_of_long_work_fit_narrow_and_wide_windows(page, dashboard_url, links, name, width):
    page.set_viewport_size({"width": width, "height": 1000})
    try:
        settled(page, dashboard_url + links[name], READY[name])
        assert reaches_beyond(page, ".bs-fact, .bs-job, .js-plotly-plot", width=width) == 0
    finally:
        page.set_viewport_size({"width": 1280, "height": 1000})
