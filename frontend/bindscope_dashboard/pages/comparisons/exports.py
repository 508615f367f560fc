"""Tables to take away."""

from collections.abc import Sequence

from bindscope.core.wire import Interval
from bindscope.features.comparisons.schemas import ComparisonResponse, DisagreementResponse
from bindscope_dashboard.shared.exports import csv_text, numbers_of
from bindscope_dashboard.shared.scene_text import in_words


def board_csv(found: ComparisonResponse) -> str:
    """A row for each model."""
    shares = ("swap_accuracy", "undecided", "concepts", "objects")
    ends = ("", "_low", "_high", "_n")
    head = ["model", "kind", "anchor", "rank", *(f"binding{end}" for end in ends), "says", "standing"]
    head += [f"{name}{end}" for name in shares for end in ends] + ["swap_accuracy_chance"]
    for modality in ("image", "text"):
        head += [f"probe_{modality}", f"probe_{modality}_says", f"r2_objects_{modality}", f"r2_concepts_{modality}"]
    head += [f"repair_gain{end}" for end in ends]
    rows = []
    for row in found.rows:
        cells = [row.model, row.kind, row.anchor, row.rank, *_figures_of(row.binding.forced_choice)]
        cells += [row.binding.says, row.standing]
        cells += [x for name in shares for x in numbers_of(getattr(row, name))] + [row.swap_accuracy_chance]
        for modality in ("image", "text"):
            own, fit = row.probes.get(modality), row.r2.get(modality)
            value = own.forced_choice.value if own is not None and own.forced_choice is not None else None
            cells += [value, None if own is None else own.says]
            cells += [None, None] if fit is None else [fit.objects, fit.concepts]
        rows.append([*cells, *_figures_of(row.repair_gain)])
    return csv_text(head, rows)


def _figures_of(own: Interval | None) -> Sequence[object]:
    return (None, None, None, None) if own is None else numbers_of(own)


def disagreements_csv(found: DisagreementResponse) -> str:
    """The scenes on which two models differ."""
    rows = [(in_words(own.scene), *own.outcomes, *own.margins) for own in found.items]
    return csv_text(("scene", "first", "second", "first_margin", "second_margin"), rows)
