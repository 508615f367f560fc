import re
from urllib.parse import parse_qs, urlparse

import pytest

from browser_checks import reaches_beyond, serious_violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCENE = "shapes2d~~red~square~0.28~0.5~0.3~~blue~circle~0.72~0.5~0.3"
COMPOSE = f"/?scene={SCENE}&model=synthetic:bag&second=none"


@pytest.fixture
def compose(page, dashboard_url):
    page.goto(dashboard_url + COMPOSE)
    shape(page, "red square at 28%, 50%, 1 of 2").wait_for()
    page.get_by_label("Verdict", exact=True).wait_for()
    return page


def shape(page, name):
    return page.get_by_role("button", name=re.compile(rf"^{re.escape(name)}(?: at .*)?$"))


def scene_in_address(page) -> str:
    query = parse_qs(urlparse(page.evaluate("location.href")).query)
    return query.get("scene", [""])[0]


def wait_for_scene(page, pattern: str) -> str:
    page.wait_for_function(
        "pattern => new RegExp(pattern).test(new URLSearchParams(location.search).get('scene') ?? '')", arg=pattern
    )
    return scene_in_address(page)


def wait_for_other_picture(page, before: str) -> None:
    page.wait_for_function(
        "before => { const i = document.querySelector('.bs-seen img'); return i && i.src !== before; }", arg=before
    )


def picture(page) -> str:
    return page.locator(".bs-seen img").first.get_attribute("src")


def center(locator) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, locator, dx: float, dy: float) -> None:
    x, y = center(locator)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=5)
    page.mouse.up()


def said(page) -> str:
    return page.locator("p.status").inner_text()


def test_a_walk_with_the_mouse(compose):
    before = picture(compose)
    drag(compose, shape(compose, "red square").locator(".frame"), 0, -70)
    scene = wait_for_scene(compose, r"red~square~0\.28~0\.[123]")
    wait_for_other_picture(compose, before)
    assert scene.endswith("~~blue~circle~0.72~0.5~0.3")
    assert re.match(r"Red square at 28%, \d\d%", said(compose))

    # Dropped on another shape: pushed back, and said so.
    red, blue = shape(compose, "red square").locator(".frame"), shape(compose, "blue circle").locator(".frame")
    (x, y), (to_x, to_y) = center(red), center(blue)
    drag(compose, red, to_x - x, to_y - y)
    assert "Objects may not overlap" in said(compose)
    _, (left, top) = wait_for_scene(compose, r"red~square~0\.[2-9]"), places(compose)["red square"]
    assert left + 0.3 <= 0.72 or top + 0.3 <= 0.5

    compose.get_by_role("button", name="Mention the selected object later").click()
    wait_for_scene(compose, r"^shapes2d~~blue~circle~0.72~0.5~0.3~~red")
    for count in range(3, 7):
        compose.get_by_role("button", name="Add an object").click()
        wait_for_scene(compose, rf"^shapes2d(~~[^~]+(~[^~]+){{4}}){{{count}}}$")
    assert compose.get_by_role("button", name="Add an object").is_disabled()

    six = scene_in_address(compose)
    compose.get_by_role("button", name="Random scene").click()
    wait_for_scene(compose, rf"^(?!{re.escape(six)}$)shapes2d")
    compose.get_by_role("button", name="Undo", exact=True).click()
    wait_for_scene(compose, rf"^{re.escape(six)}$")


def places(page) -> dict[str, tuple[float, float]]:
    fields = [part.split("~") for part in scene_in_address(page).split("~~")[1:]]
    return {f"{color} {form}": (float(x), float(y)) for color, form, x, y, _ in fields}


