"""The geometry of scenes: ``probe``, ``decompose``, ``remove``, ``intervene``, of a model or an upload."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bindscope.cli.answers import Json, Out, delivered
from bindscope.cli.local import client_for
from bindscope.cli.wording import interval_text
from bindscope.client import BindscopeClient
from bindscope.core.errors import InvalidInput
from bindscope.core.wire import Interval, StrictChance
from bindscope.features.decompositions.findings import rebuilt_sentence
from bindscope.features.interventions.findings import edited_sentence
from bindscope.features.probes.findings import origin_sentence, tower_sentence
from bindscope.features.removals.findings import published_note, removal_sentence

_Model = Annotated[str | None, typer.Option("--model", "-m", help="Model id, see 'bindscope models'.")]
_Space = Annotated[str, typer.Option("--space", "-s", help="Concept space.")]
_Modality = Annotated[str, typer.Option(help="image or text.")]
_Dataset = Annotated[str | None, typer.Option(help="An uploaded dataset's id, or an .npz file to upload.")]
_Limit = Annotated[int, typer.Option(min=2, help="At most this many scenes (a seeded sample).")]
_Seed = Annotated[int, typer.Option(min=0)]
_Url = Annotated[str | None, typer.Option(help="A running service; without it the command starts its own.")]
_Splits = Annotated[int, typer.Option(min=1, max=50, help="Splits by bag: sets of scenes with the same values.")]
_Estimator = Annotated[str, typer.Option(help="avg, avg_pos, single, lstsq or lstsq_pos.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    for command in (probe, decompose, remove, intervene):
        app.command()(command)


def probe(
    model: _Model = None,
    space: _Space = "clevr2d",
    modality: _Modality = "image",
    dataset: _Dataset = None,
    limit: _Limit = 10_000,
    train_ratio: Annotated[float, typer.Option(help="Share of the scenes that probes learn from.")] = 0.4,
    seed: _Seed = 0,
    splits: _Splits = 5,
    estimator: Annotated[str, typer.Option(help="ridge, or published (the paper's loss; slow).")] = "ridge",
    split: Annotated[str, typer.Option(help="bag, or scene (as published).")] = "bag",
    twins: Annotated[int, typer.Option(min=0, max=5, help="Networks with random weights to compare with.")] = 0,
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Linear probes: is the information inside the embeddings?"""
    options = {"train_ratio": train_ratio, "seed": seed, "splits": splits, "estimator": estimator, "split": split}
    with client_for(url) as client:
        source = _source(client, model=model, space=space, modality=modality, dataset=dataset, limit=limit)
        result = client.probe(source, **options, twins=twins)
    if delivered(result, as_json=as_json, out=out):
        return
    typer.echo(tower_sentence("upload" if model is None else modality, result.binding))
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


def decompose(
    model: _Model = None,
    space: _Space = "clevr2d",
    modality: _Modality = "image",
    dataset: _Dataset = None,
    limit: _Limit = 10_000,
    estimator: _Estimator = "lstsq_pos",
    level: Annotated[int, typer.Option(min=1, max=2, help="1: sum of objects; 2: sum of concepts.")] = 1,
    test_ratio: Annotated[float, typer.Option(help="Share of held-out scenes.")] = 0.2,
    seed: _Seed = 0,
    splits: _Splits = 5,
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Additive decomposition: is a scene the sum of its objects?"""
    with client_for(url) as client:
        source = _source(client, model=model, space=space, modality=modality, dataset=dataset, limit=limit)
        result = client.decompose(
            source, estimator=estimator, level=level, test_ratio=test_ratio, seed=seed, splits=splits
        )
    if delivered(result, as_json=as_json, out=out):
        return
    typer.echo(rebuilt_sentence(result.binding, level=level))
    typer.echo(f"R2 train {_number(result.r2.train)}, held out {_number(result.r2.test)}")
    typer.echo(f"  {'retrieval':22} {interval_text(result.retrieval)}")
    _print_recognition(result.probing)


def remove(
    model: _Model = None,
    space: _Space = "clevr2d",
    modality: _Modality = "image",
    dataset: _Dataset = None,
    limit: _Limit = 10_000,
    seed: _Seed = 0,
    splits: _Splits = 5,
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Targeted removal: what is left when concepts or objects are taken out?"""
    with client_for(url) as client:
        source = _source(client, model=model, space=space, modality=modality, dataset=dataset, limit=limit)
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


def intervene(
    model: _Model = None,
    space: _Space = "clevr2d",
    modality: _Modality = "image",
    dataset: _Dataset = None,
    limit: _Limit = 10_000,
    estimator: _Estimator = "avg_pos",
    concept: Annotated[str | None, typer.Option(help="Whose value is replaced (default: the first).")] = None,
    edits: Annotated[int, typer.Option(min=1, help="At most this many edits (a seeded sample).")] = 20_000,
    seed: _Seed = 0,
    splits: _Splits = 5,
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Interventions: replace one value of one object in embedding space and see where the scene lands."""
    with client_for(url) as client:
        source = _source(client, model=model, space=space, modality=modality, dataset=dataset, limit=limit)
        result = client.intervene(source, estimator=estimator, concept=concept, limit=edits, seed=seed, splits=splits)
    if delivered(result, as_json=as_json, out=out):
        return
    typer.echo(edited_sentence(result.binding))
    typer.echo(f"{result.edits} edits of {result.concept}")
    typer.echo(f"  {'retrieval':22} {interval_text(result.retrieval)}")
    typer.echo(f"  {'as published':22} {interval_text(result.retrieval_published)}")
    _print_recognition(result.probing)
    if result.rendered_cosine is not None:
        own = result.rendered_cosine
        typer.echo(
            f"  cosine to the rendered counterfactual {own.mean:.3f} [{own.low:.3f}, {own.high:.3f}] (n = {own.n})"
        )


def _source(
    client: BindscopeClient, *, model: str | None, space: str, modality: str, dataset: str | None, limit: int
) -> dict[str, Any]:
    if model is None and dataset is None:
        raise InvalidInput("Give --model (with --space and --modality), --dataset, or both for pictures of your own.")
    if model is not None and dataset is not None:
        return {"model": model, "dataset": dataset, "modality": modality}
    if model is not None:
        return {"model": model, "space": space, "modality": modality, "limit": limit}
    path = Path(str(dataset))
    if path.suffix == ".npz":
        if not path.is_file():
            raise InvalidInput(f"No such file: {path}.")
        return {"dataset": client.add_dataset(path).id}
    if not re.fullmatch("[0-9a-f]{16}", str(dataset)):
        raise InvalidInput(f"{str(dataset)!r} is neither the id of a dataset (16 hexadecimal digits) nor an .npz file.")
    return {"dataset": str(dataset)}


def _levels(chance: StrictChance) -> str:
    """What strict recognition of objects reaches without binding."""
    if chance.given_bag is None or chance.ceiling_bag is None:
        return ""
    return f", knowing the values {chance.given_bag:.3f}, at most {chance.ceiling_bag:.3f} without binding"


def _print_recognition(recognition: Mapping[str, Interval]) -> None:
    for name, own in recognition.items():
        typer.echo(f"  {name:22} {interval_text(own)}")


def _number(value: float | None) -> str:
    return "unknown (the scenes do not vary)" if value is None else f"{value:.4f}"
