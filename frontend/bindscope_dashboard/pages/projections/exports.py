"""Tables to take away."""

from collections.abc import Sequence

from bindscope.features.projections.schemas import ProjectionResponse
from bindscope_dashboard.shared.exports import csv_text


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
