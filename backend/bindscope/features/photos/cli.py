"""``bindscope photo``."""

from pathlib import Path
from typing import Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.files import require_file
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Model, Out, Url
from bindscope.core.errors import InvalidInput


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(photo)


def photo(
    picture: Annotated[Path, typer.Argument(help="PNG, JPEG or WebP.")],
    caption: Annotated[str, typer.Argument(help="The true caption.")],
    other: Annotated[str | None, typer.Argument(help="The other one; without it adjectives are exchanged.")] = None,
    model: Model = "bundled:tiny-bind",
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """One photo, two captions: which does the model prefer? Nothing is kept."""
    from bindscope.scenes.exchanges import exchanges

    require_file(picture, "picture")
    if other is None:
        offered = exchanges(caption)
        if not offered:
            raise InvalidInput("Found no two things with adjectives to exchange: give the other caption as well.")
        other = offered[0].text
    with client_for(url) as client:
        found = client.photo_verdict(model, picture, (caption, other))
    if delivered(found, as_json=as_json, out=out):
        return
    typer.echo(f"{found.outcome}: margin {found.margin:+.4f}, noise floor {found.noise_floor:.1e}")
    for text, score in zip((caption, other), found.scores, strict=True):
        typer.echo(f"  {score:+.4f}  {text}")
