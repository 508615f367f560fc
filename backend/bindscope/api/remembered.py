"""Answers of analyses, kept under the hash of what was asked, so that a repeated question takes milliseconds."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel

from bindscope import __version__
from bindscope.schemas.base import AnalysisResponse
from bindscope.services.assembly import Services
from bindscope.store.keys import measurement_key

_Answer = TypeVar("_Answer", bound=AnalysisResponse)


def remembered(
    parts: Services, noun: str, *, digest: str, asked: BaseModel, kind: type[_Answer], compute: Callable[[], _Answer]
) -> _Answer:
    """The kept answer to ``asked`` on the numbers named by ``digest``, or ``compute()``, which is then kept.

    ``cached`` and ``computed_at`` of the answer say which.
    """
    key = measurement_key(noun, [__version__, digest, asked.model_dump_json()])
    kept = parts.measurements.get(key)
    if kept is not None:
        return kind.model_validate(kept).model_copy(update={"cached": True})
    answer = compute().model_copy(update={"computed_at": datetime.now(UTC).isoformat(timespec="seconds")})
    parts.measurements.put(key, answer.model_dump(mode="json"))
    return answer
