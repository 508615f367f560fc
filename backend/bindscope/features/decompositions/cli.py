"""``bindscope decompose``."""

from typing import Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import client_for
from bindscope.cli.options import Dataset, Estimator, Json, Limit, Modality, Out, Seed, SourceModel, Space, Splits, Url
from bindscope.cli.sources import source_of
from bindscope.cli.wording import interval_text, print_recognition


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(decompose)


def decompose(
    model: SourceModel = None,
    space: Space = "clevr2d",
    modality: Modality = "image",
    dataset: Dataset = None,
    limit: Limit = 10_000,
    estimator: Estimator = "lstsq_pos",
    level: Annotated[int, typer.Option(min=1, max=2, help="1: sum of objects; 2: sum of concepts.")] = 1,
    test_ratio: Annotated[float, typer.Option(help="Share of held-out scenes.")] = 0.2,
    seed: Seed = 0,
    splits: Splits = 5,
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Additive decomposition: is a scene the sum of its objects?"""
    from bindscope.features.decompositions.findings import rebuilt_sentence

    options = {"estimator": estimator, "level": level, "test_ratio": test_ratio, "seed": seed, "splits": splits}
    with client_for(url) as client:
        source = source_of(client, model=model, space=space, modality=modality, dataset=dataset, limit=limit)
        result = client.decompose(source, **options)
    if delivered(result, as_json=as_json, out=out):
        return
    typer.echo(rebuilt_sentence(result.binding, level=level))
    typer.echo(f"R2 train {_number(result.r2.train)}, held out {_number(result.r2.test)}")
    typer.echo(f"  {'retrieval':22} {interval_text(result.retrieval)}")
    print_recognition(result.probing)


def _number(value: float | None) -> str:
    return "unknown (the scenes do not vary)" if value is None else f"{value:.4f}"
