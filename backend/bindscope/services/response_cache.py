"""Answers of analyses, kept under the hash of what was asked, so that a repeated question takes milliseconds."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Generic, TypeVar

from pydantic import BaseModel

from bindscope import __version__
from bindscope.core.hashing import canonical_json, digest
from bindscope.core.wire import AnalysisResponse
from bindscope.store.keys import measurement_key
from bindscope.store.measurements import Measurements

_Answer = TypeVar("_Answer", bound=AnalysisResponse)


#: Goes up when equal questions get other numbers.
_NUMBERS = 2


@cache
def _form(kind: type[AnalysisResponse]) -> str:
    """A name for the fields of an answer: one that was kept under another form is no answer any more."""
    return digest(canonical_json([_NUMBERS, kind.model_json_schema()]), size=8)


class Question(Generic[_Answer]):
    """``asked`` on the numbers named by ``digest``. ``cached`` and ``computed_at`` of an answer say whence it comes."""

    def __init__(
        self, measurements: Measurements, noun: str, *, digest: str, asked: BaseModel, kind: type[_Answer]
    ) -> None:
        self._measurements = measurements
        self._key = measurement_key(noun, [__version__, _form(kind), digest, asked.model_dump_json()])
        self._kind = kind

    def kept(self) -> _Answer | None:
        """The answer, if it was given before."""
        kept = self._measurements.get(self._key)
        return None if kept is None else self._kind.model_validate(kept).model_copy(update={"cached": True})

    def keep(self, answer: _Answer) -> _Answer:
        """The same answer with its time, for the next one who asks."""
        answer = answer.model_copy(update={"computed_at": datetime.now(UTC).isoformat(timespec="seconds")})
        self._measurements.put(self._key, answer.model_dump(mode="json"))
        return answer


def remembered(
    measurements: Measurements,
    noun: str,
    *,
    digest: str,
    asked: BaseModel,
    kind: type[_Answer],
    compute: Callable[[], _Answer],
) -> _Answer:
    """The kept answer to a question, or ``compute()``, which is then kept."""
    question = Question(measurements, noun, digest=digest, asked=asked, kind=kind)
    return question.kept() or question.keep(compute())
