"""The paper's Fig. 9 relation: does a simple binding function (a product) go with binding unseen objects?"""

from collections.abc import Iterable, Sequence
from typing import Literal

import plotly.graph_objects as go

from bindscope.core.binding_rules import CHANCE
from bindscope.features.trainings.schemas import PhaseCell
from bindscope_dashboard.pages.phase_diagrams.figures import unseen_score
from bindscope_dashboard.shared.layout import dressed, with_legend
from bindscope_dashboard.shared.wording import percent, plain_number
from bindscope_dashboard.theme import ink

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon", "hexagon", "triangle-down")

#: Whose scenes the sum and the product were fitted to: of objects that the run saw, or of those that it did not see.
Part = Literal["seen", "unseen"]
PARTS: tuple[Part, ...] = ("seen", "unseen")
PART_NAMES: dict[Part, str] = {"seen": "seen objects", "unseen": "unseen objects"}


def product_points(cells: Iterable[PhaseCell], part: Part) -> list[tuple[float, float, PhaseCell]]:
    """What the product adds to the sum, and the binding score of unseen objects, for the runs that have both."""
    found = [(getattr(cell.product, part), unseen_score(cell), cell) for cell in cells]
    return [
        (fit.product_share, score, cell)
        for fit, score, cell in found
        if fit is not None and fit.product_share is not None and score is not None
    ]


def product_figure(cells: Sequence[PhaseCell], part: Part = "seen", *, dark: bool = False) -> go.Figure:
    """Each run as a point: what the product adds to the sum against the binding score; a symbol per space."""
    colors = ink(dark=dark)
    tones = (colors.true, colors.swap, colors.binds, colors.undecided, colors.blind)
    figure = go.Figure()
    points = product_points(cells, part)
    for number, space in enumerate(dict.fromkeys(cell.space for _, _, cell in points)):
        own = [(x, y, cell) for x, y, cell in points if cell.space == space]
        figure.add_scatter(
            x=[x for x, _, _ in own], y=[y for _, y, _ in own], name=space, mode="markers",
            marker={"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 11, "color": tones[number % len(tones)]},
            hovertext=[f"<b>{space}</b>, coverage {100 * c.coverage:g} %, seed {c.seed}<br>product beyond the sum "
                       f"{plain_number(x, 2)}<br>unseen objects {percent(y)}"
                       for x, y, c in own],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    high = max([0.1, *(x for x, _, _ in points)])
    figure.add_hline(y=CHANCE, line={"color": colors.muted, "width": 1.5, "dash": "dash"})
    figure.update_xaxes(
        title={"text": "of what the sum leaves, explained by the product", "font": {"color": colors.muted, "size": 12}},
        range=[-0.05 * high, 1.05 * high], fixedrange=True, automargin=True, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(
        title={"text": f"binding score, unseen objects (chance {percent(CHANCE)})",
               "font": {"color": colors.muted, "size": 12}},
        range=[-0.05, 1.05], tickformat=".0%", fixedrange=True, automargin=True, zeroline=False,
    )  # fmt: skip
    dressed(figure, colors, height=380, hovermode="closest")
    return with_legend(figure, colors)


def product_text(cells: Sequence[PhaseCell], part: Part = "seen") -> str:
    """The figure in words."""
    listed = "; ".join(
        f"{c.space} at {100 * c.coverage:g} %, seed {c.seed}: product {plain_number(x, 2)}, unseen objects {percent(y)}"
        for x, y, c in product_points(cells, part)
    )
    return f"What the product adds to the sum against the binding score of unseen objects: {listed or 'no run yet'}."
