"""``bindscope``: one command a use case. Errors are one sentence on stderr, never a traceback.

Exit codes: 0 done, 1 an error or a gate that was not passed, 2 wrong usage, 130 interrupted.
"""

import os
import sys

import typer

from bindscope import features
from bindscope.cli import ask, offline, serve, share
from bindscope.core.errors import BindscopeError

_SECRETS = (("api_keys",), ("redis_url",))


def commands() -> typer.Typer:
    """All commands: what starts things, those of every feature in the order of ``FEATURES``, what shares results."""
    app = typer.Typer(
        name="bindscope",
        help="A microscope for concept binding in embedding models.",
        epilog="Exit codes: 0 done, 1 error or gate not passed, 2 wrong usage, 130 interrupted.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(version)
    serve.add(app)
    for name in features.FEATURES:
        found = features.module(name, "cli")
        if found is not None:
            found.add(app)
    ask.add(app)
    share.add(app)
    offline.add()
    return app


def version(show: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    """A microscope for concept binding in embedding models."""
    if show:
        from bindscope import __version__

        typer.echo(__version__)
        raise typer.Exit


def run() -> None:
    """Runs the command that was typed; every error is a sentence and an exit code."""
    try:
        commands()()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        sentences = _sentences(error)
        if not sentences:
            raise
        for sentence in sentences:
            typer.echo(f"bindscope: {sentence}", err=True)
        sys.exit(1)


def _sentences(error: Exception) -> list[str]:
    """What to say about an error; nothing where its traceback should be seen."""
    from pydantic import ValidationError

    from bindscope.client.errors import ApiError

    if isinstance(error, ApiError | BindscopeError):
        return [str(error)]
    if isinstance(error, ValidationError) and error.title == "Settings":
        return [_wrong_setting(**wrong) for wrong in error.errors()]
    if isinstance(error, ValidationError) or os.environ.get("BINDSCOPE_DEBUG"):
        return []
    said = " ".join(str(error).split())[:300]
    return [f"{type(error).__name__}: {said} (BINDSCOPE_DEBUG=1 shows where.)"]


def _wrong_setting(*, loc: tuple[int | str, ...], msg: str, input: object, **_: object) -> str:
    name = "_".join(["BINDSCOPE", *(str(part).upper() for part in loc[:1])])
    # What was to be secret stays so, even where it is wrong.
    given = "" if loc[:1] in _SECRETS else f" (it is {input!r})"
    return f"{name}: {msg.removeprefix('Value error, ')}{given}."
