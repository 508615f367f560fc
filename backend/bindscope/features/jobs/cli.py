"""``bindscope jobs``."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.jobs import followed, require_success
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Url

if TYPE_CHECKING:
    from bindscope.client import BindscopeClient
    from bindscope.features.jobs.schemas import JobModel, JobSummary

jobs_app = typer.Typer(help="List, watch, stop and resume long work.", no_args_is_help=False)
_JobId = Annotated[str, typer.Argument(help="The id of the job.")]


def add(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(jobs_app, name="jobs")


@jobs_app.callback(invoke_without_command=True)
def list_jobs(context: typer.Context, url: Url = None, as_json: Json = False) -> None:
    """List, watch, stop and resume long work."""
    if context.invoked_subcommand is not None:
        return
    with client_for(url) as client:
        found = client.jobs()
    if delivered({"jobs": found}, as_json=as_json):
        return
    if not found:
        typer.echo("No jobs yet: start one with 'bindscope complexity', 'train' or 'phase'.")
    for job in found:
        typer.echo(_job_line(job))


@jobs_app.command()
def show(job_id: _JobId, url: Url = None) -> None:
    """Print a job with its result as JSON."""
    with client_for(url) as client:
        typer.echo(json.dumps(client.job(job_id).model_dump(mode="json"), ensure_ascii=False))


@jobs_app.command()
def watch(job_id: _JobId, url: Url = None) -> None:
    """Follow a job to its end."""
    with client_for(url) as client:
        _follow(client, client.job(job_id))


@jobs_app.command()
def cancel(job_id: _JobId, url: Url = None) -> None:
    """Stop a job; its finished cells are kept."""
    with client_for(url) as client:
        typer.echo(_job_line(client.cancel_job(job_id)))


@jobs_app.command()
def resume(job_id: _JobId, url: Url = None) -> None:
    """Go on with a job and follow it to its end."""
    with client_for(url) as client:
        _follow(client, client.resume_job(job_id))


@jobs_app.command()
def delete(job_id: _JobId, url: Url = None) -> None:
    """Forget a job that is not running; finished cells and runs are kept."""
    with client_for(url) as client:
        client.delete_job(job_id)
    typer.echo(f"{job_id} deleted")


def _follow(client: "BindscopeClient", job: "JobModel") -> None:
    ended = followed(client, [job])
    typer.echo(_job_line(ended[0]))
    require_success(ended)


def _job_line(job: "JobSummary") -> str:
    ending = f"  {job.error}" if job.error else ""
    left = f"  {job.eta_s:.0f} s left" if job.eta_s is not None else ""
    return f"{job.id:30} {job.state:12} {job.done:>4} of {job.total:<4} {job.title}{left}{ending}"
