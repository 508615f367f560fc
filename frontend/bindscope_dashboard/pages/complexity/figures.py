"""Complexity: how well each family of functions predicts scenes of unseen objects, against coverage."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import plotly.graph_objects as go

from bindscope.core.binding_rules import CHANCE
from bindscope.core.wire import Binding, Interval
from bindscope.features.complexity.findings import kind_name
from bindscope.features.complexity.schemas import ComplexityCellResult
from bindscope_dashboard.pages.complexity.state import Measure
from bindscope_dashboard.shared.layout import dressed, faded, with_legend
from bindscope_dashboard.shared.wording import plain_number
from bindscope_dashboard.theme import Ink, ink

MEASURE_NAMES: Mapping[Measure, str] = {
    "binding": "binding score",
    "r2": "R² (variance)",
    "object": "objects",
    "object_on_valid_swaps": "objects, where a swap exists",
    "concepts": "all concepts at once",
}
_AXIS: Mapping[Measure, str] = {
    "binding": "binding score of the predictions",
    "r2": "R² on scenes of unseen objects",
    "object": "objects recognised",
    "object_on_valid_swaps": "objects recognised, scenes with a swap",
    "concepts": "all concepts recognised",
}
_DASHES = ("longdash", "dashdot", "longdashdot", "dot")
_SYMBOLS = ("x", "star", "hexagon", "pentagon")
#: An R2 below this is drawn here; the table says what it is.
FLOOR = -0.5


@dataclass(frozen=True)
class Point:
    """One family at one coverage: the mean over seeds, and the lowest and highest seed."""

    coverage: float
    value: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True)
class Stroke:
    """How the line of a family looks."""

    color: str
    dash: str
    symbol: str
    size: int = 9


def kinds_of(cells: Iterable[ComplexityCellResult]) -> list[str]:
    """The families that have a finished fit, in the order in which they were asked for."""
    return list(dict.fromkeys(cell.kind for cell in cells))


def measured(cell: ComplexityCellResult, measure: Measure) -> float | None:
    """The figure of one fit on scenes of unseen objects."""
    if measure == "binding":
        return _score(cell.binding)
    return cell.test_r2 if measure == "r2" else _share(cell.test.get(measure))


def curve(cells: Iterable[ComplexityCellResult], kind: str, measure: Measure) -> list[Point]:
    """The line of one family, by coverage."""
    by_coverage: dict[float, list[float]] = {}
    for cell in cells:
        value = measured(cell, measure) if cell.kind == kind else None
        if value is not None:
            by_coverage.setdefault(cell.coverage, []).append(value)
    return [Point(c, sum(v) / len(v), min(v), max(v), len(v)) for c, v in sorted(by_coverage.items())]


def ceiling(cells: Iterable[ComplexityCellResult], measure: Measure) -> list[tuple[float, float]]:
    """Coverage and what true embeddings that the probes never saw reach (R2: the share that is not noise)."""
    if measure == "binding":
        return _means((c.coverage, _score(c.ceiling_binding)) for c in cells)
    return _means((c.coverage, c.r2_ceiling if measure == "r2" else _share(c.ceiling.get(measure))) for c in cells)


def chance(cells: Iterable[ComplexityCellResult], measure: Measure) -> list[tuple[float, float]]:
    """Coverage and chance; for R2 the mean of the training scenes, which is zero."""
    if measure == "binding":
        return _means((c.coverage, CHANCE) for c in cells)
    return _means((c.coverage, 0.0 if measure == "r2" else _share(c.chance.get(measure))) for c in cells)


def _means(pairs: Iterable[tuple[float, float | None]]) -> list[tuple[float, float]]:
    by_coverage: dict[float, list[float]] = {}
    for coverage, value in pairs:
        if value is not None:
            by_coverage.setdefault(coverage, []).append(value)
    return [(c, sum(v) / len(v)) for c, v in sorted(by_coverage.items())]


def _score(binding: Binding | None) -> float | None:
    return None if binding is None else _share(binding.forced_choice)


def _share(interval: Interval | None) -> float | None:
    return None if interval is None else interval.value


def value_range(sources: Iterable[Sequence[ComplexityCellResult]], measure: Measure) -> tuple[float, float]:
    """The range of values of all sources together: figures side by side have equal axes."""
    if measure != "r2":
        return (-0.03, 1.05)
    lows = [p.low for cells in sources for kind in kinds_of(cells) for p in curve(cells, kind, "r2")]
    return (max(FLOOR, min([0.0, *lows])) - 0.04, 1.05)


def curves_figure(
    cells: Sequence[ComplexityCellResult],
    measure: Measure,
    *,
    values: tuple[float, float] | None = None,
    coverages: Sequence[float] = (),
    dark: bool = False,
) -> go.Figure:
    """A line per family with a band from the lowest to the highest seed, the ceiling and chance.

    ``values`` and ``coverages``: the range of values and the coverages of the axes, where they reach beyond the cells.
    """
    colors = ink(dark=dark)
    figure = go.Figure()
    strokes = strokes_of(kinds_of(cells), colors)
    for number, kind in enumerate(kinds_of(cells)):
        # The first marks are the largest: curves that coincide can still be told apart.
        stroke = replace(strokes[kind], size=max(7, 14 - 2 * number))
        _add_curve(figure, curve(cells, kind, measure), kind_name(kind), stroke=stroke, measure=measure)
    _add_reference(figure, ceiling(cells, measure), "ceiling", color=colors.text, dash="dash")
    _add_reference(figure, chance(cells, measure), "mean" if measure == "r2" else "chance", color=colors.muted,
                   dash="dot")  # fmt: skip
    every = sorted({*coverages, *(cell.coverage for cell in cells)}) or [0.0, 1.0]
    low, high = values or value_range([cells], measure)
    figure.update_xaxes(
        title={"text": "coverage: share of the objects in training", "font": {"color": colors.muted, "size": 12}},
        range=[every[0] - 0.03, every[-1] + 0.03], tickvals=every, fixedrange=True, automargin=True,
    )  # fmt: skip
    figure.update_yaxes(
        title={"text": _AXIS[measure], "font": {"color": colors.muted, "size": 12}}, range=[low, high],
        tickformat="" if measure == "r2" else ".0%", fixedrange=True, automargin=True, zeroline=False,
    )  # fmt: skip
    dressed(figure, colors, height=400, hovermode="closest")
    figure.update_layout(margin={"l": 8, "r": 56, "t": 6, "b": 6})
    return with_legend(figure, colors)


def strokes_of(kinds: Sequence[str], colors: Ink) -> dict[str, Stroke]:
    """A look for each family; networks share a colour and differ by dash and symbol."""
    fixed = {
        "additive": Stroke(colors.true, "solid", "circle"),
        "per_object_product": Stroke(colors.undecided, "dash", "diamond"),
        "global_product": Stroke(colors.swap, "solid", "square"),
        "random_forest": Stroke(colors.binds, "dashdot", "triangle-up"),
        "gradient_boosting": Stroke(colors.blind, "dash", "cross"),
    }
    others = [kind for kind in kinds if kind not in fixed]
    return fixed | {
        kind: Stroke(colors.neutral, _DASHES[i % len(_DASHES)], _SYMBOLS[i % len(_SYMBOLS)])
        for i, kind in enumerate(others)
    }


def _add_curve(figure: go.Figure, points: Sequence[Point], name: str, *, stroke: Stroke, measure: Measure) -> None:
    if not points:
        return
    x = [p.coverage for p in points]
    if any(p.high > p.low for p in points):
        figure.add_scatter(
            x=[*x, *reversed(x)],
            y=[*(_cut(p.high, measure) for p in points), *(_cut(p.low, measure) for p in reversed(points))],
            fill="toself", fillcolor=faded(stroke.color, 0.14), mode="lines", line={"width": 0}, hoverinfo="skip",
            showlegend=False, legendgroup=name, name=f"{name}, seeds",
        )  # fmt: skip
    figure.add_scatter(
        x=x, y=[_cut(p.value, measure) for p in points], name=name, legendgroup=name, mode="lines+markers",
        line={"color": stroke.color, "dash": stroke.dash, "width": 2.4},
        marker={"symbol": stroke.symbol, "size": stroke.size, "color": stroke.color},
        hovertext=[_point_text(name, p, measure) for p in points], hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip


def _cut(value: float, measure: Measure) -> float:
    return max(value, FLOOR) if measure == "r2" else value


def _point_text(name: str, point: Point, measure: Measure) -> str:
    spread = f"<br>{_said(point.low, measure)} to {_said(point.high, measure)}, {point.seeds} seeds"
    return f"<b>{name}</b><br>coverage {point.coverage:g}: {_said(point.value, measure)}" + (
        spread if point.seeds > 1 else ""
    )


def _said(value: float, measure: Measure) -> str:
    return plain_number(value, 2) if measure == "r2" else f"{100 * value:.0f} %"


def _add_reference(
    figure: go.Figure, points: Sequence[tuple[float, float]], name: str, *, color: str, dash: str
) -> None:
    if not points:
        return
    x, y = [p[0] for p in points], [p[1] for p in points]
    figure.add_scatter(
        x=x, y=y, name=name, mode="lines" if len(points) > 1 else "markers", showlegend=False,
        line={"color": color, "dash": dash, "width": 1.8},
        marker={"symbol": "line-ew-open", "size": 22, "color": color},
        hovertemplate=f"{name} %{{y:.2f}}<extra></extra>",
    )  # fmt: skip
    figure.add_annotation(
        x=x[-1], y=y[-1], text=name, showarrow=False, xanchor="left", xshift=14, font={"color": color, "size": 12}
    )


def curves_text(cells: Sequence[ComplexityCellResult], measure: Measure, *, source: str) -> str:
    """The figure in words: each family's first and last point, then the ceiling."""
    if not cells:
        return f"{MEASURE_NAMES[measure]} against coverage, {source}: no fit is finished yet."
    parts = []
    for kind in kinds_of(cells):
        points = curve(cells, kind, measure)
        said = ", ".join(f"{_said(p.value, measure)} at {p.coverage:g}" for p in points)
        parts.append(f"{kind_name(kind)} {said or 'no test scene'}")
    top = ceiling(cells, measure)
    tail = f"; ceiling {_said(top[-1][1], measure)} at {top[-1][0]:g}" if top else ""
    return f"{MEASURE_NAMES[measure]} on unseen objects against coverage, {source}: {'; '.join(parts)}{tail}."
