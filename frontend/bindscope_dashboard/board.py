"""The board of models as a table with bars and intervals."""

from bindscope.schemas.base import Interval
from bindscope.schemas.comparisons import AdditiveFit, ComparisonResponse, ComparisonRow
from bindscope_dashboard import tables
from bindscope_dashboard.markup import Child, Html, joined, tag
from bindscope_dashboard.wording import model_title, percent, plain_number, with_interval

_KINDS = {"random": "random weights", "blind": "blank pictures"}
_HEAD = ("Rank", "Model", "Swap accuracy", "Concepts", "Objects", "Probe, image", "Probe, text",
         "R² objects / concepts", "Repair gain")  # fmt: skip


def table(found: ComparisonResponse) -> Html:
    """Models by rank, then the controls."""
    ranked = sorted(found.rows, key=lambda row: (row.rank is None, row.rank or 0, -(row.swap_accuracy.value or 0.0)))
    return tables.table(_HEAD, [_row(row) for row in ranked], label="Board of models", cls="wrap board")


def _row(row: ComparisonRow) -> list[Child]:
    name = model_title(row.model)
    kind = _KINDS.get(row.kind)
    anchor = " · captions only" if row.anchor == "text" and kind is None else ""
    model = joined(name, tag("span", f" {kind or ''}{anchor}", cls="bs-muted") if kind or anchor else "")
    gain = row.repair_gain
    return [
        "–" if row.rank is None else f"{row.rank}.",
        model,
        _bar(row.swap_accuracy),
        _share(row.concepts),
        _share(row.objects),
        _share(row.probes.get("image")),
        _share(row.probes.get("text")),
        joined(_fit("image", row.r2.get("image")), tag("br"), _fit("text", row.r2.get("text"))),
        "–" if gain is None else f"{100 * gain:+.0f} points".replace("-", "−"),
    ]


def _bar(share: Interval) -> Html:
    """A share as a bar with its interval; the upright tick is a coin."""
    value, low, high = (100 * (x or 0.0) for x in (share.value, share.low, share.high))
    bar = tag(
        "span",
        tag("i", style=f"width:{value:.1f}%"),
        tag("em", style=f"left:{low:.1f}%;width:{max(high - low, 0.5):.1f}%"),
        tag("u", style="left:50%"),
        cls="bs-meter",
        aria_hidden="true",
    )
    return joined(bar, tag("span", with_interval(share), cls="small"))


def _share(share: Interval | None) -> str:
    return "–" if share is None else percent(share.value)


def _fit(name: str, fit: AdditiveFit | None) -> str:
    if fit is None:
        return f"{name}: –"
    return f"{name}: {plain_number(fit.objects, 2)} / {plain_number(fit.concepts, 2)}"
