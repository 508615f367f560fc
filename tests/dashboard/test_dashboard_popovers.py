"""Looking is not changing: a popover that was opened and closed leaves every setting as it was."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlparse

import pytest

from request_recorder import Recorder, recording

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.usefixtures("mini")]

_SCENE = "mini~~red~square~~blue~circle"
_PATIENCE_MS = 30_000


@dataclass(frozen=True)
class Case:
    """``change``: the one other thing, which the requests name ``differs``. ``press``: the button that sends them.
    ``waits``: the page asks nothing before it has a file, so its link is looked at."""

    link: str
    change: Callable[[Any], None]
    differs: str
    press: str | None = None
    waits: bool = False


def picked(label: str, option: str) -> Callable[[Any], None]:
    def change(page: Any) -> None:
        page.get_by_label(label, exact=True).first.click()
        page.get_by_role("option", name=option, exact=True).click()

    return change


def typed(label: str, value: str) -> Callable[[Any], None]:
    def change(page: Any) -> None:
        field = page.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")

    return change


CASES = {
    "compose": Case(f"/?scene={_SCENE}&model=synthetic:bag&second=none&template=photo&orders=given",
                    picked("Model", "synthetic:additive"), "model"),
    "survey": Case("/survey?model=synthetic:bag&space=mini&count=40&layout=slots&only_valid_swaps=1&control=blank&"
                   "template=a+drawing+of+{}&articles=a_or_an", typed("Objects", "3"), "objects", press="Run"),
    "probe": Case("/probe?model=synthetic:bag&space=mini", picked("Concept space", "other"), "space"),
    "probe of a link": Case("/probe?model=synthetic:bag&space=mini&train_percent=55&limit=70&seed=3",
                            picked("Concept space", "other"), "space"),
    "decompose": Case(f"/decompose?model=synthetic:bag&scene={_SCENE}&test_percent=30&limit=90&seed=2",
                      picked("Model", "synthetic:additive"), "model"),
    "interventions": Case(f"/interventions?model=synthetic:bag&scene={_SCENE}&limit=80",
                          picked("Model", "synthetic:additive"), "model"),
    "complexity": Case("/complexity?model=synthetic:bag&space=mini&modality=image&limit=80",
                       typed("Seeds", "2"), "seeds", press="Start"),
    "map": Case("/map?model=synthetic:bag&space=mini", picked("Concept space", "other"), "space"),
    "compare": Case("/compare?models=synthetic:bag+synthetic:additive&space=mini&repair=1",
                    picked("Concept space", "other"), "space"),
    "retrieve": Case("/retrieve?model=synthetic:bag&space=mini&k=3", picked("Concept space", "other"), "space"),
    "repair": Case("/repair?model=synthetic:bag&space=shapes2d&percent=70&seed=4&run=1",
                   picked("Concept space", "mini"), "space", press="Repair"),
    "train": Case("/train?preset=laptop&learning_rate=0.002&width=32", typed("Steps", "90"), "config.steps",
                  press="Start"),
    "photo": Case("/photo?caption=a+red+cat+and+a+blue+dog&model=bundled:tiny-bag&second=none",
                  picked("Model", "bundled:tiny-bind"), "model", waits=True),
    "tests": Case("/tests?model=bundled:tiny-bag", picked("Model", "bundled:tiny-bind"), "model", waits=True),
    "phase": Case("/phase?preset=laptop&batch=32", typed("Steps", "90"), "config.steps", press="Start"),
}  # fmt: skip


@pytest.fixture(scope="module")
def heard(service_url) -> Iterator[Recorder]:
    with recording(service_url) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def open_page(browser, heard, dashboard_at) -> Iterator[Callable[[str], Any]]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    with dashboard_at(heard.url) as url:

        def opened(link: str) -> Any:
            # A session of its own, so that no page starts from what another one showed.
            page.goto("about:blank")
            heard.asked.clear()
            page.goto(url + link)
            page.get_by_role("button", name="What is binding?").wait_for()
            return page

        yield opened
    context.close()


@pytest.mark.parametrize("name", list(CASES))
def test_popovers_that_were_looked_into_change_nothing(heard, open_page, name):
    case = CASES[name]
    page = open_page(case.link)
    before = asked(page, heard, case)
    run_again(page)
    assert look_into_everything(page)
    heard.asked.clear()
    case.change(page)
    after = asked(page, heard, case)
    assert [path for path, _ in after] == [path for path, _ in before]
    found = {name for (_, one), (_, other) in zip(before, after, strict=True) for name in differences(one, other)}
    assert found == {case.differs}


def test_settings_of_a_popover_are_kept_as_fast_as_they_are_typed(heard, open_page):
    page = open_page(CASES["retrieve"].link)
    asked(page, heard, CASES["retrieve"])
    run_again(page)
    page.get_by_role("button", name="More", exact=True).click()
    for label, value in (("Recall at k", "7"), ("Queries", "61"), ("Seed", "5")):
        page.get_by_label(label, exact=True).fill(value)
        page.keyboard.press("Tab")
    settled(page)
    last = next(body for path, body in reversed(heard.asked) if path == "/v1/retrievals")
    assert (last["k"], last["queries"], last["seed"]) == (7, 61, 5)


def asked(page: Any, heard: Recorder, case: Case) -> list[tuple[str, Any]]:
    """The questions of the settings as they are, each once."""
    settled(page)
    if case.waits:
        return [("address", dict(parse_qsl(urlparse(page.evaluate("location.href")).query)))]
    if case.press is not None:
        heard.asked.clear()
        page.get_by_role("button", name=case.press, exact=True).click()
    until = time.monotonic() + _PATIENCE_MS / 1000
    while not heard.asked and time.monotonic() < until:
        page.wait_for_timeout(50)
    settled(page)
    found = [question for number, question in enumerate(heard.asked) if question not in heard.asked[:number]]
    asks = [question for question in found if question[0] != "/v1/scenes/render"]
    return sorted(asks, key=lambda question: question[0])


def settled(page: Any) -> None:
    """Nothing runs, and nothing has begun to run a moment later."""
    resting = page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    resting.wait_for()
    page.wait_for_timeout(120)
    resting.wait_for()


def run_again(page: Any) -> None:
    """One more run of the page: what only the first one told the browser is forgotten by then."""
    page.get_by_role("button", name="What is binding?").click()
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    settled(page)


def look_into_everything(page: Any) -> int:
    """Opens and closes every popover and every folded part; how many there were."""
    buttons, body = page.locator("[data-testid=stPopover] button"), page.locator("[data-testid=stPopoverBody]")
    for number in range(buttons.count()):
        buttons.nth(number).click()
        body.first.wait_for()
        page.wait_for_timeout(50)
        page.keyboard.press("Escape")
        body.first.wait_for(state="hidden")
    folded = page.locator("[data-testid=stExpander] summary:visible")
    for number in range(folded.count()):
        folded.nth(number).click()
        page.wait_for_timeout(100)
        folded.nth(number).click()
    settled(page)
    return buttons.count()


def differences(one: Any, other: Any, at: str = "") -> set[str]:
    """Where two JSON values differ; a source is part of its question."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = one.keys() | other.keys()
        return {d for n in names for d in differences(one.get(n), other.get(n), f"{at}.{n}".lstrip("."))}
    return set() if one == other else {at.removeprefix("source.")}
