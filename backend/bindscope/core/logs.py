"""Log lines: one JSON object each on stderr, with the id of the request they belong to; text where a person reads.

No line holds a key, a header, a body or a query.
"""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import Processor

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logger(name: str) -> Any:
    """A logger with named values. It goes through the standard library: silent until somebody configures that."""
    return structlog.wrap_logger(
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def configure(level: str, form: str = "auto") -> None:
    """For the whole process: our own loggers, uvicorn's and those of libraries. ``form``: auto, json or text."""
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if as_text
        else [structlog.processors.dict_tracebacks, _without_locals, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # uvicorn's own line for each request would hold the query: ours has the route instead.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = name != "uvicorn.access"


def _without_locals(_: Any, __: str, event: Any) -> Any:
    """Local variables of a frame may be what somebody sent."""
    for trace in event.get("exception") or ():
        if isinstance(trace, dict):
            for frame in trace.get("frames", ()):
                frame.pop("locals", None)
    return event
