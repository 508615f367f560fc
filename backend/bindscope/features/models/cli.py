"""``bindscope models``."""

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Out, Url

models_app = typer.Typer()


def add(app: typer.Typer) -> None:
    """Adds the command; its own commands come from ``model_checks``."""
    app.add_typer(models_app, name="models")


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context, url: Url = None, as_json: Json = False, out: Out = None) -> None:
    """List the models that can be asked; 'check ID' looks whether one answers as it should."""
    if context.invoked_subcommand is not None:
        return
    with client_for(url) as client:
        found = client.models()
    if delivered(found, as_json=as_json, out=out):
        return
    for model in found:
        state = "" if model.available else "  (not available)"
        size = f"{model.dim}-d" if model.dim else ""
        typer.echo(f"{model.id:34} {'+'.join(model.modalities):11} {size:7} {model.checks or '':8}{state}")
