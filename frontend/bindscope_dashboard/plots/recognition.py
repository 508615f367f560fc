"""Shares with their 95 % intervals: swap accuracy against a coin, recognition against chance."""

from collections.abc import Mapping

import plotly.graph_objects as go

from bindscope.schemas.base import Interval, Recognition
from bindscope_dashboard.plots.layout import dressed
from bindscope_dashboard.theme import Ink, ink
from bindscope_dashboard.wording import percent, with_interval

NAMES: Mapping[str, str] = {
    "concepts": "all concepts at once",
    "object": "objects",
    "object_on_valid_swaps": "objects, where a swap exists",
}
_ROW = 34


def accuracy_figure(accuracy: Interval, *, dark: bool = False) -> go.Figure:
    """One bar with its interval and the line of a coin at one half."""
    colors = ink(dark=dark)
    figure = go.Figure()
    if accuracy.value is not None:
        tone = colors.true if accuracy.value >= 0.5 else colors.swap
        share_bar(figure, accuracy, 0, tone=tone, colors=colors, name="swap accuracy")
    figure.add_shape(
        type="line", x0=0.5, x1=0.5, y0=-0.6, y1=0.6, line={"color": colors.text, "width": 1.5, "dash": "dash"}
    )
    figure.add_annotation(
        x=0.5, y=0.62, text="a coin", showarrow=False, yanchor="bottom", font={"color": colors.muted, "size": 12}
    )
    figure.update_yaxes(visible=False, range=[-0.6, 1.05], fixedrange=True)
    share_axis(figure)
    return dressed(figure, colors, height=112)


def recognition_figure(recognition: Recognition, chance: Mapping[str, float], *, dark: bool = False) -> go.Figure:
    """A bar per concept, for all concepts at once and for objects; a tick shows chance."""
    colors = ink(dark=dark)
    figure = go.Figure()
    names = [name for name, interval in recognition.items() if interval.value is not None]
    for row, name in enumerate(names):
        share_bar(figure, recognition[name], row, tone=colors.true, colors=colors, name=NAMES.get(name, name))
        level = chance.get("object" if name == "object_on_valid_swaps" else name)
        if level is not None:
            figure.add_scatter(
                x=[level],
                y=[row],
                mode="markers",
                marker={"symbol": "line-ns", "size": 22, "line": {"color": colors.text, "width": 2.5}},
                hovertemplate=f"chance {percent(level)}<extra></extra>",
            )
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[NAMES.get(name, name) for name in names],
        range=[len(names) - 0.5, -0.5],
        fixedrange=True,
        showgrid=False,
        zeroline=False,
        ticks="",
        automargin=True,
    )
    share_axis(figure)
    return dressed(figure, colors, height=_ROW * max(1, len(names)) + 40, bargap=0)


def recognition_text(recognition: Recognition, chance: Mapping[str, float]) -> str:
    """The figure in words."""
    parts = [
        f"{NAMES.get(name, name)} {with_interval(interval)}"
        + (f", chance {percent(chance[name])}" if name in chance else "")
        for name, interval in recognition.items()
    ]
    return f"Recognition: {'; '.join(parts)}."


def accuracy_text(accuracy: Interval) -> str:
    """The figure in words."""
    return f"Swap accuracy {with_interval(accuracy)}; a coin reaches 50 %."


def share_bar(figure: go.Figure, interval: Interval, row: float, *, tone: str, colors: Ink, name: str) -> None:
    """One share with its interval and its number."""
    value = interval.value or 0.0
    low = interval.low if interval.low is not None else value
    high = interval.high if interval.high is not None else value
    figure.add_bar(
        x=[value],
        y=[row],
        orientation="h",
        width=[0.56],
        marker_color=tone,
        error_x={
            "type": "data",
            "array": [high - value],
            "arrayminus": [value - low],
            "color": colors.text,
            "thickness": 1.6,
            "width": 5,
        },
        hovertemplate=f"{name}<br>{with_interval(interval)}<extra></extra>",
    )
    figure.add_annotation(
        x=1.02,
        xanchor="left",
        y=row,
        text=f"<b>{percent(value)}</b>",
        showarrow=False,
        font={"color": colors.text, "size": 13},
    )


def share_axis(figure: go.Figure) -> None:
    """From nothing to everything, with room for the numbers."""
    figure.update_xaxes(
        range=[0, 1.16],
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        ticktext=["0", "25", "50", "75", "100 %"],
        fixedrange=True,
        automargin=True,
    )
