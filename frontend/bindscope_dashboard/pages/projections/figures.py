"""Scatter plots of maps in two and three dimensions."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from bindscope.features.projections.schemas import ProjectionResponse
from bindscope.scenes.render import PALETTE
from bindscope_dashboard.components.scene_editor import css_color
from bindscope_dashboard.shared.layout import dressed, with_legend
from bindscope_dashboard.shared.wording import counted, percent
from bindscope_dashboard.theme import Ink, ink

_SYMBOLS = ("circle", "square", "diamond", "cross", "x", "triangle-up", "star", "pentagon", "hexagram", "triangle-down")
_SYMBOLS_3D = ("circle", "square", "diamond", "cross", "x", "circle-open", "square-open", "diamond-open")
#: Beyond so many points all are plain dots: outlines and shapes cannot be told apart, and cost time to draw.
_MANY = 4000
#: Words for the outcomes of verdicts and probes, in order.
OUTCOMES: Mapping[str, str] = {
    "binds": "true caption wins",
    "swaps": "swapped caption wins",
    "undecided": "undecided",
    "no_valid_swap": "nothing to swap",
    "read": "objects read by probes",
    "missed": "objects not read",
}


def captions_of(found: ProjectionResponse) -> list[str]:
    """The objects of each scene in words."""
    names = list(found.concepts.values())
    return [", ".join(" ".join(names[k][v] for k, v in enumerate(obj)) for obj in scene) for scene in found.labels]


def groups_of(found: ProjectionResponse, color: str) -> dict[str, list[int]]:
    """Rows by what colours them: the value of a concept in a slot (``1.color``), or a word of ``colors``."""
    if found.colors is not None:
        words = [OUTCOMES.get(word, word) for word in found.colors]
        order = [OUTCOMES[name] for name in OUTCOMES]
    else:
        slot, _, concept = (color or f"1.{next(iter(found.concepts))}").partition(".")
        k = list(found.concepts).index(concept)
        order = found.concepts[concept]
        words = [order[scene[min(int(slot), len(scene)) - 1][k]] for scene in found.labels]
    groups: dict[str, list[int]] = {word: [] for word in order}
    for row, word in enumerate(words):
        groups[word].append(row)
    return {word: rows for word, rows in groups.items() if rows}


def map_figure(found: ProjectionResponse, color: str, *, placed: Sequence[str] = (), dark: bool = False) -> go.Figure:
    """A point for each scene; groups differ by colour and symbol. ``placed`` names the scenes that were put on it."""
    colors = ink(dark=dark)
    figure = go.Figure()
    said = captions_of(found)
    flat = len(found.points[0]) == 2
    groups = groups_of(found, color)
    symbols = _SYMBOLS if flat else _SYMBOLS_3D
    size = 8 if len(found.points) < 800 else 6 if len(found.points) < 4000 else 4
    many = len(found.points) > _MANY
    for number, (word, rows) in enumerate(groups.items()):
        marker = {
            "size": size if flat else max(2, size - 4),
            "color": _tone(word, number, colors),
            "symbol": "circle" if many else symbols[number % len(symbols)],
            "line": {"width": 0 if many else 0.5, "color": colors.neutral},
        }
        _add(figure, [found.points[row] for row in rows], name=f"{word} ({len(rows):,})", marker=marker,
             words=[said[row] for row in rows], rows=rows)  # fmt: skip
    for number, (name, point) in enumerate(zip(placed, found.placed, strict=False)):
        marker = {"size": 16 if flat else 8, "color": colors.text, "symbol": ("star", "hexagram")[number % 2]
                  if flat else "diamond", "line": {"width": 2, "color": colors.ground}}  # fmt: skip
        _add(figure, [point], name=name, marker=marker, words=[name], rows=[-1 - number])
    if flat:
        figure.update_xaxes(showticklabels=False, zeroline=False)
        figure.update_yaxes(showticklabels=False, zeroline=False, scaleanchor="x", scaleratio=1)
    else:
        axis = {"showticklabels": False, "title": "", "gridcolor": colors.line, "backgroundcolor": "rgba(0,0,0,0)"}
        figure.update_layout(scene={"xaxis": axis, "yaxis": axis, "zaxis": axis})
    dressed(figure, colors, height=560, hovermode="closest", dragmode="lasso" if flat else "orbit")
    figure.update_layout(margin={"l": 8, "r": 48, "t": 6, "b": 6})  # the buttons stand at the right
    return with_legend(figure, colors)


def _add(
    figure: go.Figure,
    points: Sequence[Sequence[float]],
    *,
    name: str,
    marker: Mapping[str, object],
    words: Sequence[str],
    rows: Sequence[int],
) -> None:
    shared = {"mode": "markers", "name": name, "marker": marker, "text": words, "customdata": list(rows),
              "hovertemplate": "%{text}<extra></extra>"}  # fmt: skip
    columns = list(zip(*points, strict=True))
    if len(columns) == 2:
        figure.add_scattergl(x=columns[0], y=columns[1], **shared)
    else:
        figure.add_scatter3d(x=columns[0], y=columns[1], z=columns[2], **shared)


def _tone(word: str, number: int, colors: Ink) -> str:
    """Colours of scenes are shown as they are; other groups take the inks of the page."""
    if word in PALETTE:
        return css_color(PALETTE[word])
    outcomes = {OUTCOMES["binds"]: colors.binds, OUTCOMES["swaps"]: colors.bag, OUTCOMES["undecided"]: colors.undecided,
                OUTCOMES["no_valid_swap"]: colors.neutral, OUTCOMES["read"]: colors.binds,
                OUTCOMES["missed"]: colors.bag}  # fmt: skip
    if word in outcomes:
        return outcomes[word]
    tones = (colors.true, colors.swap, colors.binds, colors.undecided, colors.blind, colors.primary, colors.neutral)
    return tones[number % len(tones)]


def map_text(found: ProjectionResponse, color: str) -> str:
    """The map in words: how many scenes, in which groups."""
    groups = groups_of(found, color)
    said = ", ".join(f"{word} {counted(len(rows), 'scene')}" for word, rows in groups.items())
    share = f" The axes carry {percent(sum(found.explained))} of the variance." if found.explained else ""
    return f"A map of {counted(len(found.points), 'scene')}: {said}.{share}"
