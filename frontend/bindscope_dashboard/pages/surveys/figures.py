"""The swap atlas: for a true value and a wrong one, how often the caption with the two exchanged won."""

from collections.abc import Sequence

import plotly.graph_objects as go

from bindscope.features.surveys.schemas import AtlasCell
from bindscope.features.verdicts.findings import signed
from bindscope.scenes.concepts import Concept
from bindscope_dashboard.shared.layout import dressed
from bindscope_dashboard.shared.wording import percent
from bindscope_dashboard.theme import Ink, ink

_LIGHT_SCALE = [[0.0, "#e8f0fd"], [0.5, "#f6e3cf"], [1.0, "#b94d05"]]
#: Cells that cannot be told from the mean: a veil that both modes can bear.
_GREY = "rgba(128,128,128,0.16)"
_DARK_SCALE = [[0.0, "#1d2c49"], [0.5, "#5b4128"], [1.0, "#f2954a"]]


def cells_of(atlas: Sequence[AtlasCell], concept: str) -> list[AtlasCell]:
    """The cells of one concept: those that differ from the mean of all first, the worst first."""
    own = [cell for cell in atlas if cell.concept == concept]
    return sorted(own, key=lambda c: (not c.shown, -(c.shrunk.value or 0.0), c.mean_margin))


def atlas_figure(cells: Sequence[AtlasCell], concept: Concept, *, dark: bool = False) -> go.Figure:
    """A heat map of true value (down) by wrong value (across), shares drawn towards the mean; cells whose interval
    holds the mean are grey.

    A square marker lies on each cell: its ``customdata`` holds the number of the cell in ``cells``.
    """
    colors = ink(dark=dark)
    size = len(concept.values)
    index = concept.index
    grid: list[list[float | None]] = [[None] * size for _ in range(size)]
    points: list[tuple[int, int, int]] = []
    for number, cell in enumerate(cells):
        i, j = index[cell.value], index[cell.other]
        grid[i][j] = cell.shrunk.value if cell.shown else None
        points.append((i, j, number))
    figure = go.Figure()
    figure.add_heatmap(
        z=grid,
        zmin=0,
        zmax=1,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
        colorscale=_DARK_SCALE if dark else _LIGHT_SCALE,
        colorbar={
            "thickness": 10,
            "tickvals": [0, 0.5, 1],
            "ticktext": ["0 %", "50 %", "100 %"],
            "outlinewidth": 0,
            "tickfont": {"color": colors.muted},
        },
    )
    side = 340 / max(size, 1)
    figure.add_scatter(
        x=[j for _, j, _ in points],
        y=[i for i, _, _ in points],
        customdata=[number for _, _, number in points],
        mode="markers+text",
        marker={
            "symbol": "square",
            "size": side,
            "color": ["rgba(0,0,0,0)" if cells[number].shown else _GREY for _, _, number in points],
            "line": {"width": 0},
        },
        text=[_share(cells[number]) for _, _, number in points] if size <= 12 else None,
        textfont={"size": 11, "color": [_on(cells[n], colors, dark=dark) for _, _, n in points]},
        hovertext=[_hover(cells[number]) for _, _, number in points],
        hovertemplate="%{hovertext}<extra></extra>",
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )
    axis = {
        "tickvals": list(range(size)),
        "ticktext": list(concept.values),
        "fixedrange": True,
        "showgrid": False,
        "ticks": "",
    }
    figure.update_xaxes(**axis, range=[-0.5, size - 0.5], side="top", tickangle=-40, zeroline=False, automargin=True)
    figure.update_yaxes(**axis, range=[size - 0.5, -0.5], zeroline=False, automargin=True)
    return dressed(figure, colors, height=460 if size > 4 else 300, hovermode="closest", clickmode="event+select")


def atlas_text(cells: Sequence[AtlasCell], concept: str) -> str:
    """The figure in words: its worst pairs."""
    if not cells:
        return f"Swap atlas of {concept}: no scene exchanges two of its values."
    shown = [cell for cell in cells if cell.shown]
    start = f"Swap atlas of {concept}: how often the caption with two values exchanged won."
    if not shown:
        return f"{start} No pair of values differs from the mean by more than chance does."
    worst = "; ".join(f"{c.value} taken for {c.other} {percent(c.shrunk.value)}, n = {c.swapped.n}" for c in shown[:5])
    return f"{start} Pairs that differ from the mean, the worst first: {worst}."


def _share(cell: AtlasCell) -> str:
    if cell.shrunk.value is None:
        return ""
    return "≈" if cell.undecided == cell.swapped.n else f"{100 * cell.shrunk.value:.0f}"


def _on(cell: AtlasCell, colors: Ink, *, dark: bool) -> str:
    """A colour that can be read on the cell."""
    share = cell.shrunk.value or 0.0
    if not cell.shown:
        return colors.muted
    if dark:
        return "#12161f" if share > 0.75 else "#ffffff"
    return "#ffffff" if share > 0.82 else "#1a2130"


def _hover(cell: AtlasCell) -> str:
    note = "" if cell.shown else "<br>not separable from the mean"
    return (
        f"<b>{cell.value} taken for {cell.other}</b><br>swapped caption won {percent(cell.swapped.value)} of "
        f"{cell.swapped.n}, drawn to the mean {percent(cell.shrunk.value)}{note}"
        f"<br>undecided {cell.undecided}<br>mean lead {signed(cell.mean_margin)}"
    )
