"""``bindscope embed``."""

from pathlib import Path
from typing import Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.files import lines_of, written
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Model, Url
from bindscope.core.errors import InvalidInput


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(embed)


def embed(
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts; '-' reads one per line from standard input.")
    ] = None,
    model: Model = "bundled:tiny-bind",
    image: Annotated[list[Path] | None, typer.Option(help="Picture file (PNG, JPEG, WebP); repeatable.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write float32 vectors to this .npy file.")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Embed texts or pictures."""
    import io

    import numpy as np

    given, files = lines_of(texts), image or []
    if bool(given) == bool(files):
        raise InvalidInput("Give texts or --image files, one kind at a time.")
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise InvalidInput(f"No such picture: {', '.join(missing)}.")
    pictures = [path.read_bytes() for path in files] or None
    with client_for(url) as client:
        if as_json:
            delivered(client.embeddings(model, texts=given or None, images=pictures), as_json=True)
            return
        vectors = client.embed(model, texts=given or None, images=pictures)
    if out is not None:
        array = io.BytesIO()
        np.save(array, vectors, allow_pickle=False)
        written(out, array.getvalue())
        typer.echo(f"{out}: {vectors.shape[0]} vectors of {vectors.shape[1]} numbers")
        return
    for vector in vectors:
        typer.echo(" ".join(f"{x:.6g}" for x in vector))
