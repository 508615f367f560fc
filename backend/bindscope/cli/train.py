"""``bindscope train``: training, with progress and time left."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bindscope.cli.answers import Json, Out, delivered
from bindscope.cli.following import followed, require_success
from bindscope.cli.local import client_for
from bindscope.cli.wording import interval_text
from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.features.trainings.findings import training_finding
from bindscope.features.trainings.schemas import TrainingResult

if TYPE_CHECKING:
    from bindscope.training.bundled.train import Progress

app = typer.Typer(name="train", help="Train models.", no_args_is_help=True)


@app.callback()
def about() -> None:
    """Train models."""


@app.command()
def bundled(
    name: Annotated[str, typer.Option(help="tiny-bag, tiny-bind, tiny-split or tiny-table.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write (default: models/NAME in the data folder).")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Fewer or more steps than the preset.")] = None,
) -> None:
    """Train one of the bundled models on this project's own renderer (CPU, under 45 minutes)."""
    from bindscope.core.config import Settings
    from bindscope.training.bundled.train import train_bundled

    target = out or Settings().data_dir / "models" / name
    for step in train_bundled(name, out=target, seed=seed, steps=steps):
        typer.echo(_line(step))
    typer.echo(f"Written to {target}")


@app.command()
def controlled(
    preset: Annotated[str, typer.Option(help="Named settings: see 'bindscope train presets'.")] = "laptop",
    space: Annotated[str | None, typer.Option("--space", "-s", help="Concept space, such as grid-2x8.")] = None,
    coverage: Annotated[float | None, typer.Option(help="Share of the objects that training sees.")] = None,
    steps: Annotated[int | None, typer.Option(min=1)] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting, as NAME=VALUE; may be repeated.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="A running service; without it the command starts its own.")] = None,
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
    if told:
        return
    result = TrainingResult.model_validate(ended.result)
    typer.echo(f"{result.model}: best at step {result.best_step:,} of {result.steps:,}, {result.seconds:.0f} s")
    finding = training_finding(result)
    typer.echo(f"  {finding.title}: {finding.sentence}")
    for name in result.unseen:
        seen, unseen = interval_text(result.seen[name]), interval_text(result.unseen[name])
        typer.echo(f"  {name:22} seen objects {seen}  unseen {unseen}")


@app.command()
def presets(
    url: Annotated[str | None, typer.Option(help="A running service; without it the command starts its own.")] = None,
) -> None:
    """List the named settings of controlled training."""
    with client_for(url) as client:
        for found in client.trainings().presets:
            typer.echo(f"{found.name:16} {found.note}")


def _setting(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InvalidInput(f"Write a setting as NAME=VALUE, such as width=128: got {text!r}.")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _line(step: "Progress") -> str:
    left = (step.steps - step.step) * step.seconds / max(step.step, 1)
    figures = "".join(f"  {name} {value:.2f}" for name, value in (step.figures or {}).items())
    return f"step {step.step}/{step.steps}  loss {step.loss:.3f}  {step.seconds:.0f} s, {left:.0f} s left{figures}"
