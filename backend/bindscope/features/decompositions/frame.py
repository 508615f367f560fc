"""A decomposition as rows and a figure."""

from bindscope.client.figures import shares
from bindscope.client.rows import Record, binding_rows, recognition_rows, row
from bindscope.features.decompositions.schemas import DecompositionResponse


def _rows(answer: DecompositionResponse) -> list[Record]:
    fit: list[Record] = [{"name": f"r2_{part}", "value": getattr(answer.r2, part)} for part in ("train", "test")]
    return [*binding_rows(answer.binding), *fit, row("retrieval", answer.retrieval), *recognition_rows(answer.probing)]


ROWS = {DecompositionResponse: _rows}
FIGURES = {DecompositionResponse: shares("Scenes rebuilt as sums")}
