"""The verdict over many scenes as rows and a figure."""

from bindscope.client.figures import shares
from bindscope.client.rows import Record, binding_rows, row
from bindscope.core.binding_rules import CHANCE
from bindscope.features.surveys.schemas import VerdictBatch


def _rows(answer: VerdictBatch) -> list[Record]:
    double, order = answer.binding.double_difference, answer.order_against_meaning
    rows = binding_rows(answer.binding)
    rows += [] if double is None else [row("double_difference", double, chance=CHANCE)]
    rows += [] if order is None else [row("order_against_meaning", order, chance=CHANCE)]
    rows.append(row("swap_accuracy", answer.swap_accuracy, chance=answer.swap_accuracy_chance))
    rows.append(row("undecided", answer.undecided))
    return rows + [row(name, own, chance=answer.chance.get(name)) for name, own in answer.recognition.items()]


ROWS = {VerdictBatch: _rows}
FIGURES = {VerdictBatch: shares("Binding score, swap accuracy and recognition")}
