"""Interventions as rows and a figure."""

from bindscope.client.figures import shares
from bindscope.client.rows import Record, binding_rows, recognition_rows, row
from bindscope.features.interventions.schemas import InterventionResponse


def _rows(answer: InterventionResponse) -> list[Record]:
    found = {"retrieval": answer.retrieval, "retrieval_published": answer.retrieval_published, "stayed": answer.stayed}
    rows = binding_rows(answer.binding) + [row(name, own) for name, own in found.items()]
    rows += recognition_rows(answer.probing)
    own = answer.rendered_cosine
    if own is not None:
        rows.append({"name": "rendered_cosine", "value": own.mean, "low": own.low, "high": own.high, "n": own.n})
    return rows


ROWS = {InterventionResponse: _rows}
FIGURES = {InterventionResponse: shares("Interventions")}
