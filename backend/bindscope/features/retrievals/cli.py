"""``bindscope retrieve``."""

from typing import TYPE_CHECKING, Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Model, Out, Seed, Space, Url
from bindscope.cli.wording import counted, interval_text, score_text
from bindscope.core.binding_rules import CHANCE

if TYPE_CHECKING:
    from bindscope.features.retrievals.schemas import RetrievalResponse


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(retrieve)


def retrieve(
    model: Model = "bundled:tiny-bind",
    space: Space = "clevr2d",
    direction: Annotated[str, typer.Option(help="text_to_image, image_to_text or text_to_text.")] = "text_to_image",
    k: Annotated[int, typer.Option(min=1, help="Recall at 1, 5, 10 and this many.")] = 10,
    distractors: Annotated[str, typer.Option(help="swaps (twins) or all (every scene of the space).")] = "swaps",
    queries: Annotated[int, typer.Option(min=1, max=5000)] = 200,
    limit: Annotated[int, typer.Option(min=2, help="Most scenes in a gallery of 'all'.")] = 10_000,
    approximate: Annotated[bool, typer.Option("--approximate", help="Search by a graph index (faiss).")] = False,
    seed: Seed = 0,
    url: Url = None,
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
    if not delivered(found, as_json=as_json, out=out):
        _show(found)


def _show(found: "RetrievalResponse") -> None:
    from bindscope.features.retrievals.findings import retrieval_finding

    finding = retrieval_finding(found)
    typer.echo(f"{finding.title}. {finding.sentence}")
    typer.echo(f"{found.direction}: {counted(found.queries, 'query')} in a gallery of {found.gallery:,}")
    typer.echo(f"  {'right before its twin':22} {score_text(found.binding)}, chance {CHANCE}")
    for name, share in found.recall.items():
        typer.echo(f"  recall@{name:15} {interval_text(share)}")
    level = "" if found.swapped_first_chance is None else f", chance {found.swapped_first_chance:.3f}"
    typer.echo(f"  {'swapped twin first':22} {interval_text(found.swapped_first)}{level}")
    typer.echo(f"  {'undecided':22} {interval_text(found.undecided)}")
    if found.approximate_recall is not None:
        typer.echo(f"  {'found of the exact':22} {interval_text(found.approximate_recall)}")
