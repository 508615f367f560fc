"""Choosing and mending a model: ``retrieve``, ``near-duplicates``, ``repair``, ``compare``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bindscope.cli.answers import Json, Out, delivered
from bindscope.cli.local import client_for
from bindscope.cli.wording import counted, interval_text, names
from bindscope.core.binding_rules import CHANCE
from bindscope.core.errors import InvalidInput
from bindscope.core.wire import Binding
from bindscope.features.comparisons.findings import ANCHORS, board_finding, change_text, pair_sentence, rank_sentence
from bindscope.features.comparisons.schemas import ComparisonProgress, ComparisonRow
from bindscope.features.repairs.findings import repair_finding
from bindscope.features.repairs.schemas import RepairFigures
from bindscope.features.retrievals.findings import retrieval_finding

_Model = Annotated[str, typer.Option("--model", "-m", help="Model id, see 'bindscope models'.")]
_Space = Annotated[str, typer.Option("--space", "-s", help="Concept space.")]
_Seed = Annotated[int, typer.Option(min=0)]
_Url = Annotated[str | None, typer.Option(help="A running service; without it the command starts its own.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    for command in (retrieve, near_duplicates, repair, compare):
        app.command()(command)


def retrieve(
    model: _Model = "bundled:tiny-bind",
    space: _Space = "clevr2d",
    direction: Annotated[str, typer.Option(help="text_to_image, image_to_text or text_to_text.")] = "text_to_image",
    k: Annotated[int, typer.Option(min=1, help="Recall at 1, 5, 10 and this many.")] = 10,
    distractors: Annotated[str, typer.Option(help="swaps (twins) or all (every scene of the space).")] = "swaps",
    queries: Annotated[int, typer.Option(min=1, max=5000)] = 200,
    limit: Annotated[int, typer.Option(min=2, help="Most scenes in a gallery of 'all'.")] = 10_000,
    approximate: Annotated[bool, typer.Option("--approximate", help="Search by a graph index (faiss).")] = False,
    seed: _Seed = 0,
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Does a query find the right scene, or its swapped twin?"""
    with client_for(url) as client:
        found = client.retrieve(
            model,
            space,
            direction=direction,
            k=k,
            distractors=distractors,
            queries=queries,
            limit=limit,
            approximate=approximate,
            seed=seed,
        )
    if delivered(found, as_json=as_json, out=out):
        return
    finding = retrieval_finding(found)
    typer.echo(f"{finding.title}. {finding.sentence}")
    typer.echo(f"{found.direction}: {counted(found.queries, 'query')} in a gallery of {found.gallery:,}")
    typer.echo(f"  {'right before its twin':22} {_score_text(found.binding)}, chance {CHANCE}")
    for name, share in found.recall.items():
        typer.echo(f"  recall@{name:15} {interval_text(share)}")
    level = "" if found.swapped_first_chance is None else f", chance {found.swapped_first_chance:.3f}"
    typer.echo(f"  {'swapped twin first':22} {interval_text(found.swapped_first)}{level}")
    typer.echo(f"  {'undecided':22} {interval_text(found.undecided)}")
    if found.approximate_recall is not None:
        typer.echo(f"  {'found of the exact':22} {interval_text(found.approximate_recall)}")


