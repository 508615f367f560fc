"""``bindscope probe``."""

from typing import TYPE_CHECKING, Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import client_for
from bindscope.cli.options import Dataset, Json, Limit, Modality, Out, Seed, SourceModel, Space, Splits, Url
from bindscope.cli.sources import source_of
from bindscope.cli.wording import interval_text

if TYPE_CHECKING:
    from bindscope.core.wire import StrictChance
    from bindscope.features.probes.schemas import ProbeResponse


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(probe)


def probe(
    model: SourceModel = None,
    space: Space = "clevr2d",
    modality: Modality = "image",
    dataset: Dataset = None,
    limit: Limit = 10_000,
    train_ratio: Annotated[float, typer.Option(help="Share of the scenes that probes learn from.")] = 0.4,
    seed: Seed = 0,
    splits: Splits = 5,
    estimator: Annotated[str, typer.Option(help="ridge, or published (the paper's loss; slow).")] = "ridge",
    split: Annotated[str, typer.Option(help="bag, or scene (as published).")] = "bag",
    twins: Annotated[int, typer.Option(min=0, max=5, help="Networks with random weights to compare with.")] = 0,
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Linear probes: is the information inside the embeddings?"""
    options = {"train_ratio": train_ratio, "seed": seed, "splits": splits, "estimator": estimator, "split": split}
    with client_for(url) as client:
        source = source_of(client, model=model, space=space, modality=modality, dataset=dataset, limit=limit)
        result = client.probe(source, **options, twins=twins)
    if not delivered(result, as_json=as_json, out=out):
        _show(result, tower="upload" if model is None else modality)


def _show(result: "ProbeResponse", *, tower: str) -> None:
    from bindscope.features.probes.findings import origin_sentence, tower_sentence

    typer.echo(tower_sentence(tower, result.binding))
    told = origin_sentence(result.binding) or result.note
    if told:
        typer.echo(told)
    typer.echo(f"{result.train_scenes} training and {result.test_scenes} held-out scenes, {result.splits} splits")
    for name, own in result.test.items():
        chance = result.chance.get(name)
        level = f", chance {chance.value:.3f}" if chance is not None and chance.value is not None else ""
        if name == "object_on_valid_swaps":
            level = _levels(result.object_chance)
        typer.echo(f"  {name:22} {interval_text(own)}{level}")


def _levels(chance: "StrictChance") -> str:
    """What strict recognition of objects reaches without binding."""
    if chance.given_bag is None or chance.ceiling_bag is None:
        return ""
    return f", knowing the values {chance.given_bag:.3f}, at most {chance.ceiling_bag:.3f} without binding"
