"""A map as rows and a figure."""

from typing import TYPE_CHECKING

from bindscope.client.figures import dressed
from bindscope.client.rows import Record
from bindscope.features.projections.schemas import ProjectionResponse

if TYPE_CHECKING:
    import plotly.graph_objects as go


def _rows(answer: ProjectionResponse) -> list[Record]:
    axes = ("x", "y", "z")
    return [
        {**dict(zip(axes, point, strict=False)), "label": " | ".join(" ".join(map(str, o)) for o in own)}
        for point, own in zip(answer.points, answer.labels, strict=True)
    ]


def _points(answer: ProjectionResponse) -> "go.Figure":
    import plotly.graph_objects as go

    rows = _rows(answer)
    words = answer.colors or ["scene"] * len(rows)
    out = go.Figure()
    for name in dict.fromkeys(words):
        own = [row for row, word in zip(rows, words, strict=True) if word == name]
        hover = [row["label"] for row in own]
        xs, ys = [row["x"] for row in own], [row["y"] for row in own]
        if "z" in rows[0]:
            out.add_trace(go.Scatter3d(x=xs, y=ys, z=[r["z"] for r in own], mode="markers", name=name, text=hover))
        else:
            out.add_trace(go.Scatter(x=xs, y=ys, mode="markers", name=name, text=hover))
    return dressed(out, f"{len(rows):,} scenes", "")


ROWS = {ProjectionResponse: _rows}
FIGURES = {ProjectionResponse: _points}
