"""What all figures share: fonts, ground, grid and margins of one mode."""

import textwrap
from typing import Any

import plotly.graph_objects as go

from bindscope_dashboard.theme import FONT, Ink


def dressed(figure: go.Figure, ink: Ink, *, height: int, **layout: Any) -> go.Figure:
    """The figure in the colours of the page, without a title, legend or tool bar of its own."""
    figure.update_layout(
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "color": ink.text, "size": 13},
        hoverlabel={"bgcolor": ink.panel, "bordercolor": ink.line, "font": {"color": ink.text, "family": FONT}},
        showlegend=False,
        **{"margin": {"l": 8, "r": 8, "t": 6, "b": 6}, **layout},
    )
    figure.update_xaxes(gridcolor=ink.line, linecolor=ink.line, zerolinecolor=ink.line, tickfont={"color": ink.muted})
    figure.update_yaxes(gridcolor=ink.line, linecolor=ink.line, zerolinecolor=ink.line, tickfont={"color": ink.text})
    return figure


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters, free of markup that plotly would read."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return textwrap.wrap(safe, width) or [""]
