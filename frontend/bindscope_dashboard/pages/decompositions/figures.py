"""Decomposition: held-out R2 by estimator and level beside the random twin, and the shares of one scene."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from bindscope.features.decompositions.schemas import SceneShareResponse
from bindscope_dashboard.shared.layout import dressed, wrapped
from bindscope_dashboard.theme import Ink, ink

#: How an estimator is called on the page.
ESTIMATOR_NAMES: Mapping[str, str] = {
    "avg": "averages",
    "avg_pos": "averages by place",
    "single": "objects alone",
    "lstsq": "least squares",
    "lstsq_pos": "least squares by place",
}
_ROW = 46
#: An R2 below this is drawn here: its number says what it is.
_FLOOR = -0.5


@dataclass(frozen=True)
class Fit:
    """Held-out R2 of one estimator and level, of the model and of its random twin; None where there is none."""

    estimator: str
    level: Literal[1, 2]
    test: float | None
    train: float | None = None
    twin: float | None = None


def number(value: float | None) -> str:
    """An R2 or a share with three decimals and a real minus sign; a dash where there is none."""
    return "–" if value is None else f"{value:.3f}".replace("-", "−")


def r2_figure(fits: Sequence[Fit], *, dark: bool = False) -> go.Figure:
    """Two bars per estimator, objects above concepts; a diamond shows the random twin."""
    colors = ink(dark=dark)
    figure = go.Figure()
    estimators = list(dict.fromkeys(fit.estimator for fit in fits))
    for fit in fits:
        at = estimators.index(fit.estimator) + (-0.2 if fit.level == 1 else 0.2)
        if fit.test is not None:
            _r2_bar(figure, fit, at, colors=colors)
        if fit.twin is not None:
            figure.add_scatter(
                x=[max(fit.twin, _FLOOR)], y=[at], mode="markers", cliponaxis=False,
                marker={"symbol": "diamond-open", "size": 10, "color": colors.text, "line": {"width": 2}},
                hovertemplate=f"random weights, R² {number(fit.twin)}<extra></extra>",
            )  # fmt: skip
    drawn = [v for fit in fits for v in (fit.test, fit.twin) if v is not None]
    low = max(_FLOOR, min([0.0, *drawn]))
    figure.update_yaxes(
        tickvals=list(range(len(estimators))), ticktext=[ESTIMATOR_NAMES[e] for e in estimators],
        range=[len(estimators) - 0.5, -0.5], fixedrange=True, showgrid=False, zeroline=False, ticks="", automargin=True,
    )  # fmt: skip
    figure.update_xaxes(
        range=[low - 0.02 * (low < 0), 1.2], tickvals=[-0.5, 0, 0.25, 0.5, 0.75, 1], fixedrange=True, automargin=True
    )
    return dressed(figure, colors, height=_ROW * max(1, len(estimators)) + 40, bargap=0)


def _r2_bar(figure: go.Figure, fit: Fit, at: float, *, colors: Ink) -> None:
    test = fit.test or 0.0
    what = "objects" if fit.level == 1 else "concepts"
    figure.add_bar(
        x=[max(test, _FLOOR)], y=[at], orientation="h", width=[0.34],
        marker={"color": colors.true if fit.level == 1 else colors.swap,
                "pattern": _stripes(fit.level == 2, colors)},
        hovertemplate=f"{ESTIMATOR_NAMES[fit.estimator]}, sum of {what}<br>held-out R² {number(fit.test)}<br>"
        f"training R² {number(fit.train)}<extra></extra>",
    )  # fmt: skip
    figure.add_annotation(
        x=1.04, xanchor="left", y=at, text=number(fit.test), showarrow=False, font={"color": colors.text, "size": 12}
    )


def _stripes(striped: bool, colors: Ink) -> dict[str, object]:
    return {
        "shape": "/" if striped else "",
        "fillmode": "overlay",
        "fgcolor": colors.ground,
        "size": 7,
        "solidity": 0.25,
    }


def r2_text(fits: Sequence[Fit]) -> str:
    """The figure in words."""
    parts = [
        f"{ESTIMATOR_NAMES[f.estimator]}, {'objects' if f.level == 1 else 'concepts'}: {number(f.test)}"
        + (f" (random weights {number(f.twin)})" if f.twin is not None else "")
        for f in fits
    ]
    return f"Held-out R2 by estimator: {'; '.join(parts)}."


@dataclass(frozen=True)
class Part:
    """One part of the bar. ``group`` 0, 1, … is the object; None is the residual."""

    label: str
    share: float
    group: int | None


def parts_of(shares: SceneShareResponse) -> list[Part]:
    """Each concept of each object (an object as a whole where it is not split), then the residual."""
    parts: list[Part] = []
    for index, obj in enumerate(shares.objects):
        if obj.concepts:
            own = [Part(obj.values[name], share, index) for name, share in obj.concepts.items()]
        else:
            own = [Part(" ".join(obj.values.values()), obj.share, index)]
        parts += own
    return [*parts, Part("residual", shares.residual, None)]


def shares_figure(shares: SceneShareResponse, *, dark: bool = False) -> go.Figure:
    """One stacked bar; shares below zero go to the left of the line."""
    colors = ink(dark=dark)
    tones = (colors.true, colors.swap)
    figure = go.Figure()
    seen: dict[int | None, int] = {}
    for part in parts_of(shares):
        nth = seen[part.group] = seen.get(part.group, -1) + 1
        tone = colors.neutral if part.group is None else tones[part.group % 2]
        pattern = _stripes(nth % 2 == 1, colors)
        figure.add_bar(
            x=[part.share], y=[0], orientation="h", width=[0.55], name=part.label,
            marker={"color": tone, "pattern": pattern, "line": {"color": colors.ground, "width": 2}},
            hovertemplate=f"{wrapped(part.label, 60)[0]}<br>{percent_of(part.share)}<extra></extra>",
        )  # fmt: skip
    for text, x, y in _labels(parts_of(shares)):
        figure.add_annotation(
            x=x, y=y, text=text, showarrow=False, font={"color": colors.text, "size": 12}, xanchor="center"
        )
    figure.add_shape(type="line", x0=0, x1=0, y0=-0.45, y1=0.45, line={"color": colors.text, "width": 1.5})
    low = sum(min(0.0, p.share) for p in parts_of(shares))
    high = sum(max(0.0, p.share) for p in parts_of(shares))
    figure.update_yaxes(visible=False, range=[-0.75, 0.75], fixedrange=True)
    figure.update_xaxes(
        range=[low - 0.04, max(1.0, high) + 0.04], tickformat=".0%", fixedrange=True, automargin=True, zeroline=False
    )
    return dressed(figure, colors, height=170, barmode="relative")


def percent_of(share: float) -> str:
    """A share in percent, with a real minus sign."""
    return f"{100 * share:.0f} %".replace("-", "−")


def _labels(parts: Sequence[Part]) -> list[tuple[str, float, float]]:
    """Text and place of each label: above and below the bar in turn, so that narrow parts do not collide."""
    placed: list[tuple[str, float, float]] = []
    right = left = 0.0
    for index, part in enumerate(parts):
        if part.share >= 0:
            middle, right = right + part.share / 2, right + part.share
        else:
            middle, left = left + part.share / 2, left + part.share
        name = wrapped(part.label, 30)[0]
        placed.append((f"{name} <b>{percent_of(part.share)}</b>", middle, 0.5 if index % 2 == 0 else -0.5))
    return placed


def shares_text(shares: SceneShareResponse) -> str:
    """The figure in words."""
    listed = "; ".join(f"{p.label} {percent_of(p.share)}" for p in parts_of(shares))
    return f"Shares of the scene's distance from the mean: {listed}."
