"""The paper's Fig. 9 relation: does a simple binding function (a product) go with unseen objects recognised?"""

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import Literal

import plotly.graph_objects as go

from bindscope.schemas.trainings import PhaseCell
from bindscope_dashboard.plots.layout import dressed, with_legend
from bindscope_dashboard.plots.phase import unseen_object
from bindscope_dashboard.theme import ink
from bindscope_dashboard.wording import percent, plain_number

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon", "hexagon", "triangle-down")
#: Runs that a rank correlation needs before it is told.
_ENOUGH = 5


Measure = Literal["product_share", "product_r2"]
MEASURES: tuple[Measure, ...] = ("product_share", "product_r2")
#: On a button, on an axis, and in a sentence.
MEASURE_NAMES: dict[Measure, str] = {"product_share": "beyond the sum", "product_r2": "R²"}
_AXES: dict[Measure, str] = {
    "product_share": "of what the sum leaves, explained by the global product",
    "product_r2": "R² of the global product on unseen objects",
}
_FITS: dict[Measure, str] = {
    "product_share": "the share of what a sum leaves that the global product explains",
    "product_r2": "the fit of the global product",
}


def product_points(
    cells: Iterable[PhaseCell], measure: Measure = "product_share"
) -> list[tuple[float, float, PhaseCell]]:
    """Fit of the global product and recognition of unseen objects, for the runs that have both."""
    pairs = [(getattr(cell, measure), unseen_object(cell), cell) for cell in cells]
    return [(r2, value, cell) for r2, value, cell in pairs if r2 is not None and value is not None]


def product_figure(cells: Sequence[PhaseCell], measure: Measure = "product_share", *, dark: bool = False) -> go.Figure:
    """Each run as a point: the fit of the global product against recognition of unseen objects; a symbol per space."""
    colors = ink(dark=dark)
    tones = (colors.true, colors.swap, colors.binds, colors.undecided, colors.blind)
    figure = go.Figure()
    points = product_points(cells, measure)
    for number, space in enumerate(dict.fromkeys(cell.space for _, _, cell in points)):
        own = [(x, y, cell) for x, y, cell in points if cell.space == space]
        figure.add_scatter(
            x=[x for x, _, _ in own], y=[y for _, y, _ in own], name=space, mode="markers",
            marker={"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 11, "color": tones[number % len(tones)]},
            hovertext=[f"<b>{space}</b>, coverage {100 * c.coverage:g} %, seed {c.seed}<br>product, "
                       f"{MEASURE_NAMES[measure]} {plain_number(x, 2)}<br>unseen objects {percent(y)}"
                       for x, y, c in own],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    low = min([0.0, *(x for x, _, _ in points)])
    high = 1.0 if measure == "product_r2" else max([0.1, *(x for x, _, _ in points)])
    figure.update_xaxes(
        title={"text": _AXES[measure], "font": {"color": colors.muted, "size": 12}},
        range=[low - 0.05 * high, 1.05 * high], fixedrange=True, automargin=True, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(
        title={"text": "unseen objects recognised", "font": {"color": colors.muted, "size": 12}}, range=[-0.05, 1.05],
        tickformat=".0%", fixedrange=True, automargin=True, zeroline=False,
    )  # fmt: skip
    dressed(figure, colors, height=380, hovermode="closest")
    return with_legend(figure, colors)


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's rho, ties at their mean rank; None where one side is constant or there are under three pairs."""
    if len(pairs) < 3:
        return None
    first, second = _ranks([p[0] for p in pairs]), _ranks([p[1] for p in pairs])
    middle = (len(pairs) + 1) / 2
    spread = sqrt(sum((a - middle) ** 2 for a in first) * sum((b - middle) ** 2 for b in second))
    if spread == 0:
        return None
    return sum((a - middle) * (b - middle) for a, b in zip(first, second, strict=True)) / spread


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [(2 * ordered.index(v) + 1 + ordered.count(v)) / 2 for v in values]


def product_sentence(cells: Sequence[PhaseCell], measure: Measure = "product_share") -> str:
    """What the scatter shows; a correlation within 1.96 / sqrt(n - 1), as chance gives it, is no relation."""
    pairs = [(x, y) for x, y, _ in product_points(cells, measure)]
    count = len(pairs)
    rho = rank_correlation(pairs)
    if count < _ENOUGH or rho is None:
        have = "run has" if count == 1 else "runs have"
        return f"{count} {have} both figures: too few, or too alike, to tell a relation."
    said = f"rank correlation {plain_number(rho, 2)}, n = {count}"
    if abs(rho) < 1.96 / sqrt(count - 1):
        return f"No clear relation between {_FITS[measure]} and the recognition of unseen objects ({said})."
    better = "the more" if rho > 0 else "the fewer"
    return f"The larger {_FITS[measure]}, {better} of the unseen objects a run recognises ({said})."


def product_text(cells: Sequence[PhaseCell], measure: Measure = "product_share") -> str:
    """The figure in words."""
    listed = "; ".join(
        f"{c.space} at {100 * c.coverage:g} %, seed {c.seed}: product {plain_number(x, 2)}, objects {percent(y)}"
        for x, y, c in product_points(cells, measure)
    )
    return f"{product_sentence(cells, measure)} {listed}".strip()
