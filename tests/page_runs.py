"""Pages of the dashboard in Streamlit's own test runner, and what they show."""

from streamlit.testing.v1 import AppTest

from bindscope_dashboard.pages import PAGES

_SECONDS = 60


def script_of(name: str) -> str:
    """What runs the page at an address alone."""
    noun = next(entry.noun for group in PAGES.values() for entry in group if entry.address == name)
    return f"from bindscope_dashboard.pages.{noun} import page; page.page()"


def opened(name: str, **query: str) -> AppTest:
    """The page after its first run with this query; it raised nothing."""
    script = script_of(name)
    page = AppTest.from_string(script, default_timeout=_SECONDS)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def html_of(page: AppTest) -> str:
    """All of the page's own HTML."""
    return " ".join(element.proto.body for element in page.get("html"))


def query_of(page: AppTest) -> dict[str, str]:
    """What stands in the address."""
    return {name: values[0] if isinstance(values, list) else values for name, values in page.query_params.items()}
