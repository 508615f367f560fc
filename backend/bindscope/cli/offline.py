"""``train bundled`` and ``models golden``: what makes the files of the bundled models, without a service."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bindscope.cli.options import Seed
from bindscope.core.errors import InvalidInput
from bindscope.features.models.cli import models_app
from bindscope.features.trainings.cli import train_app

if TYPE_CHECKING:
    from bindscope.training.bundled.train import Progress


def add() -> None:
    """Adds the commands to the groups of the features."""
    train_app.command("bundled")(train_bundled)
    models_app.command("golden")(write_golden)


def train_bundled(
    name: Annotated[str, typer.Option(help="tiny-bag, tiny-bind, tiny-split or tiny-table.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write (default: models/NAME in the data folder).")] = None,
    seed: Seed = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Fewer or more steps than the preset.")] = None,
) -> None:
    """Train one of the bundled models on this project's own renderer (CPU, under 45 minutes)."""
    from bindscope.core.config import Settings
    from bindscope.training.bundled import train

    target = out or Settings().data_dir / "models" / name
    for step in train.train_bundled(name, out=target, seed=seed, steps=steps):
        typer.echo(_line(step))
    typer.echo(f"Written to {target}")


def write_golden(model: Annotated[str, typer.Argument(help="A bundled model or a local-dir: one.")]) -> None:
    """Write the model's answers to fixed inputs into its folder: later loads are held against them."""
    from bindscope.core.config import Settings
    from bindscope.encoders.golden import FILE, model_folder
    from bindscope.features.model_checks.service import ModelChecks
    from bindscope.services.container import assembled, encoder_settings

    settings = Settings().model_copy(update={"preload": (), "store": "off", "model_checks": "off"})
    folder = model_folder(model, encoder_settings(settings))
    if folder is None:
        raise InvalidInput(f"Model {model!r} has no folder here: only bundled and local-dir: models have one.")
    with assembled(settings) as services:
        data = services.of(ModelChecks).golden(model).to_bytes()
    try:
        (folder / FILE).write_bytes(data)
    except OSError as error:
        raise InvalidInput(f"Cannot write {folder / FILE}: {error.strerror}.") from error
    typer.echo(f"{folder / FILE}: {len(data):,} bytes")


def _line(step: "Progress") -> str:
    left = (step.steps - step.step) * step.seconds / max(step.step, 1)
    figures = "".join(f"  {name} {value:.2f}" for name, value in (step.figures or {}).items())
    return f"step {step.step}/{step.steps}  loss {step.loss:.3f}  {step.seconds:.0f} s, {left:.0f} s left{figures}"