def near_duplicates(
    texts: Annotated[
        list[str] | None, typer.Argument(help="Captions that mean different things; '-' reads one per line.")
    ] = None,
    model: _Model = "bundled:tiny-bind",
    space: Annotated[str | None, typer.Option("--space", "-s", help="All captions of a concept space.")] = None,
    min_cosine: Annotated[float | None, typer.Option(help="Default: as close as one text encoded twice.")] = None,
    limit: Annotated[int, typer.Option(min=2, max=20_000)] = 2000,
    most: Annotated[int, typer.Option(min=1, max=2000, help="Pairs that are listed.")] = 20,
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Captions that mean different things and share a vector."""
    given = [line.rstrip("\n") for text in texts or [] for line in (sys.stdin if text == "-" else [text])]
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


def repair(
    model: _Model = "bundled:tiny-split",
    space: _Space = "shapes2d",
    coverage: Annotated[float, typer.Option(help="Share of the objects that the map learns from.")] = 0.6,
    limit: Annotated[int, typer.Option(min=4, max=20_000, help="Most scenes (a seeded sample).")] = 4000,
    seed: _Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Write the map, if one is kept, to this .npz file.")] = None,
    url: _Url = None,
    as_json: Json = False,
) -> None:
    """A linear map for the text tower: what it gains and costs on scenes of unseen objects."""
    with client_for(url) as client:
        found = client.repair(model, space, coverage=coverage, limit=limit, seed=seed)
        if out is not None and found.id is not None:
            try:
                out.write_bytes(client.repair_file(found.id))
            except OSError as error:
                raise InvalidInput(f"Cannot write {out}: {error.strerror}. Give --out another place.") from error
    if delivered(found, as_json=as_json):
        return
    finding = repair_finding(found)
    typer.echo(f"{finding.title}: {finding.sentence}")
    typer.echo(
        f"{found.repaired or 'no map kept'}: trained on {counted(found.train_scenes, 'scene')} of "
        f"{found.train_objects} objects, tested on {found.test_scenes:,} of {found.test_objects} unseen ones, "
        f"t = {found.t:g}"
    )
    rows: dict[str, RepairFigures] = {"as it is": found.before}
    rows |= {"repaired": found.after} if found.id is not None else {}
    for name, own in {**rows, **found.baselines}.items():
        choice = "no pairs" if own.binding.forced_choice is None else interval_text(own.binding.forced_choice)
        typer.echo(
            f"  {name.replace('_', ' '):13} true before swapped {choice} (chance {CHANCE:.2f})  "
            f"recall@1 {interval_text(own.recall_at_1)}  concepts {interval_text(own.concepts)}"
        )
    if out is not None and found.id is None:
        typer.echo(f"{out} was not written: there is no map to keep.", err=True)


def compare(
    models: Annotated[list[str], typer.Option("--models", "-m", help="Model ids, repeated or with commas between.")],
    space: _Space = "clevr2d",
    count: Annotated[int, typer.Option(min=10, max=5000, help="Scenes that every model is asked about.")] = 400,
    limit: Annotated[int, typer.Option(min=10, max=10_000, help="Scenes for probes and decomposition.")] = 1000,
    mend: Annotated[bool, typer.Option("--repair", help="Measure what a repair would gain as well.")] = False,
    seed: _Seed = 0,
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Models side by side on the same scenes; those that do not separate beyond chance share a rank."""
    with client_for(url) as client:
        found = client.compare(
            [name for text in models for name in names(text)],
            space,
            on_progress=_row_begins,
            count=count,
            limit=limit,
            repair=mend,
            seed=seed,
        )
    if delivered(found, as_json=as_json, out=out):
        return
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


def _row_text(row: ComparisonRow) -> str:
    place = f"{row.rank}." if row.rank is not None else f"({row.kind})"
    probes = {name: own for name, own in row.probes.items() if own is not None}
    inside = ", ".join(f"{name} {_score_text(own)} {own.says}" for name, own in probes.items())
    gain = f"  repair {change_text(row.repair_gain)}" if row.repair_gain is not None else ""
    return (
        f"{place:9} {row.model:34} binding {_score_text(row.binding)} {row.standing}"
        + (f"  probes {inside}" if inside else "")
        + gain
    )


def _score_text(binding: Binding) -> str:
    found = binding.forced_choice
    return "unknown (no scene whose swap is there)" if found is None else interval_text(found)


def _row_begins(progress: ComparisonProgress) -> None:
    if sys.stderr.isatty():
        typer.echo(f"{progress.done + 1} of {progress.total}: {progress.model} ...", err=True)
