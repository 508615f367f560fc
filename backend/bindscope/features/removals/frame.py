"""Removals as rows and a figure."""

from bindscope.client.figures import shares
from bindscope.client.rows import Record, binding_rows, recognition_rows
from bindscope.features.removals.schemas import RemovalResponse


def _rows(answer: RemovalResponse) -> list[Record]:
    table = {**answer.variants, "chance": answer.chance}
    rows = [row for variant, own in answer.bindings.items() for row in binding_rows(own, variant=variant)]
    return rows + [row for variant, heads in table.items() for row in recognition_rows(heads, variant=variant)]


ROWS = {RemovalResponse: _rows}
FIGURES = {RemovalResponse: shares("Recognition after each removal")}
