"""Tables of Retrieve, Repair, Map and Compare as CSV."""

from collections.abc import Sequence

from bindscope.core.wire import Interval
from bindscope.features.comparisons.schemas import ComparisonResponse, DisagreementResponse
from bindscope.features.near_duplicates.schemas import NearDuplicatesResponse
from bindscope.features.projections.schemas import ProjectionResponse
from bindscope.features.repairs.schemas import RepairFigures, RepairModel
from bindscope.features.retrievals.schemas import RetrievalResponse
from bindscope_dashboard.shared.choosing import repair_share
from bindscope_dashboard.shared.exports import csv_text, numbers_of
from bindscope_dashboard.shared.scene_text import in_words

_FIGURES = ("binding", "swap_accuracy", "recall_at_1", "concepts")


def retrieval_csv(found: RetrievalResponse) -> str:
    """Every result of every listed query."""
    rows = [
        (
            in_words(item.scene),
            item.text,
            item.rank,
            place,
            in_words(hit.scene),
            hit.text,
            hit.score,
            hit.right,
            hit.twin,
        )
        for item in found.items
        for place, hit in enumerate(item.results, start=1)
    ]
    head = ("query", "query_text", "rank", "place", "result", "result_text", "score", "right", "twin")
    return csv_text(head, rows)


def near_duplicates_csv(found: NearDuplicatesResponse) -> str:
    """The closest pairs."""
    return csv_text(("cosine", "first", "second", "swap"), [(p.cosine, p.first, p.second, p.swap) for p in found.pairs])


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


def map_csv(found: ProjectionResponse, rows: Sequence[int] | None = None) -> str:
    """Places, objects and colours of all scenes, or of the chosen ones."""
    chosen = range(len(found.points)) if rows is None else rows
    axes = [f"x{n + 1}" for n in range(len(found.points[0]))]
    slots = len(found.labels[0])
    head = [*axes, *(f"{name}_{slot + 1}" for slot in range(slots) for name in found.concepts), "color"]
    names = list(found.concepts.values())
    return csv_text(
        head,
        [
            (
                *found.points[row],
                *(names[k][value] for obj in found.labels[row] for k, value in enumerate(obj)),
                found.colors[row] if found.colors else None,
            )
            for row in chosen
        ],
    )


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
