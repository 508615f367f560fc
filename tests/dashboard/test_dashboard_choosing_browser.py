import pytest

from browser_checks import reaches_beyond, serious_violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.usefixtures("mini")]

LINKS = {
    "retrieve": ("/retrieve?model=synthetic:bag&space=mini&queries=30", "Provenance and downloads"),
    "repair": ("/repair?model=synthetic:additive&space=shapes2d&limit=700&run=1", "Provenance and downloads"),
    "map": ("/map?model=synthetic:additive&space=mini", "Provenance and downloads"),
    "compare": ("/compare?models=synthetic:bag+synthetic:additive&space=mini&count=20", "Provenance and downloads"),
}


def settled(page, dashboard_url, name) -> None:
    url, text = LINKS[name]
    page.goto(dashboard_url + url)
    page.get_by_text(text).first.wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_timeout(500)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", list(LINKS))
def test_no_page_of_choosing_has_a_serious_accessibility_violation(page, dashboard_url, name, scheme):
    page.emulate_media(color_scheme=scheme)
    settled(page, dashboard_url, name)
    assert not serious_violations(page)


@pytest.mark.parametrize("width", [700, 1280])
@pytest.mark.parametrize("name", list(LINKS))
def test_the_pages_of_choosing_fit_narrow_and_wide_windows(page, dashboard_url, name, width):
    page.set_viewport_size({"width": width, "height": 1000})
    try:
        settled(page, dashboard_url, name)
        assert reaches_beyond(page, ".bs-fact, .bs-hit, .js-plotly-plot", width=width) == 0
    finally:
        page.set_viewport_size({"width": 1280, "height": 1000})


def test_a_box_around_points_lists_their_scenes_with_pictures(page, dashboard_url):
    settled(page, dashboard_url, "map")
    page.locator(".js-plotly-plot .modebar-btn[data-val=select]").click()
    plot = page.locator(".js-plotly-plot .nsewdrag").first
    box = plot.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 10, steps=8)
    page.mouse.up()
    page.get_by_text("scenes selected").first.wait_for()
    page.locator(".bs-strip img").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Selection (CSV)").click()
    assert download.value.suggested_filename == "selection.csv"


def test_a_point_under_the_pointer_shows_its_picture(page, dashboard_url):
    settled(page, dashboard_url, "map")
    at = page.evaluate(
        """() => {
            const plot = document.querySelector('.js-plotly-plot');
            const {xaxis, yaxis} = plot._fullLayout, trace = plot._fullData[0];
            const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
            return [box.left + xaxis.d2p(trace.x[0]), box.top + yaxis.d2p(trace.y[0])];
        }"""
    )
    page.mouse.move(5, 5)
    page.mouse.move(*at, steps=5)
    page.locator(".hover-picture svg").wait_for(state="visible")
    assert page.locator(".hover-picture svg path").count() == 2
    page.mouse.move(5, 5)
    page.locator(".hover-picture").wait_for(state="hidden")


def test_a_figure_is_saved_in_the_format_of_the_share_menu(page, dashboard_url):
    settled(page, dashboard_url, "retrieve")
    for name, ending in (("PNG", ".png"), ("SVG", ".svg")):
        page.get_by_role("button", name="Share").click()
        page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name, exact=True)).first.click()
        page.keyboard.press("Escape")
        page.wait_for_timeout(1000)
        page.locator(".js-plotly-plot").first.hover()
        with page.expect_download() as download:
            page.locator(".js-plotly-plot .modebar-btn").first.click()
        assert download.value.suggested_filename == f"bindscope-recall{ending}"
