"""The caption contest: how near each caption lies, and the margin beside the noise floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from bindscope.features.verdicts.findings import contest_sentence, signed
from bindscope.features.verdicts.schemas import CaptionScore, Contest, Robustness
from bindscope_dashboard.shared.layout import page_layout, wrapped
from bindscope_dashboard.shared.wording import score, tiny
from bindscope_dashboard.theme import Ink, ink

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
    drawing = _bars(captions, lines, colors=colors)
    drawing.layout["yaxis"]["domain"] = [strip / (bars + strip), 1]
    if contest.margin is not None:
        decided = contest.outcome in ("binds", "swaps")
        below = _strip(contest.margin, contest.noise_floor, decided=decided, colors=colors)
        below.layout["yaxis2"]["domain"] = [0, _STRIP / (bars + strip)]
        drawing = drawing.joined(below)
    layout = {
        **page_layout(colors, height=int(bars + strip + 6), margin={"l": 2, "r": 2, "t": 2, "b": 4}),
        **drawing.layout,
        "bargap": 0,
        "annotations": drawing.annotations,
        "shapes": drawing.shapes,
    }
    # Drawn anew at every edit of a scene: checking each property would take up to 100 ms (the tests check it).
    return go.Figure(data=drawing.traces, layout=layout, _validate=False)


def contest_text(contest: Contest, *, anchor: str, robustness: Robustness | None = None) -> str:
    """The figure in words."""
    listed = "; ".join(f"{_KINDS[c.kind]} caption '{c.text}' {score(c.score)}" for c in shown_captions(contest))
    sentence = contest_sentence(contest, anchor=anchor, robustness=robustness)
    return f"{sentence} Noise floor {tiny(contest.noise_floor)}. {listed}."


@dataclass(frozen=True)
class _Drawing:
    """Parts of a figure, as plotly's own dictionaries."""

    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    annotations: list[dict[str, Any]]
    shapes: list[dict[str, Any]]

    def joined(self, other: "_Drawing") -> "_Drawing":
        return _Drawing(
            self.traces + other.traces,
            self.layout | other.layout,
            self.annotations + other.annotations,
            self.shapes + other.shapes,
        )


def _bars(captions: Sequence[CaptionScore], lines: Sequence[Sequence[str]], *, colors: Ink) -> _Drawing:
    low = min(0.0, *(c.score for c in captions))
    high = max(0.0, *(c.score for c in captions))
    room = (high - low or 1.0) * 0.17
    at = 0.0
    traces, annotations = [], []
    for caption, text in zip(captions, lines, strict=True):
        true = caption.kind == "true"
        kind, _, rest = text[0].partition(": ")
        words = "<br>".join([f"<b>{kind}</b>: {rest}", *text[1:]])
        annotations.append(_note(words, x=0.0, y=-at, axis="y", size=13, color=colors.text))
        at += len(text) * _LINE
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "x": [caption.score],
                "y": [-(at + 8)],
                "width": [11],
                "text": [score(caption.score)],
                "textposition": "outside",
                "textfont": {"color": colors.text, "size": 12},
                "constraintext": "none",
                "cliponaxis": False,
                "marker": {"color": colors.true if true else colors.swap, "pattern": {"shape": "" if true else "/"}},
                "hovertemplate": f"{kind} caption<br>cosine %{{x:.4f}}<extra></extra>",
            }
        )
        at += _BAR
    axis = {"visible": False, "fixedrange": True}
    layout = {
        "xaxis": {**axis, "range": [low - room * (low < 0), high + room]},
        "yaxis": {**axis, "range": [-at, 0]},
    }
    return _Drawing(traces, layout, annotations, [])


def _strip(margin: float, floor: float, *, decided: bool, colors: Ink) -> _Drawing:
    reach = max(abs(margin) * 1.3, floor * 4, 0.01)
    tone = colors.neutral if not decided else (colors.true if margin > 0 else colors.swap)
    marker = {
        "type": "scatter",
        "mode": "markers",
        "x": [margin],
        "y": [36],
        "xaxis": "x2",
        "yaxis": "y2",
        "cliponaxis": False,
        "marker": {"size": 14, "color": tone, "symbol": "diamond", "line": {"color": colors.ground, "width": 1.5}},
        "hovertemplate": f"margin {signed(margin)}<br>noise floor ±{tiny(floor)}<extra></extra>",
    }
    shapes = [
        _box(-reach, reach, 27, 45, colors.panel),
        _box(-floor, floor, 27, 45, colors.band),
        _box(0, margin, 32, 40, tone),
        {**_box(0, 0, 23, 49, tone), "type": "line", "line": {"color": colors.text, "width": 1.5}},
    ]
    label = f"<b>margin {signed(margin)}</b>, noise floor ±{tiny(floor)}"
    annotations = [
        _note(label, x=0.0, y=_STRIP, axis="y2", size=13, color=colors.text),
        _note("◀ swapped wins", x=0.0, y=22, axis="y2", size=12, color=colors.muted),
        _note("true wins ▶", x=1.0, y=22, axis="y2", size=12, color=colors.muted),
    ]
    layout = {
        "xaxis2": {"range": [-reach, reach], "visible": False, "fixedrange": True, "anchor": "y2"},
        "yaxis2": {"range": [0, _STRIP], "visible": False, "fixedrange": True, "anchor": "x2"},
    }
    return _Drawing([marker], layout, annotations, shapes)


def _box(x0: float, x1: float, y0: float, y1: float, fill: str) -> dict[str, Any]:
    place = {"x0": x0, "x1": x1, "y0": y0, "y1": y1, "xref": "x2", "yref": "y2"}
    return {"type": "rect", **place, "fillcolor": fill, "line": {"width": 0}, "layer": "below"}


def _note(text: str, *, x: float, y: float, axis: str, size: int, color: str) -> dict[str, Any]:
    return {
        "text": text,
        "x": x,
        "y": y,
        "xref": "paper",
        "yref": axis,
        "xanchor": "left" if x == 0 else "right",
        "yanchor": "top",
        "align": "left",
        "showarrow": False,
        "borderpad": 0,
        "font": {"size": size, "color": color},
    }
