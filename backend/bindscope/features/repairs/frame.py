"""A repair as rows and a figure."""

from bindscope.client.figures import shares
from bindscope.client.rows import Record, row
from bindscope.features.repairs.schemas import RepairFigures, RepairModel


def _rows(answer: RepairModel) -> list[Record]:
    stages: dict[str, RepairFigures] = {"before": answer.before, "after": answer.after, **answer.baselines}
    stages |= {f"t={point.t:g}": point for point in answer.path}
    out = []
    for stage, own in stages.items():
        choice = own.binding.forced_choice
        out += [] if choice is None else [row("binding", choice, stage=stage)]
        out += [row(name, getattr(own, name), stage=stage) for name in ("swap_accuracy", "recall_at_1", "concepts")]
    return out


ROWS = {RepairModel: _rows}
FIGURES = {RepairModel: shares("Repair of the text tower")}
