"""Probes as rows and a figure."""

from bindscope.client.figures import shares
from bindscope.client.rows import Record, binding_rows, recognition_rows
from bindscope.features.probes.schemas import ProbeResponse


def _rows(answer: ProbeResponse) -> list[Record]:
    parts = {"train": answer.train, "test": answer.test, "chance": answer.chance}
    rows = binding_rows(answer.binding, part="test")
    return rows + [row for part, heads in parts.items() for row in recognition_rows(heads, part=part)]


ROWS = {ProbeResponse: _rows}
FIGURES = {ProbeResponse: shares("Linear probes")}
