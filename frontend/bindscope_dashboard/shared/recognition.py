"""Shares with their 95 % intervals: forced choices and recognition, each against its chance."""

from collections.abc import Mapping

import plotly.graph_objects as go

from bindscope.core.binding_rules import CHANCE
from bindscope.core.wire import Interval, Recognition, StrictChance
from bindscope_dashboard.shared.layout import dressed
from bindscope_dashboard.shared.wording import percent, with_interval
from bindscope_dashboard.theme import Ink, ink

NAMES: Mapping[str, str] = {
    "concepts": "all concepts at once",
    "object": "objects",
    "object_on_valid_swaps": "objects, where a swap exists",
}
_ROW = 34


def choice_figure(shares: Mapping[str, Interval], *, dark: bool = False) -> go.Figure:
    """Bars of forced choices with their intervals, and the line of chance, which is one half for each."""
    colors = ink(dark=dark)
    figure = go.Figure()
    shown = {name: own for name, own in shares.items() if own.value is not None}
    for row, (name, own) in enumerate(shown.items()):
        share_bar(figure, own, row, tone=_side(own, colors), colors=colors, name=name)
    figure.add_vline(x=CHANCE, line={"color": colors.text, "width": 1.5, "dash": "dash"})
    _named_rows(figure, list(shown))
    share_axis(figure)
    return dressed(figure, colors, height=_ROW * max(1, len(shown)) + 40, bargap=0)


def _side(own: Interval, colors: Ink) -> str:
    """The colour of a side only where the whole interval lies on it."""
    if own.low is not None and own.low > CHANCE:
        return colors.true
    return colors.swap if own.high is not None and own.high < CHANCE else colors.neutral


def choice_text(shares: Mapping[str, Interval]) -> str:
    """The figure in words."""
    parts = "; ".join(f"{name} {with_interval(own)}" for name, own in shares.items())
    return f"{parts}; chance {percent(CHANCE)}."


def recognition_figure(
    recognition: Recognition,
    chance: Mapping[str, float],
    *,
    object_chance: StrictChance | None = None,
    dark: bool = False,
) -> go.Figure:
    """A bar per concept, for all concepts at once and for objects; a tick shows chance.

    ``object_chance``: where a swap exists two ticks instead, what knowing the values reaches and the most that it can.
    """
    colors = ink(dark=dark)
    figure = go.Figure()
    names = [name for name, interval in recognition.items() if interval.value is not None]
    for row, name in enumerate(names):
        share_bar(figure, recognition[name], row, tone=colors.true, colors=colors, name=NAMES.get(name, name))
        for said, level in _levels(name, chance, object_chance):
            figure.add_scatter(
                x=[level],
                y=[row],
                mode="markers",
                marker={"symbol": "line-ns", "size": 22, "line": {"color": colors.text, "width": 2.5}},
                hovertemplate=f"{said} {percent(level)}<extra></extra>",
            )
    _named_rows(figure, [NAMES.get(name, name) for name in names])
    share_axis(figure)
    return dressed(figure, colors, height=_ROW * max(1, len(names)) + 40, bargap=0)


def recognition_text(
    recognition: Recognition, chance: Mapping[str, float], *, object_chance: StrictChance | None = None
) -> str:
    """The figure in words."""
    parts = [
        f"{NAMES.get(name, name)} {with_interval(interval)}"
        + "".join(f", {said} {percent(level)}" for said, level in _levels(name, chance, object_chance))
        for name, interval in recognition.items()
    ]
    return f"Recognition: {'; '.join(parts)}."


def _levels(name: str, chance: Mapping[str, float], object_chance: StrictChance | None) -> list[tuple[str, float]]:
    if object_chance is not None and name == "object_on_valid_swaps":
        levels = {"values known": object_chance.given_bag, "most frequent pairing": object_chance.ceiling_bag}
    else:
        levels = {"chance": chance.get("object" if name == "object_on_valid_swaps" else name)}
    return [(said, level) for said, level in levels.items() if level is not None]


def _named_rows(figure: go.Figure, names: list[str]) -> None:
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=names,
        range=[max(1, len(names)) - 0.5, -0.5],
        fixedrange=True,
        showgrid=False,
        zeroline=False,
        ticks="",
        automargin=True,
    )


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
