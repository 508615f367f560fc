"""``bindscope caption-tests``."""

from pathlib import Path
from typing import Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.files import packed
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Model, Out, Url
from bindscope.cli.progress import progress_bar
from bindscope.cli.wording import interval_text
from bindscope.core.errors import InvalidInput


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(caption_tests)


def caption_tests(
    path: Annotated[Path, typer.Argument(help="A folder or .zip with the test's JSON or Parquet files and pictures.")],
    model: Model = "bundled:tiny-bind",
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """SugarCrepe, Winoground or ARO on a model, from the files that you have."""
    if not path.exists():
        raise InvalidInput(f"No such file or folder: {path}.")
    with client_for(url) as client, packed(path) as file, progress_bar("Scoring") as show:
        found = client.caption_test(model, file, on_progress=lambda step: show(step.done, step.total))
    if delivered(found, as_json=as_json, out=out):
        return
    typer.echo(f"{found.format}: {len(found.items):,} items, a tie is not right (noise floor {found.noise_floor:.1e})")
    for row in found.rows:
        parts = [("text", row.accuracy), ("image", row.image), ("group", row.group), ("blind", row.blind)]
        shown = "  ".join(f"{name} {interval_text(share)}" for name, share in parts if share is not None)
        typer.echo(f"  {row.name:24} {shown}")
