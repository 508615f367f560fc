"""The boards of models as tables with bars and intervals, one for each question that models are asked."""

from bindscope.core.binding_rules import CHANCE, Standing
from bindscope.core.wire import Binding, Interval
from bindscope.features.comparisons.findings import change_text
from bindscope.features.comparisons.schemas import AdditiveFit, ComparisonResponse, ComparisonRow
from bindscope.features.probes.findings import probe_note
from bindscope_dashboard.shared import tables
from bindscope_dashboard.shared.html import Child, Html, joined, tag
from bindscope_dashboard.shared.wording import model_title, percent, plain_number, with_interval

_KINDS = {"random": "random weights", "blind": "blank pictures"}
_HEAD = ("Rank", "Model", "Binding score", "Shows", "Swap accuracy", "Concepts", "Objects", "Probe, image",
         "Probe, text", "R² objects / concepts", "Repair gain")  # fmt: skip
_SIGNS: dict[Standing, str] = {
    "above chance": "✓ above chance",
    "not separable from chance": "≈ not separable from chance",
    "below chance": "⇄ below chance",
    "too few": "too few scenes",
}


def table(found: ComparisonResponse, anchor: str) -> Html:
    """Models of one anchor by rank, then the controls."""
    own = [row for row in found.rows if row.anchor == anchor]
    ranked = sorted(own, key=lambda row: (row.rank is None, row.rank or 0, -_value(row.binding)))
    return tables.table(_HEAD, [_row(row) for row in ranked], label=f"Board of models, {anchor}", cls="wrap board")


def _row(row: ComparisonRow) -> list[Child]:
    kind = _KINDS.get(row.kind)
    model = joined(model_title(row.model), tag("span", f" {kind}", cls="bs-muted") if kind else "")
    return [
        "–" if row.rank is None else f"{row.rank}.",
        model,
        _bar(row.binding.forced_choice),
        _SIGNS[row.standing],
        joined(percent(row.swap_accuracy.value), tag("br"), _muted(f"chance {percent(row.swap_accuracy_chance)}")),
        percent(row.concepts.value),
        percent(row.objects.value),
        _probe(row.probes.get("image")),
        _probe(row.probes.get("text")),
        joined(_fit("image", row.r2.get("image")), tag("br"), _fit("text", row.r2.get("text"))),
        "–" if row.repair_gain is None else change_text(row.repair_gain),
    ]


def _value(binding: Binding) -> float:
    return 0.0 if binding.forced_choice is None else binding.forced_choice.value or 0.0


def _muted(text: str) -> Html:
    return tag("span", text, cls="bs-muted")


def _probe(binding: Binding | None) -> Child:
    """The paired score of a probe and what it says; chance is that of the contest."""
    if binding is None or binding.forced_choice is None:
        return "–"
    return joined(percent(binding.forced_choice.value), tag("br"), _muted(probe_note(binding)))


def _bar(share: Interval | None) -> Html:
    """A share as a bar with its interval; the upright tick is chance."""
    if share is None:
        return _muted("no scene whose swap is there")
    value, low, high = (100 * (x or 0.0) for x in (share.value, share.low, share.high))
    bar = tag(
        "span",
        tag("i", style=f"width:{value:.1f}%"),
        tag("em", style=f"left:{low:.1f}%;width:{max(high - low, 0.5):.1f}%"),
        tag("u", style=f"left:{100 * CHANCE:.0f}%"),
        cls="bs-meter",
        aria_hidden="true",
    )
    return joined(bar, tag("span", with_interval(share), cls="small"))


def _fit(name: str, fit: AdditiveFit | None) -> str:
    if fit is None:
        return f"{name}: –"
    return f"{name}: {plain_number(fit.objects, 2)} / {plain_number(fit.concepts, 2)}"
