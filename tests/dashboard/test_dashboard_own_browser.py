"""The pages of one's own data in Chromium, a bundle from one session to another, and the link of every page."""

import re

import pytest

from bindscope.client import BindscopeClient
from bindscope.scenes.scene import scene_in_slots
from browser_checks import reaches_beyond, serious_violations
from own_data import PAIRS, SPACE, picture_zip, png, zipped

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.usefixtures("mini")]

STAR = "shapes2d~~green~star~0.3~0.5~0.3~~red~heart~0.7~0.5~0.3"
PHOTO = "caption=a+tiny+cat+and+a+huge+dog&other=a+dog&model=bundled:tiny-bag&second=none"
BOARD = "models=synthetic:bag+synthetic:additive&space=mini&count=20&seed=2"
SCENE = "mini~~red~square~~blue~circle"
#: Every page with settings that are not its own, and a text that is there once it has settled.
PAGES = {
    "compose": (f"/?scene={STAR}&model=synthetic:bag&second=none", "All scores"),
    "survey": ("/survey?model=synthetic:bag&space=mini&count=30&seed=4&run=1", "Provenance and downloads"),
    "data": ("/data?tab=spaces", "Phrase of one object"),
    "photo": (
        f"/photo?{PHOTO}",
        "Drop a photo",
    ),
    "tests": ("/tests?model=bundled:tiny-bag", "Choose an archive"),
    "probe": ("/probe?model=synthetic:bag&space=mini&seed=3", "Provenance and downloads"),
    "decompose": (f"/decompose?model=synthetic:additive&scene={SCENE}&level=2", "residual"),
    "interventions": (
        f"/interventions?model=synthetic:additive&scene={SCENE}&object=1&replacement=green~star",
        "Nearest scenes",
    ),
    "complexity": ("/complexity?model=synthetic:bag&space=mini&seeds=2", "Press Start"),
    "map": ("/map?model=synthetic:additive&space=mini&method=pca", "Provenance and downloads"),
    "compare": (
        f"/compare?{BOARD}",
        "Provenance and downloads",
    ),
    "retrieve": ("/retrieve?model=synthetic:bag&space=mini&queries=20&seed=2", "Provenance and downloads"),
    "repair": ("/repair?model=synthetic:additive&space=mini&seed=2", "Press Repair"),
    "train": ("/train?preset=laptop&coverage=0.7", "Start"),
    "phase": ("/phase?preset=laptop", "Start"),
    "jobs": ("/jobs", "Jobs"),
    "system": ("/system", "Store"),
}


def settled(page, url, text) -> None:
    page.goto(url)
    page.get_by_text(text).first.wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_timeout(400)


def values(page) -> list[str]:
    """What every field of the page holds, once it has stopped changing."""
    before: list[str] = []
    for _ in range(20):
        text = "all => all.map(e => e.innerText)"
        typed = page.eval_on_selector_all("input:not([type=file]), textarea", "all => all.map(e => e.value)")
        chosen = page.eval_on_selector_all("[data-testid=stSelectbox], [data-testid=stMultiSelect]", text)
        pressed = page.eval_on_selector_all("[aria-checked=true], [aria-pressed=true]", text)
        now = sorted(filter(None, [*typed, *chosen, *pressed]))
        if now and now == before:
            return now
        before = now
        page.wait_for_timeout(500)
    return before


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PAGES))
def test_the_link_of_every_page_reopens_it_in_a_fresh_browser(page, browser, dashboard_url, name):
    path, text = PAGES[name]
    settled(page, dashboard_url + path, text)
    link, before = page.url, values(page)
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    try:
        other = context.new_page()
        settled(other, link, text)
        assert values(other) == before
        assert other.url == link
    finally:
        context.close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "toys.zip").write_bytes(picture_zip(PAIRS[:40]))
    alone = b"filename,object1_color,object1_shape\nx.png,red,square\n"
    (folder / "broken.zip").write_bytes(zipped({"labels.csv": alone}))
    (folder / "photo.png").write_bytes(png(scene_in_slots(SPACE, PAIRS[6])))
    return folder


