"""``ask``: any question of the API by its name, also those that have no command of their own."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.files import require_file
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Out, Url
from bindscope.core.errors import InvalidInput


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(ask)


def ask(
    question: Annotated[str, typer.Argument(help="Its name: the path of the API after /v1/, such as probes.")],
    body: Annotated[str, typer.Argument(help="JSON, '@FILE' for a file with it, or '-' for standard input.")] = "-",
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Ask any question of the API by its name, and print the answer row by row."""
    from bindscope.client import frames

    with client_for(url) as client:
        answer = client.ask(question, _parsed(body))
    if delivered(answer, as_json=as_json, out=out):
        return
    for row in frames.records(answer):
        typer.echo("  ".join(f"{name}={_short(value)}" for name, value in row.items() if value is not None))


def _parsed(body: str) -> dict[str, Any]:
    if body.startswith("@"):
        path = Path(body[1:])
        require_file(path)
        text = path.read_text(encoding="utf-8")
    else:
        text = sys.stdin.read() if body == "-" else body
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"The body of the question is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise InvalidInput('The body of a question is a JSON object, such as {"model": "bundled:tiny-bind"}.')
    return found


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
