"""``bindscope verdict``."""

from typing import TYPE_CHECKING, Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Model, Out, Space, Template, Url
from bindscope.core.errors import InvalidInput

if TYPE_CHECKING:
    from bindscope.features.spaces.schemas import SpaceModel
    from bindscope.features.verdicts.schemas import Verdict
    from bindscope.scenes.wire import SceneModel


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(verdict)


def verdict(
    objects: Annotated[list[str], typer.Argument(help="Objects from left to right: 'red square' 'blue circle'.")],
    model: Model = "bundled:tiny-bag",
    space: Space = "shapes2d",
    template: Template = "plain",
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Does the model prefer the true caption of a scene or the swapped one?"""
    with client_for(url) as client:
        spaces = {found.name: found for found in client.spaces()}
        if space not in spaces:
            raise InvalidInput(f"Unknown space {space!r}. Known: {', '.join(spaces)}.")
        answer = client.verdict(model, _scene(objects, spaces[space]), template=template)
    if not delivered(answer, as_json=as_json, out=out):
        _show(answer)


def _show(answer: "Verdict") -> None:
    from bindscope.features.verdicts.findings import kept_sentence, twin_sentence

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


def _scene(objects: list[str], space: "SpaceModel") -> "SceneModel":
    """Each text names one value of every concept, in any order: ``red square``."""
    from bindscope.scenes.scene import MAX_OBJECTS
    from bindscope.scenes.wire import PlacedObject, SceneModel

    if not 1 <= len(objects) <= MAX_OBJECTS:
        raise InvalidInput(f"A scene has 1 to {MAX_OBJECTS} objects, got {len(objects)}.")
    return SceneModel(space=space.name, objects=[PlacedObject(values=_values(text, space)) for text in objects])


def _values(text: str, space: "SpaceModel") -> dict[str, str]:
    words = text.lower().split()
    values: dict[str, str] = {}
    for concept in space.concepts:
        named = [value for value in concept.values if value.lower() in words or value.lower() == text.lower()]
        if len(named) != 1:
            known = ", ".join(concept.values)
            raise InvalidInput(f"{text!r} must name one {concept.name}. Known: {known}.")
        values[concept.name] = named[0]
    return values
