"""``bindscope data``: add, list, embed and delete what you bring."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.files import packed
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Model, Url
from bindscope.cli.progress import progress_bar
from bindscope.core.errors import InvalidInput

if TYPE_CHECKING:
    from bindscope.features.datasets.schemas import DatasetModel

data_app = typer.Typer(no_args_is_help=True, help="Your own pictures, vectors and texts.")


def add(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(data_app, name="data")


@data_app.command("add")
def add_data(
    path: Annotated[Path, typer.Argument(help="A .zip or folder of pictures with a CSV, .npz, .parquet, or .npy.")],
    labels: Annotated[Path | None, typer.Option(help="CSV with the labels or texts of the rows.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="YAML or JSON: which column holds what.")] = None,
    space: Annotated[str | None, typer.Option("--space", "-s", help="Concept space of the labels.")] = None,
    name: Annotated[str, typer.Option(help="Name of the space that is made of the labels.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Only read it to its end and say what it is.")] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Add labelled pictures or vectors, or texts with vectors. Nothing is kept of a file that has a fault."""
    for given in (path, labels, mapping):
        if given is not None and not given.exists():
            raise InvalidInput(f"No such file: {given}.")
    with client_for(url) as client, packed(path) as file:
        called = f"{path.name}.zip" if path.is_dir() else path.name
        if check:
            seen = client.check_dataset(file, labels=labels, mapping=mapping, space=space, name=name, filename=called)
            if delivered(seen, as_json=as_json):
                return
            _show(seen.dataset)
            for concept, counts in seen.counts.items():
                typer.echo(f"  {concept}: {', '.join(f'{value} {count}' for value, count in counts.items())}")
            return
        added = client.add_dataset(file, labels=labels, mapping=mapping, space=space, name=name, filename=called)
    if not delivered(added, as_json=as_json):
        _show(added)


@data_app.command("list")
def list_data(url: Url = None, as_json: Json = False) -> None:
    """List what was added."""
    with client_for(url) as client:
        found = client.datasets()
    if delivered(found, as_json=as_json):
        return
    for one in found:
        _show(one)
    if not found:
        typer.echo("Nothing was added yet: 'bindscope data add FILE'.")


@data_app.command("embed")
def embed_data(
    dataset: Annotated[str, typer.Argument(help="Id of the pictures.")],
    model: Model = "bundled:tiny-bind",
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Embed the pictures of an upload, so that analyses start at once."""
    with client_for(url) as client, progress_bar("Embedding") as show:
        found = client.embed_dataset(dataset, model, on_progress=lambda step: show(step.done, step.total))
    if not delivered(found, as_json=as_json):
        typer.echo(f"{found.total:,} pictures, {found.cached:,} of them were known")


@data_app.command("delete")
def delete_data(dataset: Annotated[str, typer.Argument(help="Id.")], url: Url = None) -> None:
    """Take an upload away."""
    with client_for(url) as client:
        client.delete_dataset(dataset)
    typer.echo(f"{dataset} is gone")


def _show(one: "DatasetModel") -> None:
    about = f"{one.scenes:,} scenes of {one.objects_per_scene} objects" if one.scenes else "texts only"
    parts = [about, f"{one.dim} numbers each" if one.dim else "", f"space {one.space}" if one.space else ""]
    parts += [f"{one.texts:,} texts (model {one.model})" if one.texts and one.model else ""]
    typer.echo(f"{one.id or '(not kept)':18} {one.kind:9} {', '.join(part for part in parts if part)}")
    for note in one.notes:
        typer.echo(f"  note: {note}")
