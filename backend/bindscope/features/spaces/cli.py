"""``bindscope texts``."""

from typing import Annotated

import typer

from bindscope.cli.local import client_for
from bindscope.cli.options import Space, Template, Url


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(texts)


def texts(
    space: Space = "shapes2d",
    objects: Annotated[int, typer.Option(min=1, max=4, help="Objects of a scene.")] = 2,
    template: Template = "plain",
    url: Url = None,
) -> None:
    """Print the texts that analyses of a space ask about, one a line: embed them elsewhere, then add them."""
    with client_for(url) as client:
        for text in client.space_texts(space, objects=objects, template=template):
            typer.echo(text)
