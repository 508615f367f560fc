"""What all figures share: fonts, ground, grid and margins of one mode."""

import textwrap
from typing import Any

import plotly.graph_objects as go

from bindscope_dashboard.theme import FONT, Ink


def page_layout(ink: Ink, *, height: int, margin: dict[str, int] | None = None) -> dict[str, Any]:
    """The layout in the colours of the page, without a title, legend or template of its own."""
    return {
        "height": height,
        "template": {},
        "margin": margin or {"l": 8, "r": 8, "t": 6, "b": 6},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "color": ink.text, "size": 13},
        "hoverlabel": {"bgcolor": ink.panel, "bordercolor": ink.line, "font": {"color": ink.text, "family": FONT}},
        "showlegend": False,
        "modebar": {"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": ink.muted, "activecolor": ink.text},
    }


def dressed(figure: go.Figure, ink: Ink, *, height: int, **layout: Any) -> go.Figure:
    """The figure in the colours of the page."""
    figure.update_layout(**page_layout(ink, height=height), **layout)
    figure.update_xaxes(gridcolor=ink.line, linecolor=ink.line, zerolinecolor=ink.line, tickfont={"color": ink.muted})
    figure.update_yaxes(gridcolor=ink.line, linecolor=ink.line, zerolinecolor=ink.line, tickfont={"color": ink.text})
    return figure


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters, free of markup that plotly would read."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return textwrap.wrap(safe, width) or [""]


def with_legend(figure: go.Figure, ink: Ink) -> go.Figure:
    """The legend in rows above the figure: lines differ by colour, dash and symbol, and all three are named."""
    legend = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom",
              "font": {"color": ink.text, "size": 12}, "itemsizing": "trace", "tracegroupgap": 4}  # fmt: skip
    figure.update_layout(showlegend=True, legend=legend)
    return figure


def faded(color: str, share: float) -> str:
    """A colour ``#rrggbb`` that lets the ground through."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:g})"
