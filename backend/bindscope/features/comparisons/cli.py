"""``bindscope compare``."""

from typing import TYPE_CHECKING, Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Out, Seed, Space, Url
from bindscope.cli.progress import progress_bar
from bindscope.cli.wording import names, score_text

if TYPE_CHECKING:
    from bindscope.features.comparisons.schemas import ComparisonResponse, ComparisonRow


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(compare)


def compare(
    models: Annotated[list[str], typer.Option("--models", "-m", help="Model ids, repeated or with commas between.")],
    space: Space = "clevr2d",
    count: Annotated[int, typer.Option(min=10, max=5000, help="Scenes that every model is asked about.")] = 400,
    limit: Annotated[int, typer.Option(min=10, max=10_000, help="Scenes for probes and decomposition.")] = 1000,
    mend: Annotated[bool, typer.Option("--repair", help="Measure what a repair would gain as well.")] = False,
    seed: Seed = 0,
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Models side by side on the same scenes; those that do not separate beyond chance share a rank."""
    with client_for(url) as client, progress_bar("Models") as show:
        found = client.compare(
            [name for text in models for name in names(text)],
            space,
            on_progress=lambda step: show(step.done, step.total, f"{step.done + 1} of {step.total}: {step.model}"),
            count=count,
            limit=limit,
            repair=mend,
            seed=seed,
        )
    if not delivered(found, as_json=as_json, out=out):
        _show(found, space)


def _show(found: "ComparisonResponse", space: str) -> None:
    from bindscope.features.comparisons.findings import ANCHORS, board_finding, pair_sentence, rank_sentence

    typer.echo(f"{found.scenes} scenes of {space} and their swaps, the same for all")
    for anchor, bags in found.bags.items():
        rows = [row for row in found.rows if row.anchor == anchor]
        finding = board_finding(rows)
        typer.echo(f"{ANCHORS[anchor].capitalize()}: {finding.title}. {finding.sentence}")
        for row in sorted(rows, key=lambda row: (row.rank is None, row.rank or 0)):
            typer.echo(f"  {_row_text(row)}")
        note = rank_sentence(bags, sum(row.kind == "model" for row in rows))
        if note:
            typer.echo(f"  {note}")
    if len(found.bags) > 1:
        typer.echo("Models of the two tables answer different questions and have no common rank.")
    for pair in found.pairs:
        typer.echo(f"  {pair_sentence(pair)}")


def _row_text(row: "ComparisonRow") -> str:
    from bindscope.features.comparisons.findings import change_text

    place = f"{row.rank}." if row.rank is not None else f"({row.kind})"
    probes = {name: own for name, own in row.probes.items() if own is not None}
    inside = ", ".join(f"{name} {score_text(own)} {own.says}" for name, own in probes.items())
    gain = f"  repair {change_text(row.repair_gain)}" if row.repair_gain is not None else ""
    return (
        f"{place:9} {row.model:34} binding {score_text(row.binding)} {row.standing}"
        + (f"  probes {inside}" if inside else "")
        + gain
    )
