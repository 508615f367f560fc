"""Tables to take away."""

from collections.abc import Sequence

from bindscope.features.repairs.schemas import RepairFigures, RepairModel
from bindscope_dashboard.pages.repairs.figures import repair_share
from bindscope_dashboard.shared.exports import csv_text, numbers_of

_FIGURES = ("binding", "swap_accuracy", "recall_at_1", "concepts")


def repair_csv(found: RepairModel) -> str:
    """The path, then the baselines, then the scenes by how many familiar objects they hold."""
    rows: list[Sequence[object]] = [(f"t={point.t:g}", point.distance, *_repair_numbers(point)) for point in found.path]
    rows += [(name, None, *_repair_numbers(own)) for name, own in found.baselines.items()]
    rows += [
        (f"{own.familiar} familiar, {stage}", None, *numbers_of(getattr(own, stage)))
        for own in found.strata
        for stage in ("before", "after", "gain")
    ]
    head = ["what", "distance", *(f"{name}{end}" for name in _FIGURES for end in ("", "_low", "_high", "_n"))]
    return csv_text(head, rows)


def _repair_numbers(own: RepairFigures) -> list[object]:
    return [x for name in _FIGURES for x in numbers_of(repair_share(own, name))]
