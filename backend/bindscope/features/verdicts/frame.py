"""A verdict as rows and a figure."""

from typing import TYPE_CHECKING

from bindscope.client.figures import SWAP, TRUE, dressed
from bindscope.client.rows import Record
from bindscope.features.verdicts.schemas import Verdict

if TYPE_CHECKING:
    import plotly.graph_objects as go


def _rows(answer: Verdict) -> list[Record]:
    out: list[Record] = [
        {"part": "caption", "name": c.text, "kind": c.kind, "score": c.score} for c in answer.contest.captions
    ]
    for concept in answer.concepts.scores:
        kind = "present" if concept.present else "absent"
        out.append({"part": concept.concept, "name": concept.value, "kind": kind, "score": concept.score})
    for obj in answer.objects.scores:
        kind = "present" if obj.present else "absent"
        out.append({"part": "object", "name": " ".join(obj.values.values()), "kind": kind, "score": obj.score})
    return out


def _contest(answer: Verdict) -> "go.Figure":
    import plotly.graph_objects as go

    captions = list(reversed(answer.contest.captions))
    colors = [TRUE if c.kind == "true" else SWAP for c in captions]
    texts = [f"{c.kind}: {c.text}" for c in captions]
    bars = go.Bar(x=[c.score for c in captions], y=texts, orientation="h", marker_color=colors)
    return dressed(go.Figure(bars), f"{answer.diagnosis}: cosine of each caption", "cosine")


ROWS = {Verdict: _rows}
FIGURES = {Verdict: _contest}
