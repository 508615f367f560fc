"""The manual: built strictly, read without a network. Its commands are tried in ``tests/cli/test_commands.py``."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(out)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False, env=quiet)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_every_page_is_built_and_nothing_is_loaded_from_elsewhere(site) -> None:
    built = {path.relative_to(site).with_suffix(".md") for path in site.rglob("*.html")}
    wanted = {path.relative_to(ROOT / "docs") for path in PAGES if path.name != "README.md"}
    assert wanted <= built
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|link)[^>]+(?:src|href)=[\"'](https?:[^\"']+)", text)
        assert [url for url in loaded if "canonical" not in url] == [], path


def test_formulas_are_drawn_by_the_browser_itself(site) -> None:
    text = (site / "methods" / "verdicts.html").read_text(encoding="utf-8")
    assert "<math" in text
    assert "$$" not in text


def test_the_reference_has_every_route(site) -> None:
    import json

    text = (site / "api.html").read_text(encoding="utf-8")
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    missing = [path for path in paths if path not in text]
    assert missing == []


@pytest.mark.browser
def test_the_search_works_from_a_file_with_the_network_off(site, browser) -> None:
    asked = []
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "methods" / "verdicts.html").as_uri())
    page.locator(".md-search__input").click()
    page.keyboard.type("noise floor")
    page.locator(".md-search-result__link").first.wait_for(timeout=20_000)
    assert page.locator("math").count() > 3
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_every_picture_has_words() -> None:
    for path in PAGES:
        for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
            assert len(words) > 8, path
            assert (path.parent / target).is_file(), target
