"""Training: loss and recognition against the step, while it runs and afterwards."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from bindscope_dashboard.shared.layout import dressed, with_legend
from bindscope_dashboard.shared.wording import percent, plain_number
from bindscope_dashboard.theme import Ink, ink

#: One report of a training: ``step``, ``loss`` and, at evaluations, the four shares.
Report = Mapping[str, float | None]
#: Name, dash and symbol of each share; objects are blue and concepts orange.
SHARES: Mapping[str, tuple[str, str, str]] = {
    "unseen_object": ("objects, unseen", "solid", "circle"),
    "seen_object": ("objects, seen", "dot", "circle-open"),
    "unseen_concepts": ("concepts, unseen", "solid", "diamond"),
    "seen_concepts": ("concepts, seen", "dot", "diamond-open"),
}
_HEIGHT = 320
#: More points than this are thinned: a line of 600 pixels shows no more.
_POINTS = 600


def series(history: Sequence[Report], name: str) -> list[tuple[float, float]]:
    """Step and value of the reports that hold the value, in order of the steps."""
    pairs = [(r.get("step"), r.get(name)) for r in history]
    return sorted((step, value) for step, value in pairs if step is not None and value is not None)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    every = -(-len(points) // _POINTS)
    return points if every <= 1 else [*points[:-1:every], points[-1]]


def loss_figure(history: Sequence[Report], steps: int, *, dark: bool = False) -> go.Figure:
    """Loss against the step; the axis reaches to the last step from the start."""
    colors = ink(dark=dark)
    figure = go.Figure()
    points = _thinned(series(history, "loss"))
    figure.add_scatter(
        x=[p[0] for p in points], y=[p[1] for p in points], name="loss", mode="lines" if len(points) > 1 else "markers",
        line={"color": colors.text, "width": 2}, hovertemplate="step %{x:,}<br>loss %{y:.3f}<extra></extra>",
    )  # fmt: skip
    _step_axis(figure, steps, colors)
    figure.update_yaxes(rangemode="tozero", fixedrange=True, automargin=True, zeroline=False)
    return dressed(figure, colors, height=_HEIGHT)


def recognition_history_figure(
    history: Sequence[Report],
    steps: int,
    *,
    best_step: int | None = None,
    chance: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Recognition of objects and of all concepts against the step, on scenes of seen and of unseen objects."""
    colors = ink(dark=dark)
    figure = go.Figure()
    for name, (title, dash, symbol) in SHARES.items():
        points = _thinned(series(history, name))
        if not points:
            continue
        tone = colors.true if name.endswith("object") else colors.swap
        figure.add_scatter(
            x=[p[0] for p in points], y=[p[1] for p in points], name=title, mode="lines+markers",
            line={"color": tone, "dash": dash, "width": 2.4},
            marker={"symbol": symbol, "size": 8, "color": tone, "line": {"color": tone, "width": 1.5}},
            hovertemplate=f"{title}<br>step %{{x:,}}: %{{y:.0%}}<extra></extra>",
        )  # fmt: skip
    if chance is not None:
        figure.add_hline(y=chance, line={"color": colors.muted, "width": 1.5, "dash": "dash"})
        figure.add_annotation(x=0.55, xref="paper", y=chance, yanchor="bottom", text="chance, objects",
                              showarrow=False, font={"color": colors.muted, "size": 12})  # fmt: skip
    if best_step:
        figure.add_vline(x=best_step, line={"color": colors.neutral, "width": 1.5, "dash": "dot"})
        figure.add_annotation(x=best_step, xanchor="right" if best_step > steps / 2 else "left", y=1.1,
                              text=f"kept: step {best_step:,}", showarrow=False,
                              font={"color": colors.muted, "size": 12})  # fmt: skip
    _step_axis(figure, steps, colors)
    figure.update_yaxes(
        range=[-0.03, 1.16], tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1], tickformat=".0%", fixedrange=True, automargin=True,
        zeroline=False,
    )  # fmt: skip
    return with_legend(dressed(figure, colors, height=_HEIGHT + 40), colors)


def _step_axis(figure: go.Figure, steps: int, colors: Ink) -> None:
    figure.update_xaxes(
        title={"text": "step", "font": {"color": colors.muted, "size": 12}}, range=[0, max(1, steps) * 1.02],
        tickformat=",", nticks=6, fixedrange=True, automargin=True, zeroline=False,
    )  # fmt: skip


def loss_text(history: Sequence[Report], steps: int) -> str:
    """The figure in words."""
    points = series(history, "loss")
    if not points:
        return "Loss against the step: no report yet."
    first, last = points[0], points[-1]
    return (
        f"Loss against the step: {plain_number(first[1])} at step {first[0]:,.0f}, "
        f"{plain_number(last[1])} at step {last[0]:,.0f} of {steps:,}."
    )


def recognition_history_text(history: Sequence[Report], steps: int) -> str:
    """The figure in words: the last evaluation."""
    parts = []
    for name, (title, _, _) in SHARES.items():
        points = series(history, name)
        if points:
            parts.append(f"{title} {percent(points[-1][1])} at step {points[-1][0]:,.0f}")
    return f"Recognition against the step, of {steps:,}: {'; '.join(parts) or 'no evaluation yet'}."
