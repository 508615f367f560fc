"""``bindscope train`` and ``bindscope phase``."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.jobs import check_detach, finish, followed, require_success
from bindscope.cli.local import client_for
from bindscope.cli.options import Detach, Json, Out, Url
from bindscope.cli.wording import counted, decimals, interval_text, names
from bindscope.core.binding_rules import CHANCE
from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.core.sentences.words import percent

if TYPE_CHECKING:
    from bindscope.features.jobs.schemas import JobModel

train_app = typer.Typer(help="Train models.", no_args_is_help=True)


def add(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(train_app, name="train")
    app.command()(phase)


@train_app.callback()
def about() -> None:
    """Train models."""


@train_app.command()
def controlled(
    preset: Annotated[str, typer.Option(help="Named settings: see 'bindscope train presets'.")] = "laptop",
    space: Annotated[str | None, typer.Option("--space", "-s", help="Concept space, such as grid-2x8.")] = None,
    coverage: Annotated[float | None, typer.Option(help="Share of the objects that training sees.")] = None,
    steps: Annotated[int | None, typer.Option(min=1)] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting, as NAME=VALUE; may be repeated.")
    ] = None,
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Train scene and query encoders on some objects and judge them on the others; the run is a model afterwards."""
    given = {"space": space, "coverage": coverage, "steps": steps, "seed": seed}
    with client_for(url) as client:
        known = {found.name: found.config for found in client.trainings().presets}
        if preset not in known:
            raise UnknownName("training preset", preset, known)
        chosen = {name: value for name, value in given.items() if value is not None}
        job = client.train({**known[preset], **chosen, **dict(map(_setting, settings or []))})
        ended = followed(client, [job])[0]
    told = delivered(ended, as_json=as_json, out=out)
    require_success([ended])
    if not told:
        _show_run(ended)


@train_app.command()
def presets(url: Url = None) -> None:
    """List the named settings of controlled training."""
    with client_for(url) as client:
        for found in client.trainings().presets:
            typer.echo(f"{found.name:16} {found.note}")


def phase(
    preset: Annotated[str | None, typer.Option(help="A named diagram: see 'bindscope phase --list'.")] = None,
    spaces: Annotated[str | None, typer.Option(help="Spaces, with commas between, such as grid-2x8.")] = None,
    coverages: Annotated[str | None, typer.Option(help="Shares of the objects, with commas between.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=64, help="Number of seeds.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of each training.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the named diagrams and leave.")] = False,
    url: Url = None,
    detach: Detach = False,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """When does binding generalise: coverage against the size of the object space, one training each."""
    check_detach(detach, url)
    with client_for(url) as client:
        known = {found.name: found for found in client.phase_presets().presets}
        if listing:
            for name, found in known.items():
                typer.echo(f"{name:12} {found.note}")
            return
        chosen = known.get(preset or "laptop")
        if chosen is None:
            raise UnknownName("phase preset", str(preset), known)
        config = {**chosen.config, **({"steps": steps} if steps is not None else {})}
        job = client.phase_diagram(
            names(spaces) if spaces else chosen.spaces,
            decimals(coverages) if coverages else chosen.coverages,
            seeds=chosen.seeds if seeds is None else list(range(seeds)),
            config=config,
        )
        finish(client, [job], detach=detach, as_json=as_json, out=out, show=_show_diagram)


def _setting(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InvalidInput(f"Write a setting as NAME=VALUE, such as width=128: got {text!r}.")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _show_run(job: "JobModel") -> None:
    from bindscope.features.trainings.findings import training_finding
    from bindscope.features.trainings.schemas import TrainingResult

    result = TrainingResult.model_validate(job.result)
    typer.echo(f"{result.model}: best at step {result.best_step:,} of {result.steps:,}, {result.seconds:.0f} s")
    finding = training_finding(result)
    typer.echo(f"  {finding.title}: {finding.sentence}")
    for name in result.unseen:
        seen, unseen = interval_text(result.seen[name]), interval_text(result.unseen[name])
        typer.echo(f"  {name:22} seen objects {seen}  unseen {unseen}")


def _show_diagram(job: "JobModel") -> None:
    from bindscope.features.trainings.findings import course_sentence, relation_sentence
    from bindscope.features.trainings.schemas import PhaseResult

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
