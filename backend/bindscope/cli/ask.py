"""Questions to the service: ``models``, ``embed``, ``verdict``, ``check``."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bindscope.cli.answers import Json, Out, delivered
from bindscope.cli.local import client_for
from bindscope.client import BindscopeClient
from bindscope.client.connection import DEFAULT_URL
from bindscope.core.errors import InvalidInput
from bindscope.features.spaces.schemas import SpaceModel
from bindscope.features.surveys.schemas import BatchProgress
from bindscope.features.verdicts.findings import accuracy_sentence, contest_finding, kept_sentence, twin_sentence
from bindscope.scenes.scene import MAX_OBJECTS
from bindscope.scenes.wire import PlacedObject, SceneModel

_Model = Annotated[str, typer.Option("--model", "-m", help="Model id, see 'bindscope models'.")]
_Space = Annotated[str, typer.Option("--space", "-s", help="Concept space.")]
_Url = Annotated[str | None, typer.Option(help="A running service; without it the command starts its own.")]


models_app = typer.Typer()


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.add_typer(models_app, name="models")
    app.command()(health)
    app.command()(embed)
    app.command()(verdict)
    app.command()(check)


def health(url: _Url = None) -> None:
    """Is the service at --url (or BINDSCOPE_API_URL, or port 8000 here) ready? Exit 1 where it is not."""
    address = url or os.environ.get("BINDSCOPE_API_URL") or DEFAULT_URL
    with BindscopeClient(address, os.environ.get("BINDSCOPE_API_KEY"), timeout=10) as client:
        state = client.ready()
    typer.echo(f"ready{', without its store' if state.degraded else ''}: {state.canary}")


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context, url: _Url = None, as_json: Json = False, out: Out = None) -> None:
    """List the models that can be asked; 'check ID' looks whether one answers as it should."""
    if context.invoked_subcommand is not None:
        return
    with client_for(url) as client:
        found = client.models()
    if delivered(found, as_json=as_json, out=out):
        return
    for model in found:
        state = "" if model.available else "  (not available)"
        size = f"{model.dim}-d" if model.dim else ""
        typer.echo(f"{model.id:34} {'+'.join(model.modalities):11} {size:7} {model.checks or '':8}{state}")


@models_app.command("check")
def check_model(
    model: Annotated[str, typer.Argument(help="Model id.")],
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """The checks of a model: golden vectors, noise, canaries, activation, padding. Exit 1 where a check failed."""
    with client_for(url) as client:
        found = client.model_checks(model, refresh=True)
    if not delivered(found, as_json=as_json, out=out):
        for own in found.checks:
            figure = "" if own.figure is None else f" [{own.figure:.6g}]"
            typer.echo(f"{own.state:8} {own.name}: {own.message}{figure}")
        typer.echo(f"{found.model}: {found.state}")
    if found.state == "failed":
        raise typer.Exit(1)


@models_app.command("golden")
def write_golden(model: Annotated[str, typer.Argument(help="A bundled model or a local-dir: one.")]) -> None:
    """Write the model's answers to fixed inputs into its folder: later loads are held against them."""
    from bindscope.core.config import Settings
    from bindscope.encoders.golden import FILE, model_folder
    from bindscope.features.model_checks.service import ModelChecks
    from bindscope.services.container import assembled, encoder_settings

    settings = Settings().model_copy(update={"preload": (), "store": "off", "model_checks": "off"})
    folder = model_folder(model, encoder_settings(settings))
    if folder is None:
        raise InvalidInput(f"Model {model!r} has no folder here: only bundled and local-dir: models have one.")
    with assembled(settings) as services:
        data = services.of(ModelChecks).golden(model).to_bytes()
    try:
        (folder / FILE).write_bytes(data)
    except OSError as error:
        raise InvalidInput(f"Cannot write {folder / FILE}: {error.strerror}.") from error
    typer.echo(f"{folder / FILE}: {len(data):,} bytes")


