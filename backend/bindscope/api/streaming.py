"""Answers that come as lines of JSON: progress, then exactly one result or error."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from bindscope.api.errors import problem_of
from bindscope.core.errors import BindscopeError
from bindscope.core.logs import logger
from bindscope.core.wire import ProgressLine

NDJSON = "application/x-ndjson"
_log = logger("bindscope.requests")
_Answer = TypeVar("_Answer", bound=BaseModel)


def answered(
    request: Request,
    steps: Iterator[Any],
    line: type[ProgressLine[Any, Any]],
    kind: type[_Answer],
) -> _Answer | StreamingResponse:
    """The answer at the end of ``steps``; as lines, each step one of them, for a caller that asks for progress.

    What goes wrong before the first step is an ordinary problem; later it is the last line.
    """
    if NDJSON in request.headers.get("accept", ""):
        first = next(steps)
        return StreamingResponse(_written(chain([first], steps), line, kind), media_type=NDJSON)
    return next(step for step in steps if isinstance(step, kind))


def _written(steps: Iterator[BaseModel], line: type[ProgressLine[Any, Any]], kind: type[BaseModel]) -> Iterator[str]:
    try:
        for step in steps:
            yield line(**{"result" if isinstance(step, kind) else "progress": step}).model_dump_json() + "\n"
    except Exception as error:
        if not isinstance(error, BindscopeError):
            _log.exception("stream failed")
        # The status line is already sent, so the error travels as the last line.
        yield line(error=problem_of(error).model_dump(exclude_none=True)).model_dump_json() + "\n"
