"""Tables to take away."""

from bindscope.features.near_duplicates.schemas import NearDuplicatesResponse
from bindscope.features.retrievals.schemas import RetrievalResponse
from bindscope_dashboard.shared.exports import csv_text
from bindscope_dashboard.shared.scene_text import in_words


def retrieval_csv(found: RetrievalResponse) -> str:
    """Every result of every listed query."""
    rows = [
        (
            in_words(item.scene),
            item.text,
            item.rank,
            place,
            in_words(hit.scene),
            hit.text,
            hit.score,
            hit.right,
            hit.twin,
        )
        for item in found.items
        for place, hit in enumerate(item.results, start=1)
    ]
    head = ("query", "query_text", "rank", "place", "result", "result_text", "score", "right", "twin")
    return csv_text(head, rows)


def near_duplicates_csv(found: NearDuplicatesResponse) -> str:
    """The closest pairs."""
    return csv_text(("cosine", "first", "second", "swap"), [(p.cosine, p.first, p.second, p.swap) for p in found.pairs])
