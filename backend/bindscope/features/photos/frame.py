"""The verdict on a photo as rows."""

from bindscope.client.rows import Record
from bindscope.features.photos.schemas import PhotoVerdict


def _rows(answer: PhotoVerdict) -> list[Record]:
    kinds = ("true", "other")
    return [{"kind": kind, "score": score} for kind, score in zip(kinds, answer.scores, strict=True)]


ROWS = {PhotoVerdict: _rows}
