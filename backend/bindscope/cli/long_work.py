"""``complexity``, ``phase``, ``jobs`` and ``worker``: long work, and where it runs."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bindscope.cli.answers import Json, Out, delivered
from bindscope.cli.following import followed, require_success
from bindscope.cli.local import client_for, service_address
from bindscope.cli.wording import counted, decimals, names
from bindscope.client import BindscopeClient
from bindscope.core.binding_rules import CHANCE
from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.core.sentences.held_out import held_out_text
from bindscope.core.sentences.words import percent
from bindscope.core.wire import Binding
from bindscope.features.complexity.findings import complexity_finding
from bindscope.features.complexity.schemas import ComplexityResult
from bindscope.features.jobs.schemas import JobModel, JobSummary
from bindscope.features.trainings.findings import course_sentence, relation_sentence
from bindscope.features.trainings.schemas import PhaseResult

_Url = Annotated[str | None, typer.Option(help="A running service; without it the command starts its own.")]
_Detach = Annotated[bool, typer.Option("--detach", help="Start the job on the service at --url and leave.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(complexity)
    app.command()(phase)
    app.command()(worker)
    app.add_typer(jobs, name="jobs")


def complexity(
    model: Annotated[list[str] | None, typer.Option("--model", "-m", help="Model id; several are compared.")] = None,
    space: Annotated[str | None, typer.Option("--space", "-s", help="Concept space (of a run: its own).")] = None,
    modality: Annotated[str, typer.Option(help="image or text.")] = "image",
    dataset: Annotated[list[str] | None, typer.Option(help="An uploaded dataset's id.")] = None,
    limit: Annotated[int, typer.Option(min=2, help="At most this many scenes (a seeded sample).")] = 10_000,
    kinds: Annotated[
        str, typer.Option(help="Families, with commas between.")
    ] = "additive,per_object_product,global_product,mlp:256",
    coverages: Annotated[str, typer.Option(help="Shares of the objects, with commas between.")] = "0.2,0.4,0.6,0.8",
    seeds: Annotated[int, typer.Option(min=1, max=64, help="Number of seeds.")] = 3,
    url: _Url = None,
    detach: _Detach = False,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """How simple a function predicts the embeddings of scenes of unseen objects?"""
    _check_detach(detach, url)
    options = {"kinds": names(kinds), "coverages": decimals(coverages), "seeds": list(range(seeds))}
    with client_for(url) as client:
        sources: list[dict[str, Any]] = [
            {"model": name, "space": space or _own_space(client, name), "modality": modality, "limit": limit}
            for name in model or []
        ]
        sources += [{"dataset": name} for name in dataset or []]
        if not sources:
            raise InvalidInput("Give at least one --model (with --space and --modality) or --dataset.")
        started = [client.complexity(source, **options) for source in sources]
        _finish(client, started, detach=detach, as_json=as_json, out=out, show=_show_complexity)


def phase(
    preset: Annotated[str | None, typer.Option(help="A named diagram: see 'bindscope phase --list'.")] = None,
    spaces: Annotated[str | None, typer.Option(help="Spaces, with commas between, such as grid-2x8.")] = None,
    coverages: Annotated[str | None, typer.Option(help="Shares of the objects, with commas between.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=64, help="Number of seeds.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of each training.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the named diagrams and leave.")] = False,
    url: _Url = None,
    detach: _Detach = False,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """When does binding generalise: coverage against the size of the object space, one training each."""
    _check_detach(detach, url)
    with client_for(url) as client:
        presets = {found.name: found for found in client.phase_presets().presets}
        if listing:
            for name, found in presets.items():
                typer.echo(f"{name:12} {found.note}")
            return
        chosen = presets.get(preset or "laptop")
        if chosen is None:
            raise UnknownName("phase preset", str(preset), presets)
        config = {**chosen.config, **({"steps": steps} if steps is not None else {})}
        job = client.phase_diagram(
            names(spaces) if spaces else chosen.spaces,
            decimals(coverages) if coverages else chosen.coverages,
            seeds=chosen.seeds if seeds is None else list(range(seeds)),
            config=config,
        )
        _finish(client, [job], detach=detach, as_json=as_json, out=out, show=_show_phase)


jobs = typer.Typer(name="jobs", help="List, watch, stop and resume long work.", no_args_is_help=False)
_JobId = Annotated[str, typer.Argument(help="The id of the job.")]


@jobs.callback(invoke_without_command=True)
def list_jobs(context: typer.Context, url: _Url = None, as_json: Json = False) -> None:
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


@jobs.command()
def show(job_id: _JobId, url: _Url = None) -> None:
    """Print a job with its result as JSON."""
    with client_for(url) as client:
        typer.echo(json.dumps(client.job(job_id).model_dump(mode="json"), ensure_ascii=False))


@jobs.command()
def watch(job_id: _JobId, url: _Url = None) -> None:
    """Follow a job to its end."""
    with client_for(url) as client:
        _follow(client, client.job(job_id))


@jobs.command()
def cancel(job_id: _JobId, url: _Url = None) -> None:
    """Stop a job; its finished cells are kept."""
    with client_for(url) as client:
        typer.echo(_job_line(client.cancel_job(job_id)))


@jobs.command()
def resume(job_id: _JobId, url: _Url = None) -> None:
    """Go on with a job and follow it to its end."""
    with client_for(url) as client:
        _follow(client, client.resume_job(job_id))


@jobs.command()
def delete(job_id: _JobId, url: _Url = None) -> None:
    """Forget a job that is not running; finished cells and runs are kept."""
    with client_for(url) as client:
        client.delete_job(job_id)
    typer.echo(f"{job_id} deleted")


def worker(
    scheduler: Annotated[
        str | None, typer.Argument(help="The scheduler's address (default: BINDSCOPE_SCHEDULER), tcp:// or tls://.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Cells that it computes at once.")] = 1,
    name: Annotated[str | None, typer.Option(help="The worker's name.")] = None,
) -> None:
    """Join a cluster as a worker; it offers its GPU where it has one. Ctrl-C leaves."""
    from bindscope.core.config import Settings
    from bindscope.jobs.joining import join

    address = scheduler or Settings().scheduler
    if address is None:
        raise InvalidInput("Name the scheduler: bindscope worker tcp://HOST:8786, or set BINDSCOPE_SCHEDULER.")
    join(address, threads=threads, name=name, say=typer.echo)


def _own_space(client: BindscopeClient, model: str) -> str:
    """A trained run knows its own space; other models are asked about the built-in pictures."""
    runs = {run.model: str(run.config["space"]) for run in client.trainings().runs} if "controlled:" in model else {}
    return runs.get(model, "clevr2d")


def _follow(client: BindscopeClient, job: JobModel) -> None:
    ended = followed(client, [job])
    typer.echo(_job_line(ended[0]))
    require_success(ended)


def _check_detach(detach: bool, url: str | None) -> None:
    if detach and service_address(url) is None:
        raise InvalidInput(
            "A job that is left needs a service that stays: start 'bindscope serve' and give --url, "
            "or leave --detach out."
        )


def _finish(
    client: BindscopeClient,
    started: list[JobModel],
    *,
    detach: bool,
    as_json: bool,
    out: Path | None,
    show: Any,
) -> None:
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


def _show_complexity(job: JobModel) -> None:
    result = ComplexityResult.model_validate(job.result)
    finding = complexity_finding(result.points, result.cells)
    typer.echo(
        f"{job.title}\n  unseen objects, all seeds: binding score of the predictions (chance {percent(CHANCE)}) with "
        "its n, and R2"
    )
    coverages = sorted({point.coverage for point in result.points})
    typer.echo("  " + " " * 20 + "".join(f"{coverage:>24g}" for coverage in coverages))
    for kind in dict.fromkeys(point.kind for point in result.points):
        own = {point.coverage: point for point in result.points if point.kind == kind}
        row = "".join(f"{_point_text(own[c].binding, own[c].test_r2) if c in own else '-':>24}" for c in coverages)
        typer.echo(f"  {kind:20}{row}")
    ceiling = next((cell.ceiling_binding for cell in result.cells if cell.ceiling_binding is not None), None)
    typer.echo(f"  {'true embeddings':20} {held_out_text(ceiling)}  (scenes the probes never saw)")
    if finding is not None:
        typer.echo(f"  {finding.title}: {finding.sentence}")


def _point_text(binding: Binding, r2: float | None) -> str:
    """``0.93 (n 21), R2 0.88``."""
    score = binding.forced_choice
    figure = "no swap" if score is None or score.value is None else f"{score.value:.2f} (n {score.n})"
    return f"{figure}, R2 {'-' if r2 is None else f'{r2:.2f}'}"


def _show_phase(job: JobModel) -> None:
    result = PhaseResult.model_validate(job.result)
    typer.echo(f"{job.title}\n  unseen objects, all seeds: binding score (chance {percent(CHANCE)}) with its n")
    coverages = sorted({point.coverage for point in result.points})
    typer.echo("  " + " " * 24 + "".join(f"{coverage:>16g}" for coverage in coverages))
    sizes = {cell.space: cell.objects for cell in result.cells}
    for space, objects in sizes.items():
        own = {point.coverage: point.binding.forced_choice for point in result.points if point.space == space}
        row = ""
        for coverage in coverages:
            score = own.get(coverage)
            row += f"{'-' if score is None or score.value is None else f'{score.value:.2f} (n {score.n})':>16}"
        typer.echo(f"  {space:12} {counted(objects, 'object'):>11}{row}")
    for course in result.courses:
        typer.echo(f"  {course_sentence(course)}")
    for relation in result.relations:
        typer.echo(f"  {relation_sentence(relation)}")


def _job_line(job: JobSummary) -> str:
    ending = f"  {job.error}" if job.error else ""
    left = f"  {job.eta_s:.0f} s left" if job.eta_s is not None else ""
    return f"{job.id:30} {job.state:12} {job.done:>4} of {job.total:<4} {job.title}{left}{ending}"
