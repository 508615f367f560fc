"""Probes: held-out recognition against training and chance, by head and by value."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from bindscope.core.wire import Interval, Recognition
from bindscope.features.probes.schemas import ProbeResponse, ValueRecognition
from bindscope_dashboard.shared.layout import dressed
from bindscope_dashboard.shared.recognition import NAMES, share_axis, share_bar
from bindscope_dashboard.shared.wording import percent, with_interval
from bindscope_dashboard.theme import Ink, ink

_ROW, _VALUE_ROW = 42, 30


def split_figure(probe: ProbeResponse, *, dark: bool = False) -> go.Figure:
    """A bar per head with its interval, the training share as a circle, chance as a tick."""
    rows = [
        (NAMES.get(name, name), probe.train.get(name), test, _levels(probe, name)) for name, test in probe.test.items()
    ]
    return _rows_figure(rows, height=_ROW, dark=dark)


def values_figure(values: Sequence[ValueRecognition], *, dark: bool = False) -> go.Figure:
    """The same for the values of one concept."""
    return _rows_figure([(v.value, v.train, v.test, {}) for v in values], height=_VALUE_ROW, dark=dark)


def split_text(probe: ProbeResponse) -> str:
    """The figure in words."""
    parts = [
        f"{NAMES.get(name, name)} {with_interval(test)}, training {percent(_value(probe.train, name))}"
        + "".join(f", {said} {percent(level)}" for said, level in _levels(probe, name).items())
        for name, test in probe.test.items()
    ]
    return f"Held-out recognition: {'; '.join(parts)}."


def values_text(values: Sequence[ValueRecognition], concept: str) -> str:
    """The figure in words."""
    return f"Held-out recognition of {concept}: {'; '.join(f'{v.value} {with_interval(v.test)}' for v in values)}."


def _levels(probe: ProbeResponse, name: str) -> dict[str, float]:
    """What is reached without reading anything; at the objects with a swap, by knowing the values."""
    if name == "object_on_valid_swaps":
        own = probe.object_chance
        named = {"knowing the values": own.given_bag, "at most without binding": own.ceiling_bag}
    else:
        named = {"chance": _value(probe.chance, name)}
    return {said: level for said, level in named.items() if level is not None}


def _value(recognition: Recognition, name: str) -> float | None:
    interval = recognition.get(name)
    return None if interval is None else interval.value


def _rows_figure(
    rows: Sequence[tuple[str, Interval | None, Interval, Mapping[str, float]]], *, height: int, dark: bool
) -> go.Figure:
    colors = ink(dark=dark)
    figure = go.Figure()
    shown = [row for row in rows if row[2].value is not None]
    for at, (name, train, test, levels) in enumerate(shown):
        share_bar(figure, test, at, tone=colors.true, colors=colors, name=name)
        if train is not None and train.value is not None:
            figure.add_scatter(**_mark(train.value, at, symbol="circle-open", size=11, colors=colors),
                               hovertemplate=f"training {with_interval(train)}<extra></extra>")  # fmt: skip
        for said, level in levels.items():
            figure.add_scatter(**_mark(level, at, symbol="line-ns", size=22, colors=colors),
                               hovertemplate=f"{said} {percent(level)}<extra></extra>")  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(shown))), ticktext=[row[0] for row in shown], range=[len(shown) - 0.5, -0.5],
        fixedrange=True, showgrid=False, zeroline=False, ticks="", automargin=True,
    )  # fmt: skip
    share_axis(figure)
    return dressed(figure, colors, height=height * max(1, len(shown)) + 40, bargap=0)


def _mark(x: float, y: float, *, symbol: str, size: int, colors: Ink) -> Mapping[str, object]:
    marker = {"symbol": symbol, "size": size, "color": colors.text, "line": {"color": colors.text, "width": 2.2}}
    return {"x": [x], "y": [y], "mode": "markers", "marker": marker}
