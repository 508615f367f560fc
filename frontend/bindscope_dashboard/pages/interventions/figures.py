"""Interventions: the probes' scores before and after an edit."""

from collections.abc import Sequence

import plotly.graph_objects as go

from bindscope.features.interventions.schemas import EditResponse, ScoreChange
from bindscope_dashboard.shared.layout import dressed, wrapped
from bindscope_dashboard.theme import Ink, ink

_ROW = 30


def changed_concepts(found: EditResponse) -> list[ScoreChange]:
    """The values that the edit takes out or puts in, and those that both scenes hold."""
    return [c for changes in found.concepts.values() for c in changes if c.present or c.was_present]


def listed_objects(found: EditResponse) -> list[ScoreChange]:
    """The objects of both scenes first, then the highest others."""
    return sorted(found.objects, key=lambda c: (not (c.present or c.was_present), -c.after))


def role(change: ScoreChange) -> str:
    """What the edit does to it."""
    if change.present:
        return "stays" if change.was_present else "put in"
    return "taken out" if change.was_present else "in neither"


def changes_figure(changes: Sequence[ScoreChange], *, dark: bool = False) -> go.Figure:
    """A line per name, from an open circle (before) to a diamond (after)."""
    colors = ink(dark=dark)
    figure = go.Figure()
    for row, change in enumerate(changes):
        tone = _tone(change, colors)
        figure.add_scatter(
            x=[change.before, change.after], y=[row, row], mode="lines+markers", cliponaxis=False,
            line={"color": tone, "width": 3},
            marker={"symbol": ["circle-open", "diamond"], "size": [10, 12], "color": tone,
                    "line": {"width": 2, "color": tone}},
            hovertemplate=f"{wrapped(change.name, 60)[0]}, {role(change)}<br>%{{x:.2f}}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(changes))),
        ticktext=[f"{wrapped(c.name, 30)[0]} ({role(c)})" for c in changes],
        range=[len(changes) - 0.5, -0.5], fixedrange=True, zeroline=False, ticks="", automargin=True,
    )  # fmt: skip
    figure.update_xaxes(fixedrange=True, automargin=True)
    return dressed(figure, colors, height=_ROW * max(1, len(changes)) + 40)


def _tone(change: ScoreChange, colors: Ink) -> str:
    if change.present == change.was_present:
        return colors.neutral
    return colors.true if change.present else colors.swap


def changes_text(changes: Sequence[ScoreChange], what: str) -> str:
    """The figure in words."""
    listed = "; ".join(f"{c.name} ({role(c)}) from {c.before:.2f} to {c.after:.2f}" for c in changes)
    return f"Probe scores of {what}, before and after the edit: {listed}."
