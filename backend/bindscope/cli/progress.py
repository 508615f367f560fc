"""The one progress bar of all commands: on standard error, only on a terminal, gone at the end."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Protocol


class Show(Protocol):
    """Moves the bar: ``done`` of ``total``, and a text beside it (without one: the count)."""

    def __call__(self, done: float = 0, total: float | None = None, text: str | None = None) -> None: ...


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Show]:
    """A bar that lasts as long as the block."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.description}", table_column=Column(max_width=30, no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(label, total=None, count="")

        def show(done: float = 0, total: float | None = None, text: str | None = None) -> None:
            count = text if text is not None else f"{done:,} of {total:,}"
            bars.update(bar, completed=done, total=total, count=count)

        yield show


def _nothing(done: float = 0, total: float | None = None, text: str | None = None) -> None:
    """Nobody watches."""
