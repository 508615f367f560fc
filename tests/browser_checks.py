"""What every page of the dashboard has to keep in a real browser."""

from typing import Any


def serious_violations(page: Any) -> list[tuple[str, object, str]]:
    """Violations that axe calls serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    return [(v["id"], node["target"], node["failureSummary"]) for v in serious for node in v["nodes"]]


def reaches_beyond(page: Any, selector: str, *, width: int) -> int:
    """How many elements, or the page itself, reach beyond a window of this width."""
    wide = page.evaluate("document.documentElement.scrollWidth") > width
    cut = page.evaluate(
        "selector => [...document.querySelectorAll(selector)]"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).length",
        selector,
    )
    return int(cut) + int(wide)