@pytest.mark.slow
def test_pictures_are_looked_at_kept_embedded_and_asked_about(page, dashboard_url, archive, service_url):
    settled(page, f"{dashboard_url}/data", "Drop a file above")
    page.locator("input[type=file]").first.set_input_files(str(archive / "broken.zip"))
    page.get_by_text("at least two values").or_(page.get_by_text("one value only")).first.wait_for()
    page.locator("input[type=file]").first.set_input_files(str(archive / "toys.zip"))
    page.get_by_text("Read: 40 scenes").wait_for()
    assert not serious_violations(page)
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="Embed", exact=True).first.click()
    page.get_by_text("40 pictures, 0 of them were known").wait_for()
    assert not serious_violations(page)
    page.get_by_role("button", name="Survey").first.click()
    page.get_by_role("button", name="Run").click()
    page.get_by_text("Provenance and downloads").wait_for()
    assert "space=data-" in page.url


def test_a_photo_is_judged_by_two_models(page, dashboard_url, archive):
    settled(page, f"{dashboard_url}/photo?caption=a red square and a blue heart", "Drop a photo")
    page.locator("input[type=file]").first.set_input_files(str(archive / "photo.png"))
    page.get_by_text("Provenance").nth(1).wait_for()
    assert page.get_by_text(re.compile("Prefers the|Cannot tell")).count() == 2
    assert not serious_violations(page)


@pytest.mark.parametrize("width", [700, 1280])
@pytest.mark.parametrize("name", ["data", "photo", "tests"])
def test_the_new_pages_fit_narrow_and_wide_windows_in_the_dark(page, dashboard_url, name, width):
    page.set_viewport_size({"width": width, "height": 1000})
    page.emulate_media(color_scheme="dark")
    try:
        path, text = PAGES[name]
        settled(page, dashboard_url + path, text)
        assert reaches_beyond(page, ".bs-table, button, .stTextInput", width=width) == 0
        if width > 1000:  # below, Streamlit's own menu has a list that axe does not accept
            assert not serious_violations(page)
    finally:
        page.set_viewport_size({"width": 1280, "height": 1000})
        page.emulate_media(color_scheme="light")


def test_the_tour_can_be_walked_by_keyboard_and_does_not_stand_in_the_way(browser, dashboard_url):
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, color_scheme="dark")
    try:
        page = context.new_page()
        settled(page, dashboard_url, "1 of 4")
        assert not serious_violations(page)
        page.get_by_role("button", name="Next").focus()
        page.keyboard.press("Enter")
        page.get_by_text("2 of 4").wait_for()
        page.get_by_role("button", name="Skip").click()
        page.get_by_text("2 of 4").wait_for(state="detached")
        page.get_by_role("button", name="Tour").click()
        page.get_by_text("1 of 4").wait_for()
    finally:
        context.close()


def test_a_bundle_shows_its_results_where_its_model_is_gone(page, browser, dashboard_url, service_url, tmp_path):
    rows = b"text\n" + "\n".join(_texts(service_url)).encode()
    import numpy as np

    from own_data import npy

    with BindscopeClient(service_url) as client:
        vectors = np.random.default_rng(0).standard_normal((len(rows.splitlines()) - 1, 8)).astype(np.float32)
        mine = client.add_dataset(npy(vectors), labels=rows, filename="mine.npy")
    settled(page, f"{dashboard_url}/probe?model={mine.model}&space=mini", "Provenance and downloads")
    page.get_by_role("button", name="Share").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Bundle (.zip)").click()
    file = tmp_path / "bundle.zip"
    download.value.save_as(file)
    with BindscopeClient(service_url) as client:
        client.delete_dataset(mine.id)
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    try:
        other = context.new_page()
        settled(other, f"{dashboard_url}/system", "Store")
        other.get_by_role("button", name="Open a bundle").click()
        other.locator("input[type=file]").first.set_input_files(str(file))
        other.get_by_text("From a bundle of").wait_for()
        other.get_by_text("Provenance and downloads").wait_for()
        assert not serious_violations(other)
        other.get_by_role("button", name="Close bundle").click()
        other.get_by_text("From a bundle of").wait_for(state="detached")
    finally:
        context.close()


def _texts(service_url) -> list[str]:
    with BindscopeClient(service_url) as client:
        return client.space_texts("mini")
