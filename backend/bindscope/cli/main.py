"""``bindscope``: one command a use case. Errors are one sentence on stderr, never a traceback.

Exit codes: 0 done, 1 an error or a gate that was not passed, 2 wrong usage, 130 interrupted.
"""

import os
import sys

import typer
from pydantic import ValidationError

from bindscope.cli import ask, choosing, geometry, long_work, own_data, report, run, train
from bindscope.client import ApiError
from bindscope.core.errors import BindscopeError

_SECRETS = (("api_keys",), ("redis_url",))

app = typer.Typer(
    name="bindscope",
    help="A microscope for concept binding in embedding models.",
    epilog="Exit codes: 0 done, 1 error or gate not passed, 2 wrong usage, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for module in (run, ask, geometry, choosing, own_data, report, long_work):
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
    except KeyboardInterrupt:
        sys.exit(130)
    except ValidationError as error:
        if error.title != "Settings":
            raise
        for wrong in error.errors():
            name = "_".join(["BINDSCOPE", *(str(part).upper() for part in wrong["loc"][:1])])
            # What was to be secret stays so, even where it is wrong.
            given = "" if wrong["loc"][:1] in _SECRETS else f" (it is {wrong['input']!r})"
            typer.echo(f"bindscope: {name}: {wrong['msg'].removeprefix('Value error, ')}{given}.", err=True)
        sys.exit(1)
    except Exception as error:
        if os.environ.get("BINDSCOPE_DEBUG"):
            raise
        said = " ".join(str(error).split())[:300]
        typer.echo(f"bindscope: {type(error).__name__}: {said} (BINDSCOPE_DEBUG=1 shows where.)", err=True)
        sys.exit(1)
