"""``report`` and ``bundle``: results as one file."""

from pathlib import Path
from typing import Annotated

import typer

from bindscope.cli.files import require_file, written
from bindscope.cli.local import client_for
from bindscope.cli.options import Seed, Space, Template, Url
from bindscope.cli.progress import progress_bar
from bindscope.core.errors import InvalidInput


def add(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(report)
    app.command()(bundle)


def report(
    model: Annotated[list[str], typer.Option("--model", "-m", help="Model id; repeat it to put models side by side.")],
    space: Space = "clevr2d",
    dataset: Annotated[str | None, typer.Option(help="Pictures of your own in place of a space.")] = None,
    count: Annotated[int, typer.Option(min=10, max=5000, help="Scenes of the survey.")] = 400,
    limit: Annotated[int, typer.Option(min=10, max=10_000, help="Scenes of probes, sums and edits.")] = 2000,
    template: Template = "plain",
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("report.html"),
    url: Url = None,
) -> None:
    """Write ONE HTML file with survey, probes, sums, edits, retrieval, failing scenes and how to make it again."""
    from datetime import UTC, datetime

    from bindscope.client.report.collect import ReportSpec, gathered
    from bindscope.client.report.page import page_of

    spec = ReportSpec(tuple(dict.fromkeys(model)), space, count, limit, seed, template, dataset)
    if out.is_dir():
        raise InvalidInput(f"{out} is a folder: give --out a file name.")
    made_at = datetime.now(UTC).isoformat(timespec="minutes")
    with client_for(url) as client, progress_bar("Asking") as show:
        found = gathered(client, spec, on_progress=lambda what: show(text=what), made_at=made_at)
    size = written(out, page_of(found).encode())
    typer.echo(f"{out}: {size / 1e6:.2f} MB, opens in any browser without a network")


def bundle(path: Annotated[Path, typer.Argument(help="A bundle that a page's Share menu has written.")]) -> None:
    """Say what a bundle holds; the dashboard's 'Open a bundle' shows it."""
    from bindscope.client.bundles import bundle_from

    require_file(path)
    found = bundle_from(path.read_bytes())
    lines = [f"page {found.page}, made {found.created} with Bindscope {found.version}"]
    lines += [f"  {name} = {value}" for name, value in found.query.items()]
    lines += [f"  model {model.id}, fingerprint {model.fingerprint}" for model in found.models]
    for line in (*lines, f"  {len(found.answers)} answers"):
        # Somebody else wrote it: no control character of theirs reaches the terminal.
        typer.echo("".join(letter if letter.isprintable() else "\ufffd" for letter in line))
