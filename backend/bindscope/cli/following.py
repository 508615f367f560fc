"""A job on the terminal: a progress bar on stderr while it runs, then its end in a sentence."""

import sys
from collections.abc import Sequence

import typer

from bindscope.client import ApiError, BindscopeClient
from bindscope.features.jobs.schemas import JobModel

_OUTCOMES = {
    "failed": "did not succeed",
    "cancelled": "was cancelled",
    "interrupted": "was interrupted",
}


def followed(client: BindscopeClient, jobs: Sequence[JobModel]) -> list[JobModel]:
    """Waits for the jobs, one bar each, however they end. Ctrl-C leaves, and says how to go on."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
    )
    ended: list[JobModel] = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        for job in jobs:
            bar = bars.add_task(job.title, total=1.0, count="")

            def show(seen: JobModel, bar: object = bar) -> None:
                count = seen.stage or f"{seen.done} of {seen.total} done"
                bars.update(bar, completed=seen.fraction, count=count)  # type: ignore[arg-type]

            try:
                ended.append(client.wait(job, on_change=show))
            except KeyboardInterrupt:
                typer.echo(f"\nJob {job.id} is left as it is: the same command goes on with it.", err=True)
                sys.exit(130)
    return ended


def require_success(jobs: Sequence[JobModel]) -> None:
    """Names the cells that failed, once the others were shown. Raises ApiError for the first job that is not done."""
    for job in jobs:
        for failure in job.failures:
            typer.echo(f"bindscope: {_cell(failure.cell)}: {failure.error}", err=True)
    for job in jobs:
        if job.state != "done":
            reason = f": {job.error}" if job.error else "."
            raise ApiError(500, "Job", f"Job {job.id} {_OUTCOMES.get(job.state, job.state)}{reason}")


def _cell(cell: dict[str, object]) -> str:
    config = cell.get("config")
    fields = config if isinstance(config, dict) else cell
    names = ("kind", "space", "coverage", "seed")
    return ", ".join(f"{name} {fields[name]}" for name in names if name in fields)
