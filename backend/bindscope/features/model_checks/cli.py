"""``bindscope models check``."""

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, ModelArgument, Out, Url
from bindscope.features.models.cli import models_app


def add(app: typer.Typer) -> None:
    """Adds the command to ``bindscope models``."""
    models_app.command("check")(check)


def check(model: ModelArgument, url: Url = None, as_json: Json = False, out: Out = None) -> None:
    """The checks of a model: golden vectors, noise, canaries, activation, padding. Exit 1 where a check failed."""
    with client_for(url) as client:
        found = client.model_checks(model, refresh=True)
    if not delivered(found, as_json=as_json, out=out):
        for own in found.checks:
            figure = "" if own.figure is None else f" [{own.figure:.6g}]"
            typer.echo(f"{own.state:8} {own.name}: {own.message}{figure}")
        typer.echo(f"{found.model}: {found.state}")
    if found.state == "failed":
        raise typer.Exit(1)
