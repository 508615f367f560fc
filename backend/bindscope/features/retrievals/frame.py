"""Retrieval as rows and a figure."""

from bindscope.client.figures import shares
from bindscope.client.rows import Record, binding_rows, row
from bindscope.features.retrievals.schemas import RetrievalResponse


def _rows(answer: RetrievalResponse) -> list[Record]:
    rows = binding_rows(answer.binding) + [row(f"recall@{k}", own) for k, own in answer.recall.items()]
    twins = row("swapped_first", answer.swapped_first, chance=answer.swapped_first_chance)
    return [*rows, twins, row("undecided", answer.undecided)]


ROWS = {RetrievalResponse: _rows}
FIGURES = {RetrievalResponse: shares("Retrieval with swapped twins")}
