"""One HTML file: opened in Chromium with the network off, its numbers those of the service."""

import json
import os
import re
import subprocess
import sys

import pytest

from browser_checks import serious_violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    environment = {**os.environ, "BINDSCOPE_DATA_DIR": str(tmp_path_factory.mktemp("data")), "OMP_NUM_THREADS": "1"}

    def run(*arguments):
        command = [sys.executable, "-m", "bindscope", *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=170, check=False)

    return run


@pytest.fixture(scope="module")
def report(call, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "report.html"
    models = ("--model", "bundled:tiny-bag", "--model", "synthetic:order-blind")
    done = call("report", *models, "--count", 40, "--limit", 200, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_it_renders_with_the_network_off_and_asks_for_nothing(report, browser, scheme, width) -> None:
    asked = []
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    assert page.get_by_role("heading", level=1).inner_text().startswith("Concept binding")
    assert page.locator(".track").count() > 10
    bars = page.locator(".bars").first
    assert bars.locator(".value").first.bounding_box()["x"] > bars.locator(".name").first.bounding_box()["x"]
    assert page.eval_on_selector_all("img", "all => all.every(i => i.naturalWidth > 0)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious_violations(page) == []
    context.close()
    assert all(url.startswith(("file:", "data:")) for url in asked)


def test_it_is_one_small_file_without_scripts(report) -> None:
    text = report.read_text(encoding="utf-8")
    assert report.stat().st_size < 5_000_000
    assert "<script" not in text
    assert not re.search(r"(src|href)=['\"](?!data:)", text)


def test_its_numbers_are_those_of_the_commands_and_it_says_how_to_make_it_again(report, call) -> None:
    text = report.read_text(encoding="utf-8")
    survey = call("check", "-m", "bundled:tiny-bag", "-s", "clevr2d", "--count", 40, "--min", 0, "--json")
    own = json.loads(survey.stdout)["swap_accuracy"]
    assert f"{100 * own['value']:.1f} % ({100 * own['low']:.1f} to {100 * own['high']:.1f}, n = {own['n']})" in text
    again = "bindscope report --model bundled:tiny-bag --model synthetic:order-blind --space clevr2d --count 40"
    assert again in text
    fingerprint = json.loads(survey.stdout)["provenance"]["fingerprint"]
    assert fingerprint in text


def test_a_file_that_cannot_be_written_is_one_sentence(call, tmp_path) -> None:
    done = call("report", "-m", "synthetic:bag", "--count", 10, "--limit", 20, "--out", tmp_path)
    assert done.returncode == 1
    assert "is a folder" in done.stderr
