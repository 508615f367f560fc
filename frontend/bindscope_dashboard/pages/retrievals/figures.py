"""Recall with intervals."""

from collections.abc import Mapping

import plotly.graph_objects as go

from bindscope.core.binding_rules import CHANCE
from bindscope.core.wire import Interval
from bindscope.features.retrievals.schemas import RetrievalResponse
from bindscope_dashboard.shared.layout import dressed
from bindscope_dashboard.shared.recognition import share_axis, share_bar
from bindscope_dashboard.shared.wording import percent, with_interval
from bindscope_dashboard.theme import ink

#: The bar of the binding score.
TWINS = "right before its twin"


def recall_shares(found: RetrievalResponse) -> Mapping[str, Interval]:
    """The bars of a retrieval, by name: the binding score first."""
    choice = found.binding.forced_choice
    shares = {} if choice is None else {TWINS: choice}
    shares |= {f"recall@{k}": share for k, share in found.recall.items()}
    return {**shares, "twin first": found.swapped_first, "undecided": found.undecided}


def recall_chances(found: RetrievalResponse) -> Mapping[str, float]:
    """Levels without binding, where there is one."""
    level = found.swapped_first_chance
    return {TWINS: CHANCE} | ({} if level is None else {"twin first": level})


def recall_figure(found: RetrievalResponse, *, dark: bool = False) -> go.Figure:
    """The binding score, each recall, and the queries whose swapped twin comes first; ticks are chance."""
    colors = ink(dark=dark)
    figure = go.Figure()
    shares, chances = recall_shares(found), recall_chances(found)
    tones = {TWINS: colors.binds, "twin first": colors.swap, "undecided": colors.neutral}
    for row, (name, share) in enumerate(shares.items()):
        if share.value is not None:
            share_bar(figure, share, row, tone=tones.get(name, colors.true), colors=colors, name=name)
        if share.value is not None and name in chances:
            figure.add_scatter(
                x=[chances[name]], y=[row], mode="markers", showlegend=False,
                marker={"symbol": "line-ns", "size": 22, "line": {"color": colors.text, "width": 2.5}},
                hovertemplate=f"chance {percent(chances[name])}<extra></extra>",
            )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(shares))), ticktext=list(shares), range=[len(shares) - 0.5, -0.5], fixedrange=True,
        showgrid=False, zeroline=False, automargin=True,
    )  # fmt: skip
    share_axis(figure)
    return dressed(figure, colors, height=60 + 34 * len(shares))


def recall_text(found: RetrievalResponse) -> str:
    """The bars in words."""
    chances = recall_chances(found)
    levels = {name: f", chance {percent(level)}" for name, level in chances.items()}
    return "; ".join(f"{name} {with_interval(own)}{levels.get(name, '')}" for name, own in recall_shares(found).items())
