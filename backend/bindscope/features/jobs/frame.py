"""The cells of a finished sweep as rows and a figure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bindscope.client.figures import dressed
from bindscope.client.rows import Record
from bindscope.core.errors import InvalidInput
from bindscope.features.complexity.schemas import ComplexityCellResult
from bindscope.features.jobs.schemas import JobModel

if TYPE_CHECKING:
    import plotly.graph_objects as go


def _rows(answer: JobModel) -> list[Record]:
    result = answer.result if isinstance(answer.result, Mapping) else {}
    cells = result.get("cells")
    if not isinstance(cells, list):
        raise InvalidInput(f"Job {answer.id} has no cells yet: wait for its end.")
    if answer.kind == "complexity":
        return [_fit(ComplexityCellResult.model_validate(cell)) for cell in cells]
    return [_flat(cell) for cell in cells]


def _fit(cell: ComplexityCellResult) -> Record:
    heads = {f"{name}": own.value for name, own in cell.test.items()}
    plain = {"kind": cell.kind, "coverage": cell.coverage, "seed": cell.seed, "test_r2": cell.test_r2}
    found = None if cell.binding is None else cell.binding.forced_choice
    plain |= {"binding": None if found is None else found.value, "binding_n": 0 if found is None else found.n}
    return {**plain, "train_scenes": cell.train_scenes, "test_scenes": cell.test_scenes, **heads}


def _flat(cell: Mapping[str, Any]) -> Record:
    out: Record = {}
    for name, value in cell.items():
        if isinstance(value, Mapping):
            out |= {f"{name}_{key}": own["value"] for key, own in value.items() if _is_share(own)}
        elif not isinstance(value, list):
            out[name] = value
    return out


def _is_share(value: object) -> bool:
    return isinstance(value, Mapping) and "value" in value


def _curves(answer: JobModel) -> "go.Figure":
    if answer.kind == "complexity":
        title = "Binding score of the predictions, unseen objects (chance 0.5)"
        return _drawn(_rows(answer), "kind", "binding", title)
    title = "Binding score of unseen objects after training (chance 0.5)"
    return _drawn(_rows(answer), "space", "binding_forced_choice", title)


def _drawn(rows: list[Record], line: str, height: str, title: str) -> "go.Figure":
    import plotly.graph_objects as go

    out = go.Figure()
    for name in dict.fromkeys(row[line] for row in rows):
        own = sorted((row for row in rows if row[line] == name), key=lambda row: float(row["coverage"]))
        xs, ys = [row["coverage"] for row in own], [row.get(height) for row in own]
        out.add_trace(go.Scatter(x=xs, y=ys, mode="lines+markers", name=name))
    return dressed(out, title, "coverage of the objects")


ROWS = {JobModel: _rows}
FIGURES = {JobModel: _curves}
