"""A public test as rows and a figure."""

from bindscope.client.figures import shares
from bindscope.client.rows import Record, row
from bindscope.features.caption_tests.schemas import CaptionTestResponse


def _rows(answer: CaptionTestResponse) -> list[Record]:
    out = []
    for own in answer.rows:
        found = {"accuracy": own.accuracy, "undecided": own.undecided, "blind": own.blind}
        more = {"image": own.image, "group": own.group}
        every = [*found.items(), *((name, share) for name, share in more.items() if share is not None)]
        out += [{"row": own.name, "kind": own.kind, **row(name, share)} for name, share in every]
    return out


ROWS = {CaptionTestResponse: _rows}
FIGURES = {CaptionTestResponse: shares("Captions told apart")}
