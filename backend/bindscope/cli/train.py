"""``bindscope train``: training, with progress and time left."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bindscope.training.bundled import Progress

app = typer.Typer(name="train", help="Train models.", no_args_is_help=True)


@app.callback()
def about() -> None:
    """Train models."""


@app.command()
def bundled(
    name: Annotated[str, typer.Option(help="tiny-bag or tiny-bind.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write (default: models/NAME in the data folder).")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Fewer or more steps than the preset.")] = None,
) -> None:
    """Train one of the bundled models on this project's own renderer (CPU, under 45 minutes)."""
    from bindscope.config import Settings
    from bindscope.training.bundled import train_bundled

    target = out or Settings().data_dir / "models" / name
    for step in train_bundled(name, out=target, seed=seed, steps=steps):
        typer.echo(_line(step))
    typer.echo(f"Written to {target}")


def _line(step: "Progress") -> str:
    left = (step.steps - step.step) * step.seconds / max(step.step, 1)
    figures = "".join(f"  {name} {value:.2f}" for name, value in (step.figures or {}).items())
    return f"step {step.step}/{step.steps}  loss {step.loss:.3f}  {step.seconds:.0f} s, {left:.0f} s left{figures}"
