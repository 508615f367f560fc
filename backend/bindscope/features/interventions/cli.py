"""``bindscope intervene``."""

from typing import Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import client_for
from bindscope.cli.options import Dataset, Estimator, Json, Limit, Modality, Out, Seed, SourceModel, Space, Splits, Url
from bindscope.cli.sources import source_of
from bindscope.cli.wording import interval_text, print_recognition


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(intervene)


def intervene(
    model: SourceModel = None,
    space: Space = "clevr2d",
    modality: Modality = "image",
    dataset: Dataset = None,
    limit: Limit = 10_000,
    estimator: Estimator = "avg_pos",
    concept: Annotated[str | None, typer.Option(help="Whose value is replaced (default: the first).")] = None,
    edits: Annotated[int, typer.Option(min=1, help="At most this many edits (a seeded sample).")] = 20_000,
    seed: Seed = 0,
    splits: Splits = 5,
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Interventions: replace one value of one object in embedding space and see where the scene lands."""
    from bindscope.features.interventions.findings import edited_sentence

    options = {"estimator": estimator, "concept": concept, "limit": edits, "seed": seed, "splits": splits}
    with client_for(url) as client:
        source = source_of(client, model=model, space=space, modality=modality, dataset=dataset, limit=limit)
        result = client.intervene(source, **options)
    if delivered(result, as_json=as_json, out=out):
        return
    typer.echo(edited_sentence(result.binding))
    typer.echo(f"{result.edits} edits of {result.concept}")
    typer.echo(f"  {'retrieval':22} {interval_text(result.retrieval)}")
    typer.echo(f"  {'as published':22} {interval_text(result.retrieval_published)}")
    print_recognition(result.probing)
    if result.rendered_cosine is not None:
        own = result.rendered_cosine
        typer.echo(
            f"  cosine to the rendered counterfactual {own.mean:.3f} [{own.low:.3f}, {own.high:.3f}] (n = {own.n})"
        )
