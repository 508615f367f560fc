"""Downloads: a verdict and a survey as CSV. (JSON is the answer itself.)"""

import csv
import io
from collections.abc import Iterable, Sequence

from bindscope.schemas.verdicts import Verdict, VerdictBatch


def verdict_csv(verdict: Verdict) -> str:
    """Every score: kind, name, whether it is in the scene, cosine."""
    rows: list[Sequence[object]] = [
        (f"{c.kind}_caption", c.text, c.kind == "true", c.score) for c in verdict.contest.captions
    ]
    rows += [(f"concept:{s.concept}", s.value, s.present, s.score) for s in verdict.concepts.scores]
    rows += [("object", " ".join(o.values.values()), o.present, o.score) for o in verdict.objects.scores]
    return _csv(("kind", "name", "in_scene", "cosine"), rows)


def survey_csv(batch: VerdictBatch) -> str:
    """Every share with its interval, then the swap atlas."""
    shares = {"swap_accuracy": batch.swap_accuracy, "undecided": batch.undecided}
    shares |= {f"recognition:{name}": interval for name, interval in batch.recognition.items()}
    rows: list[Sequence[object]] = [(name, "", "", i.value, i.low, i.high, i.n) for name, i in shares.items()]
    rows += [
        (f"swapped:{c.concept}", c.value, c.other, c.swapped.value, c.swapped.low, c.swapped.high, c.swapped.n)
        for c in batch.atlas
    ]
    return _csv(("figure", "value", "other", "share", "low", "high", "n"), rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
