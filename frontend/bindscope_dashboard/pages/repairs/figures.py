"""What a repair gains and costs along its path."""

from collections.abc import Sequence

import plotly.graph_objects as go

from bindscope.core.binding_rules import CHANCE
from bindscope.core.wire import Interval
from bindscope.features.repairs.schemas import RepairFigures, RepairModel
from bindscope_dashboard.shared.layout import dressed, faded, with_legend
from bindscope_dashboard.shared.wording import percent
from bindscope_dashboard.theme import ink

#: Figures of a repair: field, words, dash, symbol.
LINES: tuple[tuple[str, str, str, str], ...] = (
    ("binding", "true before swapped", "solid", "circle"),
    ("recall_at_1", "ordinary recall@1", "dash", "square"),
    ("concepts", "concepts recognised", "dot", "diamond"),
)


def repair_share(figures: RepairFigures, name: str) -> Interval:
    """A figure of a repair by its field; of ``binding`` the forced choice."""
    found: Interval | None = figures.binding.forced_choice if name == "binding" else getattr(figures, name)
    return found or Interval(value=None, low=None, high=None, n=0)


def path_figure(found: RepairModel, t: float, *, dark: bool = False) -> go.Figure:
    """Gain and costs against the part of the map that is used, with 95 % bands; an upright line at ``t``, a level one
    at chance of the binding score."""
    colors = ink(dark=dark)
    figure = go.Figure()
    for (name, words, dash, symbol), tone in zip(LINES, (colors.binds, colors.true, colors.undecided), strict=True):
        points = [(point.t, repair_share(point, name)) for point in found.path]
        own = [(x, share) for x, share in points if share.value is not None]
        xs = [x for x, _ in own]
        figure.add_scatter(
            x=[*xs, *xs[::-1]], y=[*(s.high for _, s in own), *(s.low for _, s in own[::-1])], fill="toself",
            fillcolor=faded(tone, 0.13), line={"width": 0}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        figure.add_scatter(
            x=xs, y=[s.value for _, s in own], name=words, mode="lines+markers",
            line={"color": tone, "width": 2.5, "dash": dash}, marker={"symbol": symbol, "size": 8},
            hovertemplate=f"{words} %{{y:.0%}} at t = %{{x}}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=t, line={"color": colors.text, "width": 1.5, "dash": "dash"})
    figure.add_hline(y=CHANCE, line={"color": colors.muted, "width": 1, "dash": "dot"})
    figure.update_xaxes(
        title={"text": "part t of the map that is used", "font": {"color": colors.muted, "size": 12}},
        range=[-0.03, 1.03], dtick=0.2, fixedrange=True, zeroline=False, automargin=True,
    )  # fmt: skip
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", fixedrange=True, zeroline=False, automargin=True)
    dressed(figure, colors, height=380, hovermode="closest")
    return with_legend(figure, colors)


def path_text(found: RepairModel) -> str:
    """The ends of the lines in words."""
    first, last = found.path[0], found.path[-1]
    said: Sequence[str] = [
        f"{words} from {percent(repair_share(first, name).value)} at t = 0 to "
        f"{percent(repair_share(last, name).value)} at t = 1"
        for name, words, _, _ in LINES
    ]
    return "; ".join(said)
