"""The caption contest: how near each caption lies, and the margin beside the noise floor."""

from collections.abc import Sequence

import plotly.graph_objects as go

from bindscope.schemas.verdicts import CaptionScore, Contest
from bindscope_dashboard.plots.layout import dressed, wrapped
from bindscope_dashboard.theme import Ink, ink
from bindscope_dashboard.wording import contest_sentence, score, signed, tiny

#: At most this many captions of each kind are drawn; the table of all scores has the rest.
SHOWN = 3
# Heights in pixels: a line of caption, a bar, the space before the strip, the strip.
_LINE, _BAR, _GAP, _STRIP = 18, 21, 12, 68
_KINDS = {"true": "true", "swap": "swapped"}


def shown_captions(contest: Contest) -> list[CaptionScore]:
    """The best captions of each kind, the winner first."""
    best: list[CaptionScore] = []
    for kind in ("true", "swap"):
        own = sorted((c for c in contest.captions if c.kind == kind), key=lambda c: -c.score)
        best += own[:SHOWN]
    return sorted(best, key=lambda c: -c.score)


def contest_figure(contest: Contest, *, dark: bool = False, width: int = 52) -> go.Figure:
    """Bars for the captions; below, where there is a margin, a strip from 'swapped wins' to 'true wins'.

    ``width``: characters in a line of caption.
    """
    colors = ink(dark=dark)
    captions = shown_captions(contest)
    lines = [wrapped(f"{_KINDS[c.kind]}: {c.text}", width) for c in captions]
    bars = sum(len(text) * _LINE + _BAR for text in lines)
    strip = 0 if contest.margin is None else _GAP + _STRIP
    figure = go.Figure()
    _draw_bars(figure, captions, lines, colors=colors)
    figure.update_layout(yaxis={"domain": [strip / (bars + strip), 1]})
    if contest.margin is not None:
        figure.update_layout(yaxis2={"domain": [0, _STRIP / (bars + strip)], "anchor": "x2"}, xaxis2={"anchor": "y2"})
        _draw_margin(figure, contest.margin, contest.noise_floor, colors=colors)
    margin = {"l": 2, "r": 2, "t": 2, "b": 4}
    return dressed(figure, colors, height=int(bars + strip + 6), bargap=0, margin=margin)


def contest_text(contest: Contest, *, anchor: str) -> str:
    """The figure in words."""
    listed = "; ".join(f"{_KINDS[c.kind]} caption '{c.text}' {score(c.score)}" for c in shown_captions(contest))
    return f"{contest_sentence(contest, anchor=anchor)} Noise floor {tiny(contest.noise_floor)}. {listed}."


def _draw_bars(
    figure: go.Figure, captions: Sequence[CaptionScore], lines: Sequence[Sequence[str]], *, colors: Ink
) -> None:
    low = min(0.0, *(c.score for c in captions))
    high = max(0.0, *(c.score for c in captions))
    room = (high - low or 1.0) * 0.17
    at = 0.0
    for caption, text in zip(captions, lines, strict=True):
        true = caption.kind == "true"
        kind, _, rest = text[0].partition(": ")
        figure.add_annotation(
            x=0, xref="paper", xanchor="left", y=-at, yref="y", yanchor="top", align="left", showarrow=False,
            text="<br>".join([f"<b>{kind}</b>: {rest}", *text[1:]]), font={"size": 13}, borderpad=0,
        )  # fmt: skip
        at += len(text) * _LINE
        figure.add_bar(
            x=[caption.score], y=[-(at + 8)], orientation="h", width=[11], text=[score(caption.score)],
            marker={"color": colors.true if true else colors.swap, "pattern": {"shape": "" if true else "/"}},
            textposition="outside", textfont={"color": colors.text, "size": 12}, constraintext="none", cliponaxis=False,
            hovertemplate=f"{kind} caption<br>cosine %{{x:.4f}}<extra></extra>",
        )  # fmt: skip
        at += _BAR
    figure.update_xaxes(range=[low - room * (low < 0), high + room], visible=False, fixedrange=True)
    figure.update_yaxes(range=[-at, 0], visible=False, fixedrange=True)


def _draw_margin(figure: go.Figure, margin: float, floor: float, *, colors: Ink) -> None:
    reach = max(abs(margin) * 1.3, floor * 4, 0.01)
    tone = colors.neutral if abs(margin) <= floor else (colors.true if margin > 0 else colors.swap)
    axes = {"xref": "x2", "yref": "y2", "layer": "below"}
    figure.add_shape(type="rect", x0=-reach, x1=reach, y0=27, y1=45, fillcolor=colors.panel, line_width=0, **axes)
    figure.add_shape(type="rect", x0=-floor, x1=floor, y0=27, y1=45, fillcolor=colors.band, line_width=0, **axes)
    figure.add_shape(type="line", x0=0, x1=0, y0=23, y1=49, line={"color": colors.text, "width": 1.5}, **axes)
    figure.add_shape(type="rect", x0=0, x1=margin, y0=32, y1=40, fillcolor=tone, line_width=0, **axes)
    figure.add_scatter(
        x=[margin], y=[36], mode="markers", xaxis="x2", yaxis="y2", cliponaxis=False,
        marker={"size": 14, "color": tone, "symbol": "diamond", "line": {"color": colors.ground, "width": 1.5}},
        hovertemplate=f"margin {signed(margin)}<br>noise floor ±{tiny(floor)}<extra></extra>",
    )  # fmt: skip
    label = f"<b>margin {signed(margin)}</b>, noise floor ±{tiny(floor)}"
    for x, y, anchor, text in (
        (0.0, _STRIP, "left", label),
        (0.0, 22.0, "left", "◀ swapped wins"),
        (1.0, 22.0, "right", "true wins ▶"),
    ):
        figure.add_annotation(
            x=x, xref="paper", xanchor=anchor, y=y, yref="y2", yanchor="top", text=text, showarrow=False,
            font={"size": 13 if y > 40 else 12, "color": colors.text if y > 40 else colors.muted},
        )  # fmt: skip
    figure.update_layout(
        xaxis2={"range": [-reach, reach], "visible": False, "fixedrange": True},
        yaxis2={"range": [0, _STRIP], "visible": False, "fixedrange": True},
    )
