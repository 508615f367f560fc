"""Keeps upstream libraries quiet while they load a model: errors reach us as exceptions, the rest is noise.

open_clip logs on the root logger, and the first such call would install a handler for the whole process.
"""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Loading changes process-wide state (log levels, warning filters, torch's generator): one model at a time.
LOADING = threading.RLock()


class _NotFromOpenClip(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return "open_clip" not in Path(record.pathname).parts


@contextmanager
def quiet_open_clip() -> Iterator[None]:
    """No log lines, warnings or root handler from open_clip."""
    root, placeholder, drop = logging.getLogger(), logging.NullHandler(), _NotFromOpenClip()
    with LOADING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.addHandler(placeholder)
        root.addFilter(drop)
        try:
            yield
        finally:
            root.removeFilter(drop)
            root.removeHandler(placeholder)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No log lines, warnings or progress bars from transformers."""
    from transformers.utils import logging as upstream

    with LOADING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        level, bars = upstream.get_verbosity(), upstream.is_progress_bar_enabled()
        upstream.set_verbosity(logging.CRITICAL)
        upstream.disable_progress_bar()
        try:
            yield
        finally:
            upstream.set_verbosity(level)
            if bars:
                upstream.enable_progress_bar()
