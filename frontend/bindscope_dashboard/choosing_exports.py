"""Tables of Retrieve, Repair, Map and Compare as CSV."""

from collections.abc import Sequence

from bindscope.schemas.comparisons import ComparisonResponse, DisagreementResponse
from bindscope.schemas.projections import ProjectionResponse
from bindscope.schemas.repairs import RepairModel
from bindscope.schemas.retrievals import LookalikeResponse, RetrievalResponse
from bindscope_dashboard.exports import csv_text, numbers_of
from bindscope_dashboard.links import in_words

_FIGURES = ("swap_accuracy", "recall_at_1", "concepts")


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


def lookalikes_csv(found: LookalikeResponse) -> str:
    """The closest pairs."""
    return csv_text(("cosine", "first", "second", "swap"), [(p.cosine, p.first, p.second, p.swap) for p in found.pairs])


def repair_csv(found: RepairModel) -> str:
    """The path, then the baselines."""
    rows: list[Sequence[object]] = [
        (f"t={point.t:g}", point.distance, *(x for name in _FIGURES for x in numbers_of(getattr(point, name))))
        for point in found.path
    ]
    rows += [
        (name, None, *(x for figure in _FIGURES for x in numbers_of(getattr(own, figure))))
        for name, own in found.baselines.items()
    ]
    head = ["what", "distance", *(f"{name}{end}" for name in _FIGURES for end in ("", "_low", "_high", "_n"))]
    return csv_text(head, rows)


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
    head = ["model", "kind", "rank", *(f"{name}{end}" for name in shares for end in ("", "_low", "_high", "_n"))]
    head += ["probe_image", "probe_text", "r2_objects_image", "r2_concepts_image", "r2_objects_text"]
    head += ["r2_concepts_text", "repair_gain"]
    rows = []
    for row in found.rows:
        probes = [None if own is None else own.value for own in (row.probes.get(m) for m in ("image", "text"))]
        fits = [row.r2.get(m) for m in ("image", "text")]
        r2 = [value for fit in fits for value in ((None, None) if fit is None else (fit.objects, fit.concepts))]
        figures = [x for name in shares for x in numbers_of(getattr(row, name))]
        rows.append((row.model, row.kind, row.rank, *figures, *probes, *r2, row.repair_gain))
    return csv_text(head, rows)


def disagreements_csv(found: DisagreementResponse) -> str:
    """The scenes on which two models differ."""
    rows = [(in_words(own.scene), *own.outcomes, *own.margins) for own in found.items]
    return csv_text(("scene", "first", "second", "first_margin", "second_margin"), rows)
