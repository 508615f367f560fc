"""A job on the terminal: a progress bar while it runs, then its end in a sentence."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import service_address
from bindscope.cli.progress import progress_bar
from bindscope.core.errors import InvalidInput

if TYPE_CHECKING:
    from bindscope.client import BindscopeClient
    from bindscope.features.jobs.schemas import JobModel

_OUTCOMES = {
    "failed": "did not succeed",
    "cancelled": "was cancelled",
    "interrupted": "was interrupted",
}


def check_detach(detach: bool, url: str | None) -> None:
    """A job outlives its command only on a service that does. Raises InvalidInput."""
    if detach and service_address(url) is None:
        raise InvalidInput(
            "A job that is left needs a service that stays: start 'bindscope serve' and give --url, "
            "or leave --detach out."
        )


def finish(
    client: "BindscopeClient",
    started: "list[JobModel]",
    *,
    detach: bool,
    as_json: bool,
    out: Path | None,
    show: "Callable[[JobModel], None]",
) -> None:
    """Follows jobs to their ends and shows what they found, or leaves them to the service."""
    if detach:
        for job in started:
            typer.echo(job.id)
        return
    ended = followed(client, started)
    if not delivered(ended[0] if len(ended) == 1 else {"jobs": ended}, as_json=as_json, out=out):
        for job in ended:
            if job.result is not None:
                show(job)
    require_success(ended)


def followed(client: "BindscopeClient", jobs: "Sequence[JobModel]") -> "list[JobModel]":
    """Waits for the jobs, however they end. Ctrl-C leaves, and says how to go on."""
    ended: list[JobModel] = []
    for job in jobs:
        with progress_bar(job.title) as show:

            def changed(seen: "JobModel", show: Callable[..., None] = show) -> None:
                show(seen.fraction, 1.0, seen.stage or f"{seen.done} of {seen.total} done")

            try:
                ended.append(client.wait(job, on_change=changed))
            except KeyboardInterrupt:
                typer.echo(f"\nJob {job.id} is left as it is: the same command goes on with it.", err=True)
                sys.exit(130)
    return ended


def require_success(jobs: "Sequence[JobModel]") -> None:
    """Names the cells that failed, once the others were shown. Raises ApiError for the first job that is not done."""
    from bindscope.client.errors import ApiError

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
