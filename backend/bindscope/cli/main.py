"""``bindscope``: one command a use case. Errors are one sentence on stderr; exit 1 for them, 2 for wrong usage."""

import sys

import typer
from pydantic import ValidationError

from bindscope.cli import ask, choosing, geometry, long_work, own_data, run, train
from bindscope.client import ApiError
from bindscope.errors import BindscopeError

_SECRETS = (("api_keys",), ("redis_url",))

app = typer.Typer(
    name="bindscope",
    help="A microscope for concept binding in embedding models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for module in (run, ask, geometry, choosing, own_data, long_work):
    module.register(app)
app.add_typer(train.app, name="train")


@app.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    """A microscope for concept binding in embedding models."""
    if show:
        from bindscope import __version__

        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point of the ``bindscope`` command."""
    try:
        app()
    except (ApiError, BindscopeError) as error:
        typer.echo(f"bindscope: {error}", err=True)
        sys.exit(1)
    except ValidationError as error:
        if error.title != "Settings":
            raise
        for wrong in error.errors():
            name = "_".join(["BINDSCOPE", *(str(part).upper() for part in wrong["loc"][:1])])
            # What was to be secret stays so, even where it is wrong.
            given = "" if wrong["loc"][:1] in _SECRETS else f" (it is {wrong['input']!r})"
            typer.echo(f"bindscope: {name}: {wrong['msg'].removeprefix('Value error, ')}{given}.", err=True)
        sys.exit(1)
