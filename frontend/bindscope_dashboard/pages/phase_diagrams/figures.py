"""The phase diagram: the binding score of unseen objects by coverage and size of the object space."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import plotly.graph_objects as go

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.held_out import held_out_text
from bindscope.core.wire import Binding
from bindscope.features.jobs.schemas import CellFailure, LiveCell
from bindscope.features.trainings.schemas import PhaseCell, PhasePoint
from bindscope_dashboard.shared.layout import dressed
from bindscope_dashboard.shared.wording import percent
from bindscope_dashboard.theme import Ink, ink

_LIGHT_SCALE = ((0.0, "#eef2fb"), (0.5, "#8fb0ea"), (1.0, "#12398c"))
_DARK_SCALE = ((0.0, "#1a2338"), (0.5, "#3f66b5"), (1.0, "#c4d8ff"))

#: The progress of a square is shown in so many steps.
_TICKS = 20


@dataclass(frozen=True)
class Square:
    """One square of the diagram: a space and a coverage, over all its seeds.

    ``binding`` is the score of unseen objects over the finished seeds; ``progress`` the share of its steps done,
    rounded down: a chart that can be clicked is made anew for every change, so there should be few.
    """

    space: str
    coverage: float
    seeds: int
    cells: tuple[PhaseCell, ...] = ()
    binding: Binding | None = None
    progress: float | None = None
    failed: int = 0

    @property
    def value(self) -> float | None:
        """The score itself; None where no scene of unseen objects has a swap of unseen objects."""
        score = None if self.binding is None else self.binding.forced_choice
        return None if score is None else score.value

    @property
    def state(self) -> Literal["done", "running", "failed", "waiting"]:
        """``done``: every seed is finished."""
        if len(self.cells) >= self.seeds:
            return "done"
        if self.progress is not None:
            return "running"
        return "failed" if self.failed else "waiting"


def unseen_score(cell: PhaseCell) -> float | None:
    """The binding score of a run on scenes of unseen objects."""
    found = None if cell.binding is None else cell.binding.forced_choice
    return None if found is None else found.value


def squares_of(
    request: Mapping[str, Any],
    cells: Iterable[PhaseCell],
    points: Iterable[PhasePoint] = (),
    *,
    live: Iterable[LiveCell] = (),
    failures: Iterable[CellFailure] = (),
) -> list[Square]:
    """Every square that the request asks for, spaces slowest, each with what is known of it."""
    finished: dict[tuple[str, float], list[PhaseCell]] = {}
    for cell in cells:
        finished.setdefault((cell.space, cell.coverage), []).append(cell)
    scores = {(point.space, point.coverage): point.binding for point in points}
    running: dict[tuple[str, float], list[float]] = {}
    for one in live:
        running.setdefault(place_of(one.cell), []).append(_TICKS * one.step // max(1, one.steps) / _TICKS)
    failed: dict[tuple[str, float], int] = {}
    for failure in failures:
        failed[place_of(failure.cell)] = failed.get(place_of(failure.cell), 0) + 1
    seeds = len(request.get("seeds") or [0])
    return [
        Square(space, coverage, seeds, tuple(sorted(finished.get((space, coverage), []), key=lambda c: c.seed)),
               scores.get((space, coverage)), max(running.get((space, coverage), []), default=None),
               failed.get((space, coverage), 0))
        for space in dict.fromkeys(request["spaces"])
        for coverage in dict.fromkeys(float(c) for c in request["coverages"])
    ]  # fmt: skip


def place_of(cell: Mapping[str, Any]) -> tuple[str, float]:
    """Space and coverage of a cell as a job names it."""
    settings = settings_of(cell)
    return str(settings.get("space")), float(settings.get("coverage", -1))


def settings_of(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of a cell: those of its training, where it is one."""
    config = cell.get("config")
    return config if isinstance(config, Mapping) else cell


def by_size(squares: Sequence[Square], sizes: Mapping[str, int]) -> list[str]:
    """The spaces from the smallest number of objects to the largest; unknown sizes keep their order at the end."""
    spaces = list(dict.fromkeys(square.space for square in squares))
    return sorted(spaces, key=lambda name: (sizes.get(name, 10**9), spaces.index(name)))


