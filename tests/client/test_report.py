"""The page of a report, without a service: what it quotes is text, whatever it holds."""

import pytest

from bindscope.client.report.collect import ModelPart, Report, ReportSpec
from bindscope.client.report.figures import share
from bindscope.client.report.page import page_of
from bindscope.core.wire import Interval

HOSTILE = "<script>alert('x')</script>&amp;\"{{ 7 * 7 }}"


def report(**found) -> Report:
    part = ModelPart(HOSTILE, HOSTILE, HOSTILE, **found)
    return Report(ReportSpec((HOSTILE,), space=HOSTILE), [part], HOSTILE, HOSTILE, HOSTILE)


@pytest.fixture
def page() -> str:
    return page_of(report(probes={"image": HOSTILE}, retrieval=HOSTILE))


def test_names_and_sentences_are_shown_as_they_are_and_never_run(page) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;&#34;{{ 7 * 7 }}" in page


def test_a_sentence_stands_where_a_model_can_do_nothing(page) -> None:
    for heading in ("Caption contest", "Linear probes", "Retrieval among swapped twins"):
        assert f"<h3>{heading}</h3>" in page
    assert page.count("The embeddings could not be probed") == 3
    assert "<table>" not in page


def test_a_page_is_a_whole_document_that_names_its_policy(page) -> None:
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    assert "{%" not in page


def test_a_share_is_told_with_its_interval() -> None:
    assert share(Interval(value=0.542, low=0.47, high=0.611, n=200)) == "54.2 % (47.0 to 61.1, n = 200)"
    assert share(Interval(value=None, low=None, high=None, n=0)) == "no such scene"
