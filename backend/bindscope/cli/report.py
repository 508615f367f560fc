"""``report``: everything about a model on a space as one HTML file that needs nothing else."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bindscope.cli.local import client_for
from bindscope.client.report.collect import ReportSpec, gathered
from bindscope.client.report.page import page_of
from bindscope.core.errors import InvalidInput

_Url = Annotated[str | None, typer.Option(help="A running service; without it the command starts its own.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(report)


def report(
    model: Annotated[list[str], typer.Option("--model", "-m", help="Model id; repeat it to put models side by side.")],
    space: Annotated[str, typer.Option("--space", "-s", help="Concept space.")] = "clevr2d",
    dataset: Annotated[str | None, typer.Option(help="Pictures of your own in place of a space.")] = None,
    count: Annotated[int, typer.Option(min=10, max=5000, help="Scenes of the survey.")] = 400,
    limit: Annotated[int, typer.Option(min=10, max=10_000, help="Scenes of probes, sums and edits.")] = 2000,
    template: Annotated[str, typer.Option(help="Caption template: a name or a text with one {}.")] = "plain",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("report.html"),
    url: _Url = None,
) -> None:
    """Write ONE HTML file with survey, probes, sums, edits, retrieval, failing scenes and how to make it again."""
    from rich.console import Console

    spec = ReportSpec(tuple(dict.fromkeys(model)), space, count, limit, seed, template, dataset)
    if out.is_dir():
        raise InvalidInput(f"{out} is a folder: give --out a file name.")
    made_at = datetime.now(UTC).isoformat(timespec="minutes")
    console = Console(stderr=True)
    with client_for(url) as client, console.status("Asking …") as status:
        found = gathered(client, spec, on_progress=lambda what: status.update(what), made_at=made_at)
    try:
        size = out.write_text(page_of(found), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"Cannot write {out}: {error.strerror}. Give --out another place.") from error
    typer.echo(f"{out}: {size / 1e6:.2f} MB, opens in any browser without a network")
