"""``bindscope remove``."""

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import client_for
from bindscope.cli.options import Dataset, Json, Limit, Modality, Out, Seed, SourceModel, Space, Splits, Url
from bindscope.cli.sources import source_of
from bindscope.cli.wording import interval_text


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(remove)


def remove(
    model: SourceModel = None,
    space: Space = "clevr2d",
    modality: Modality = "image",
    dataset: Dataset = None,
    limit: Limit = 10_000,
    seed: Seed = 0,
    splits: Splits = 5,
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Targeted removal: what is left when concepts or objects are taken out?"""
    from bindscope.features.removals.findings import published_note, removal_sentence

    with client_for(url) as client:
        source = source_of(client, model=model, space=space, modality=modality, dataset=dataset, limit=limit)
        result = client.remove(source, seed=seed, splits=splits)
    if delivered(result, as_json=as_json, out=out):
        return
    typer.echo(removal_sentence(result.bindings))
    for name, own in result.variants.items():
        score = result.bindings[name].forced_choice
        told = "no figure" if score is None else interval_text(score)
        heads = f"concepts {interval_text(own['concepts'])}  objects {interval_text(own['object'])}"
        typer.echo(f"{name:24} binding {told}  {heads}")
    typer.echo(published_note())