def embed(
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts; '-' reads one per line from standard input.")
    ] = None,
    model: _Model = "bundled:tiny-bind",
    image: Annotated[list[Path] | None, typer.Option(help="Picture file (PNG, JPEG, WebP); repeatable.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write float32 vectors to this .npy file.")] = None,
    url: _Url = None,
    as_json: Json = False,
) -> None:
    """Embed texts or pictures."""
    import numpy as np

    given = [line.rstrip("\n") for text in texts or [] for line in (sys.stdin if text == "-" else [text])]
    files = image or []
    if bool(given) == bool(files):
        raise InvalidInput("Give texts or --image files, one kind at a time.")
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise InvalidInput(f"No such picture: {', '.join(missing)}.")
    with client_for(url) as client:
        if as_json:
            answer = client.embeddings(model, texts=given or None, images=[p.read_bytes() for p in files] or None)
            delivered(answer, as_json=True)
            return
        vectors = client.embed(model, texts=given or None, images=[p.read_bytes() for p in files] or None)
    if out is not None:
        try:
            with out.open("wb") as file:
                np.save(file, vectors, allow_pickle=False)
        except OSError as error:
            raise InvalidInput(f"Cannot write {out}: {error.strerror}. Give --out another place.") from error
        typer.echo(f"{out}: {vectors.shape[0]} vectors of {vectors.shape[1]} numbers")
        return
    for vector in vectors:
        typer.echo(" ".join(f"{x:.6g}" for x in vector))


def verdict(
    objects: Annotated[list[str], typer.Argument(help="Objects from left to right: 'red square' 'blue circle'.")],
    model: _Model = "bundled:tiny-bag",
    space: _Space = "shapes2d",
    template: Annotated[str, typer.Option(help="Caption template: a name or a text with one {}.")] = "plain",
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Does the model prefer the true caption of a scene or the swapped one?"""
    with client_for(url) as client:
        spaces = {found.name: found for found in client.spaces()}
        if space not in spaces:
            raise InvalidInput(f"Unknown space {space!r}. Known: {', '.join(spaces)}.")
        answer = client.verdict(model, scene_from_words(objects, spaces[space]), template=template)
    if delivered(answer, as_json=as_json, out=out):
        return
    typer.echo(f"{answer.diagnosis}: {answer.answer}")
    for caption in answer.contest.captions:
        typer.echo(f"  {caption.score:+.4f}  {caption.kind:4}  {caption.text}")
    if answer.contest.margin is not None:
        typer.echo(f"  margin {answer.contest.margin:+.4f}, noise floor {answer.contest.noise_floor:.1e}")
        if answer.robustness is not None:
            typer.echo(f"  {kept_sentence(answer.robustness)}")
        twin = twin_sentence(answer.contest.margin, answer.twin_margin, floor=answer.contest.noise_floor)
        if twin:
            typer.echo(f"  {twin}")


def check(
    model: _Model,
    space: _Space = "shapes2d",
    minimum: Annotated[
        float, typer.Option("--min", min=0, max=1, help="Lowest binding score that passes (chance is 0.5).")
    ] = 0.6,
    count: Annotated[int, typer.Option(min=1, max=5000, help="Scenes.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the scenes.")] = 0,
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """A gate for continuous integration: exit 1 when the binding score is below --min.

    The binding score sets the caption of each scene against that of its swap, both ways; chance is 0.5."""
    with client_for(url) as client:
        progress = None if as_json else _show_progress
        result = client.verdict_batch(model, space, on_progress=progress, count=count, seed=seed, only_valid_swaps=True)
    score = result.binding.forced_choice
    passed = score is not None and score.value is not None and score.value >= minimum
    if out is not None:
        delivered(result, as_json=False, out=out)
    if as_json:
        delivered({**result.model_dump(mode="json"), "passed": passed, "min": minimum}, as_json=True)
    else:
        told = contest_finding(result.binding, anchor=result.anchor)
        typer.echo(f"{told.title}. {told.sentence}")
        typer.echo(accuracy_sentence(result.swap_accuracy, result.swap_accuracy_chance))
        typer.echo(f"{'passed' if passed else 'FAILED'}: a binding score of at least {minimum} was asked for")
    if not passed:
        raise typer.Exit(1)


def scene_from_words(objects: list[str], space: SpaceModel) -> SceneModel:
    """Each text names one value of every concept, in any order: ``red square``."""
    if not 1 <= len(objects) <= MAX_OBJECTS:
        raise InvalidInput(f"A scene has 1 to {MAX_OBJECTS} objects, got {len(objects)}.")
    placed: list[PlacedObject] = []
    for text in objects:
        words = text.lower().split()
        values: dict[str, str] = {}
        for concept in space.concepts:
            named = [value for value in concept.values if value.lower() in words or value.lower() == text.lower()]
            if len(named) != 1:
                known = ", ".join(concept.values)
                raise InvalidInput(f"{text!r} must name one {concept.name}. Known: {known}.")
            values[concept.name] = named[0]
        placed.append(PlacedObject(values=values))
    return SceneModel(space=space.name, objects=placed)


def _show_progress(step: BatchProgress) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{step.done}/{step.total} scenes", err=True, nl=step.done == step.total)
