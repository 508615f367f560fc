"""``bindscope near-duplicates``."""

from typing import Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.files import lines_of
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Model, Out, Url
from bindscope.core.errors import InvalidInput


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(near_duplicates)


def near_duplicates(
    texts: Annotated[
        list[str] | None, typer.Argument(help="Captions that mean different things; '-' reads one per line.")
    ] = None,
    model: Model = "bundled:tiny-bind",
    space: Annotated[str | None, typer.Option("--space", "-s", help="All captions of a concept space.")] = None,
    min_cosine: Annotated[float | None, typer.Option(help="Default: as close as one text encoded twice.")] = None,
    limit: Annotated[int, typer.Option(min=2, max=20_000)] = 2000,
    most: Annotated[int, typer.Option(min=1, max=2000, help="Pairs that are listed.")] = 20,
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Captions that mean different things and share a vector."""
    given = lines_of(texts)
    if bool(given) == (space is not None):
        raise InvalidInput("Give captions, or --space for those of a concept space.")
    options = {"most": most, "limit": limit, **({} if min_cosine is None else {"min_cosine": min_cosine})}
    with client_for(url) as client:
        found = client.near_duplicates(model, space, texts=given or None, **options)
    if delivered(found, as_json=as_json, out=out):
        return
    typer.echo(f"{found.total:,} of {found.compared:,} pairs at a cosine of {found.min_cosine:.6f} or above")
    for pair in found.pairs:
        typer.echo(f"  {pair.cosine:.6f}  {pair.first}  |  {pair.second}")
