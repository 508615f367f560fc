"""A board of models as rows and a figure."""

from bindscope.client.figures import shares
from bindscope.client.rows import Record, binding_rows, row
from bindscope.features.comparisons.schemas import ComparisonResponse


def _rows(answer: ComparisonResponse) -> list[Record]:
    out = []
    for own in answer.rows:
        named: Record = {"model": own.model, "kind": own.kind, "anchor": own.anchor, "rank": own.rank}
        out += binding_rows(own.binding, **named)
        for modality, probe in own.probes.items():
            out += [] if probe is None else binding_rows(probe, name=f"probe_{modality}", **named)
        out.append(row("swap_accuracy", own.swap_accuracy, chance=own.swap_accuracy_chance, **named))
        out += [row("concepts", own.concepts, **named), row("objects", own.objects, **named)]
        if own.repair_gain is not None:
            out.append(row("repair_gain", own.repair_gain, **named))
    return out


ROWS = {ComparisonResponse: _rows}
FIGURES = {ComparisonResponse: shares("Models on the same scenes")}