def phase_figure(squares: Sequence[Square], sizes: Mapping[str, int], *, dark: bool = False) -> go.Figure:
    """A heat map with the number in each square, the largest space on top; unfinished squares are outlined and say why.

    ``sizes``: objects by space. ``customdata`` of each marker is the number of the square in ``squares``.
    """
    colors = ink(dark=dark)
    spaces = by_size(squares, sizes)
    coverages = sorted({square.coverage for square in squares})
    at = [(coverages.index(s.coverage), spaces.index(s.space)) for s in squares]
    grid: list[list[float | None]] = [[None] * len(coverages) for _ in spaces]
    for square, (x, y) in zip(squares, at, strict=True):
        grid[y][x] = square.value
    scale = _DARK_SCALE if dark else _LIGHT_SCALE
    figure = go.Figure()
    figure.add_heatmap(
        z=grid, zmin=CHANCE, zmax=1, xgap=3, ygap=3, hoverinfo="skip", colorscale=[list(stop) for stop in scale],
        colorbar={"thickness": 10, "tickvals": [CHANCE, 1], "ticktext": [f"{percent(CHANCE)}<br>chance", "100 %"],
                  "outlinewidth": 0, "tickfont": {"color": colors.muted}},
    )  # fmt: skip
    for number, (square, (x, y)) in enumerate(zip(squares, at, strict=True)):
        _add_mark(figure, square, number, x=x, y=y, ground=_ground(square.value, scale), colors=colors)
    labels = [f"{name}<br>{sizes[name]:,} objects" if name in sizes else name for name in spaces]
    axis = {"fixedrange": True, "showgrid": False, "ticks": "", "zeroline": False, "automargin": True}
    figure.update_xaxes(
        **axis, tickvals=list(range(len(coverages))), ticktext=[f"{100 * c:g} %" for c in coverages],
        range=[-0.5, len(coverages) - 0.5],
        title={"text": "coverage: share of the objects in training", "font": {"color": colors.muted, "size": 12}},
    )  # fmt: skip
    figure.update_yaxes(
        **axis, tickvals=list(range(len(spaces))), ticktext=labels, range=[-0.5, len(spaces) - 0.5]
    )  # fmt: skip
    height = 64 * max(1, len(spaces)) + 70
    return dressed(figure, colors, height=max(200, height), hovermode="closest", clickmode="event+select")


def _add_mark(
    figure: go.Figure, square: Square, number: int, *, x: int, y: int, ground: str | None, colors: Ink
) -> None:
    done = square.state == "done"
    if not done:
        figure.add_shape(
            type="rect", x0=x - 0.46, x1=x + 0.46, y0=y - 0.44, y1=y + 0.44,
            line={"color": colors.primary if square.state == "running" else colors.neutral, "width": 1.5,
                  "dash": "solid" if square.state == "running" else "dot"},
        )  # fmt: skip
    figure.add_scatter(
        x=[x], y=[y], customdata=[number], mode="markers+text", text=[square_text(square)],
        textfont={"size": 13, "color": colors.text if ground is None else _on(ground)},
        marker={"symbol": "square", "size": 44, "color": "rgba(0,0,0,0)", "line": {"width": 0}},
        hovertext=[_hover(square)], hovertemplate="%{hovertext}<extra></extra>",
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
    )  # fmt: skip


def square_text(square: Square) -> str:
    """What is written in a square: the score and its n, or how far it is."""
    number = "" if square.value is None else f"<b>{100 * square.value:.0f}</b>"
    score = None if square.binding is None else square.binding.forced_choice
    if square.state == "done":
        return f"{number}<br>n {score.n}" if number and score is not None else number or "–"
    count = f"{len(square.cells)}/{square.seeds}" if square.seeds > 1 else ""
    tail = {"running": f"▶ {100 * (square.progress or 0):.0f} %", "failed": "✗ failed", "waiting": "…"}[square.state]
    return "<br>".join(part for part in (number, f"{tail} {count}".strip()) if part)


def square_name(square: Square) -> str:
    """Which square it is."""
    return f"{square.space}, coverage {100 * square.coverage:g} %"


def square_title(square: Square) -> str:
    """A square and what is known of it, for headings and for screen readers."""
    name = square_name(square)
    if square.cells:
        count = f" ({len(square.cells)} of {square.seeds} seeds)" if square.seeds > 1 else ""
        return f"{name}: {held_out_text(square.binding)}{count}"
    if square.state == "running":
        return f"{name}: running, {percent(square.progress)} of the steps"
    return f"{name}: {'failed' if square.state == 'failed' else 'not begun'}"


def _hover(square: Square) -> str:
    seeds = ", ".join(f"seed {c.seed}: {percent(unseen_score(c))}" for c in square.cells)
    return f"<b>{square_title(square)}</b>" + (f"<br>{seeds}" if square.seeds > 1 and seeds else "")


def phase_text(squares: Sequence[Square]) -> str:
    """The figure in words."""
    return (
        f"Phase diagram: binding score of scenes of unseen objects, chance {percent(CHANCE)}. "
        + "; ".join(square_title(square) for square in squares)
        + "."
    )


def _ground(value: float | None, scale: Sequence[tuple[float, str]]) -> str | None:
    """The colour of the heat map at a value."""
    if value is None:
        return None
    value = max(0.0, (value - CHANCE) / (1 - CHANCE))
    for (low, first), (high, second) in pairwise(scale):
        if value <= high:
            share = (value - low) / (high - low)
            return "#" + "".join(
                f"{round(int(first[i : i + 2], 16) * (1 - share) + int(second[i : i + 2], 16) * share):02x}"
                for i in (1, 3, 5)
            )
    return scale[-1][1]


def _on(ground: str) -> str:
    """Black or white, whichever can be read better: one of them always has 4.5 to 1."""
    parts = [int(ground[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"
