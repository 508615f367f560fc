"""Answers that come as lines of JSON: progress, then exactly one result or error."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from bindscope.api.errors import problem_of
from bindscope.core.errors import BindscopeError

NDJSON = "application/x-ndjson"
_Step = TypeVar("_Step")


def wants_lines(request: Request) -> bool:
    """Whether the caller asked for progress."""
    return NDJSON in request.headers.get("accept", "")


def lines_of(
    steps: Iterator[_Step], line: Callable[[_Step], BaseModel], *, failed: Callable[[dict[str, object]], BaseModel]
) -> StreamingResponse:
    """One line a step. What goes wrong before the first step is an ordinary problem; later it is the last line."""
    first = next(steps)
    return StreamingResponse(_written(chain([first], steps), line, failed), media_type=NDJSON)


def _written(
    steps: Iterator[_Step], line: Callable[[_Step], BaseModel], failed: Callable[[dict[str, object]], BaseModel]
) -> Iterator[str]:
    try:
        for step in steps:
            yield line(step).model_dump_json() + "\n"
    except BindscopeError as error:
        # The status line is already sent, so the error travels as the last line.
        yield failed(problem_of(error).model_dump(exclude_none=True)).model_dump_json() + "\n"