def test_a_walk_with_the_keyboard_and_its_link(compose):
    shape(compose, "red square").focus()
    compose.keyboard.press("Tab")
    assert shape(compose, "blue circle").get_attribute("aria-pressed") == "true"
    compose.keyboard.press("Shift+Tab")
    compose.keyboard.press("ArrowUp")
    wait_for_scene(compose, r"red~square~0\.28~0\.47~0\.3")
    compose.go_back()
    shape(compose, "red square at 28%, 50%, 1 of 2").wait_for()

    shape(compose, "red square").focus()
    compose.keyboard.press("Shift+ArrowRight")
    wait_for_scene(compose, r"red~square~0\.285~0\.5~0\.3")
    compose.keyboard.press("+")
    wait_for_scene(compose, r"red~square~0\.285~0\.5~0\.32")
    compose.get_by_role("radio", name="green").check(force=True)
    compose.get_by_role("radio", name="star").check(force=True)
    edited = wait_for_scene(compose, r"green~star~0\.285~0\.5~0\.32")

    shape(compose, "green star").focus()
    compose.keyboard.press("Delete")
    assert wait_for_scene(compose, r"^shapes2d~~blue") == "shapes2d~~blue~circle~0.72~0.5~0.3"
    assert said(compose) == "Deleted green star."
    compose.keyboard.press("Control+z")
    assert wait_for_scene(compose, r"green~star") == edited
    compose.get_by_role("button", name="Redo").click()
    wait_for_scene(compose, r"^shapes2d~~blue")
    compose.get_by_role("button", name="Undo", exact=True).click()
    wait_for_scene(compose, rf"^{re.escape(edited)}$")

    fresh = compose.context.new_page()
    fresh.goto(compose.evaluate("location.href"))
    shape(fresh, "green star at 28%, 50%, 1 of 2").wait_for()
    assert scene_in_address(fresh) == edited
    fresh.close()


def test_a_survey_runs_and_a_click_in_the_atlas_opens_a_scene(page, dashboard_url):
    page.goto(f"{dashboard_url}/survey?model=synthetic:bag&count=60&seed=3")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Open its worst scene").wait_for()
    cells = page.locator(".st-key-survey-atlas-color .scatterlayer .point")
    cells.first.wait_for(state="attached")
    # A click on a chart that is still being drawn is lost.
    page.get_by_text("Provenance and downloads").wait_for()
    page.wait_for_timeout(500)
    page.mouse.click(*center(cells.first))
    page.get_by_role("heading", name="Compose").wait_for()
    page.get_by_label("Verdict", exact=True).wait_for()
    assert scene_in_address(page).startswith("shapes2d~~")

    # Back with the results still there; the list is the way without a mouse.
    page.get_by_role("link", name="Survey").click()
    page.get_by_role("button", name="Open its worst scene").click()
    page.get_by_role("heading", name="Compose").wait_for()
    page.get_by_label("Verdict", exact=True).wait_for()


PROBE = "/probe?model=synthetic:additive&space=mini"
DECOMPOSE = "/decompose?model=synthetic:additive&scene=mini~~red~square~~blue~circle"
INTERVENTIONS = "/interventions?model=synthetic:additive&scene=mini~~red~square~~blue~circle&edits=1&removal=1"
READY = {
    "/system": "Fingerprint",
    COMPOSE: "All scores and provenance",
    PROBE: "Provenance and downloads",
    DECOMPOSE: "Probes on the rebuilt scenes",
    INTERVENTIONS: "Provenance and downloads of the removal",
}


def settled(page, url: str, text: str) -> None:
    page.goto(url)
    page.get_by_text(text).first.wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_timeout(500)


@pytest.mark.usefixtures("mini")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path", [COMPOSE, "/survey?model=synthetic:bag&count=40&run=1", "/system", PROBE, DECOMPOSE, INTERVENTIONS]
)
def test_no_page_has_a_serious_accessibility_violation(page, dashboard_url, path, scheme):
    page.emulate_media(color_scheme=scheme)
    settled(page, dashboard_url + path, READY.get(path, "Provenance and downloads"))
    assert not serious_violations(page)


@pytest.mark.usefixtures("mini")
@pytest.mark.parametrize("width", [700, 1280])
@pytest.mark.parametrize("path", [PROBE, DECOMPOSE, INTERVENTIONS])
def test_the_pages_of_the_geometry_fit_narrow_and_wide_windows(page, dashboard_url, path, width):
    page.set_viewport_size({"width": width, "height": 1000})
    try:
        settled(page, dashboard_url + path, READY[path])
        assert reaches_beyond(page, ".bs-fact, .bs-shots figure, .js-plotly-plot", width=width) == 0
    finally:
        page.set_viewport_size({"width": 1280, "height": 1000})


@pytest.mark.usefixtures("mini")
def test_an_edit_by_hand_moves_the_wanted_scene_and_the_link_reopens_it(page, dashboard_url):
    settled(page, dashboard_url + INTERVENTIONS.partition("&edits")[0] + "&object=1&replacement=green~star", "Lands on")
    page.get_by_label("New color").click()
    page.get_by_role("option", name="yellow").click()
    page.wait_for_function("location.search.includes('replacement=yellow')")
    page.get_by_text("a yellow star and a blue circle").first.wait_for()
    page.reload()
    page.get_by_text("a yellow star and a blue circle").first.wait_for()
