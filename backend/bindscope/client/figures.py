"""What the figures of answers share. plotly is imported when one is drawn."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bindscope.client import frames
from bindscope.client.rows import Record
from bindscope.core.errors import InvalidInput

if TYPE_CHECKING:
    import plotly.graph_objects as go

TRUE, SWAP, TEXT = "#1f5fc4", "#c45a00", "#5b6472"
#: Columns that say where a row belongs.
_PLACES = ("part", "variant", "stage", "model", "row")


def shares(title: str = "") -> Callable[[Any], "go.Figure"]:
    """Bars with intervals of every share of the table. Raises InvalidInput where it has none."""

    def draw(answer: Any) -> "go.Figure":
        import plotly.graph_objects as go

        rows = [one for one in _records(answer) if one.get("value") is not None and _is_share(one)]
        if not rows:
            raise InvalidInput(f"There is no figure of a {type(answer).__name__}: draw its table.")
        named = list(_labels(rows))
        up = [max(0.0, (own["high"] or own["value"]) - own["value"]) for own in rows]
        down = [max(0.0, own["value"] - (own["low"] or 0.0)) for own in rows]
        bars = go.Bar(
            x=[own["value"] for own in rows][::-1],
            y=named[::-1],
            orientation="h",
            marker_color=TRUE,
            error_x={"type": "data", "array": up[::-1], "arrayminus": down[::-1], "color": TEXT},
            text=[f"{100 * own['value']:.0f} %" for own in rows][::-1],
        )
        return dressed(go.Figure(bars), title, "share, 95 % interval", span=(0, 1.05))

    return draw


def dressed(out: "go.Figure", title: str, axis: str, *, span: tuple[float, float] | None = None) -> "go.Figure":
    """Readable on light and dark grounds: no ground of its own, grey ink."""
    out.update_layout(
        title=title,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": TEXT},
        margin={"l": 8, "r": 8, "t": 48, "b": 8},
    )
    out.update_xaxes(title=axis, gridcolor="rgba(128,128,128,0.3)", automargin=True, range=span)
    out.update_yaxes(gridcolor="rgba(128,128,128,0.3)", automargin=True)
    return out


def _records(answer: Any) -> list[Record]:
    try:
        return frames.records(answer)
    except InvalidInput:
        return []


def _is_share(own: Record) -> bool:
    return "low" in own and not str(own["name"]).startswith("repair_gain")


def _labels(rows: Sequence[Record]) -> Iterator[str]:
    for own in rows:
        where = [str(own[key]) for key in _PLACES if own.get(key)]
        yield ", ".join([*where, str(own["name"])])
