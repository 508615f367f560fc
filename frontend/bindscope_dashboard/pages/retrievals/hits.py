"""What a query finds, as HTML: the query, then the best results with the right one and the twin marked by word."""

import base64
from collections.abc import Sequence

from bindscope.features.retrievals.schemas import RetrievalItem, RetrievedItem
from bindscope_dashboard.shared.html import Child, Html, joined, tag
from bindscope_dashboard.shared.scene_text import in_words
from bindscope_dashboard.shared.wording import score

#: Results of a query that are shown, and the side of their pictures.
RESULTS, PIXELS = 5, 96


def rows(items: Sequence[RetrievalItem], pictures: Sequence[Sequence[bytes | None]]) -> Html:
    """A row for each query. ``pictures``: of the query and of its results, None where it is a caption."""
    return joined(*(_row(item, own) for item, own in zip(items, pictures, strict=True)))


def _row(item: RetrievalItem, pictures: Sequence[bytes | None]) -> Html:
    said = in_words(item.scene)
    query = _cell("Query", said, text=item.text, picture=pictures[0], cls="query")
    results = [
        _result(place, result, picture)
        for place, (result, picture) in enumerate(zip(item.results[:RESULTS], pictures[1:], strict=True), start=1)
    ]
    found = "found first" if item.rank == 1 else f"found at rank {item.rank:,}"
    note = tag("p", f"{said}: {found}", cls="bs-muted note")
    return tag(
        "section", note, tag("div", query, *results, cls="bs-hits"), cls="bs-hit-row", aria_label=f"Query: {said}"
    )


def _result(place: int, result: RetrievedItem, picture: bytes | None) -> Html:
    mark = "✓ right" if result.right else "⇄ twin" if result.twin else ""
    kind = "right" if result.right else "twin" if result.twin else ""
    heading = joined(f"{place}. {score(result.score)}", tag("b", f" {mark}") if mark else "")
    return _cell(heading, in_words(result.scene), text=result.text, picture=picture, cls=kind)


def _cell(heading: Child, said: str, *, text: str | None, picture: bytes | None, cls: str) -> Html:
    if picture is not None:
        source = "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
        shown = tag("img", src=source, alt=said)
    else:
        shown = tag("p", text or said, cls="said")
    return tag("figure", tag("figcaption", heading), shown, cls=f"bs-hit {cls}".strip())
