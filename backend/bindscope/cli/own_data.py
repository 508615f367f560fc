"""What you bring: ``data`` (add, list, show, embed, delete), ``texts``, ``photo`` and ``tests``."""

import contextlib
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from bindscope.cli.answers import Json, Out, delivered
from bindscope.cli.local import client_for
from bindscope.cli.wording import interval_text
from bindscope.core.errors import InvalidInput
from bindscope.features.caption_tests.schemas import CaptionTestProgress
from bindscope.features.datasets.schemas import DatasetEmbedding, DatasetModel

_Url = Annotated[str | None, typer.Option(help="A running service; without it the command starts its own.")]
_Model = Annotated[str, typer.Option("--model", "-m", help="Model id, see 'bindscope models'.")]
_FOLDER_FILES = (".json", ".jsonl", ".parquet", ".csv", ".yaml", ".yml", ".npy", ".png", ".jpg", ".jpeg", ".webp")

data = typer.Typer(no_args_is_help=True, help="Your own pictures, vectors and texts.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.add_typer(data, name="data")
    for command in (texts, photo):
        app.command()(command)
    app.command("tests")(caption_tests)
    app.command("bundle")(show_bundle)


@data.command("add")
def add(
    path: Annotated[Path, typer.Argument(help="A .zip or folder of pictures with a CSV, .npz, .parquet, or .npy.")],
    labels: Annotated[Path | None, typer.Option(help="CSV with the labels or texts of the rows.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="YAML or JSON: which column holds what.")] = None,
    space: Annotated[str | None, typer.Option("--space", "-s", help="Concept space of the labels.")] = None,
    name: Annotated[str, typer.Option(help="Name of the space that is made of the labels.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Only read it to its end and say what it is.")] = False,
    url: _Url = None,
    as_json: Json = False,
) -> None:
    """Add labelled pictures or vectors, or texts with vectors. Nothing is kept of a file that has a fault."""
    for given in (path, labels, mapping):
        if given is not None and not given.exists():
            raise InvalidInput(f"No such file: {given}.")
    with client_for(url) as client, _packed(path) as file:
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


@data.command("list")
def list_data(url: _Url = None, as_json: Json = False) -> None:
    """List what was added."""
    with client_for(url) as client:
        found = client.datasets()
    if delivered(found, as_json=as_json):
        return
    for one in found:
        _show(one)
    if not found:
        typer.echo("Nothing was added yet: 'bindscope data add FILE'.")


@data.command("embed")
def embed_data(
    dataset: Annotated[str, typer.Argument(help="Id of the pictures.")],
    model: _Model = "bundled:tiny-bind",
    url: _Url = None,
    as_json: Json = False,
) -> None:
    """Embed the pictures of an upload, so that analyses start at once."""
    with client_for(url) as client, _bar("Embedding") as show:
        found = client.embed_dataset(dataset, model, on_progress=lambda step: show(_of(step)))
    if not delivered(found, as_json=as_json):
        typer.echo(f"{found.total:,} pictures, {found.cached:,} of them were known")


@data.command("delete")
def delete_data(dataset: Annotated[str, typer.Argument(help="Id.")], url: _Url = None) -> None:
    """Take an upload away."""
    with client_for(url) as client:
        client.delete_dataset(dataset)
    typer.echo(f"{dataset} is gone")


def texts(
    space: Annotated[str, typer.Option("--space", "-s", help="Concept space.")] = "shapes2d",
    objects: Annotated[int, typer.Option(min=1, max=4, help="Objects of a scene.")] = 2,
    template: Annotated[str, typer.Option(help="Caption template: a name or a text with one {}.")] = "plain",
    url: _Url = None,
) -> None:
    """Print the texts that analyses of a space ask about, one a line: embed them elsewhere, then add them."""
    with client_for(url) as client:
        for text in client.space_texts(space, objects=objects, template=template):
            typer.echo(text)


def photo(
    picture: Annotated[Path, typer.Argument(help="PNG, JPEG or WebP.")],
    caption: Annotated[str, typer.Argument(help="The true caption.")],
    other: Annotated[str | None, typer.Argument(help="The other one; without it adjectives are exchanged.")] = None,
    model: _Model = "bundled:tiny-bind",
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """One photo, two captions: which does the model prefer? Nothing is kept."""
    from bindscope.scenes.exchanges import exchanges

    if not picture.is_file():
        raise InvalidInput(f"No such picture: {picture}.")
    if other is None:
        offered = exchanges(caption)
        if not offered:
            raise InvalidInput("Found no two things with adjectives to exchange: give the other caption as well.")
        other = offered[0].text
    with client_for(url) as client:
        found = client.photo_verdict(model, picture, (caption, other))
    if delivered(found, as_json=as_json, out=out):
        return
    typer.echo(f"{found.outcome}: margin {found.margin:+.4f}, noise floor {found.noise_floor:.1e}")
    for text, score in zip((caption, other), found.scores, strict=True):
        typer.echo(f"  {score:+.4f}  {text}")


def show_bundle(path: Annotated[Path, typer.Argument(help="A bundle that a page's Share menu has written.")]) -> None:
    """Say what a bundle holds; the dashboard's 'Open a bundle' shows it."""
    from bindscope.client.bundles import bundle_from

    if not path.is_file():
        raise InvalidInput(f"No such file: {path}.")
    found = bundle_from(path.read_bytes())
    lines = [f"page {found.page}, made {found.created} with Bindscope {found.version}"]
    lines += [f"  {name} = {value}" for name, value in found.query.items()]
    lines += [f"  model {model.id}, fingerprint {model.fingerprint}" for model in found.models]
    for line in (*lines, f"  {len(found.answers)} answers"):
        # Somebody else wrote it: no control character of theirs reaches the terminal.
        typer.echo("".join(letter if letter.isprintable() else "\ufffd" for letter in line))


def caption_tests(
    path: Annotated[Path, typer.Argument(help="A folder or .zip with the test's JSON or Parquet files and pictures.")],
    model: _Model = "bundled:tiny-bind",
    url: _Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """SugarCrepe, Winoground or ARO on a model, from the files that you have."""
    if not path.exists():
        raise InvalidInput(f"No such file or folder: {path}.")
    with client_for(url) as client, _packed(path) as file, _bar("Scoring") as show:
        found = client.caption_test(model, file, on_progress=lambda step: show(_of(step)))
    if delivered(found, as_json=as_json, out=out):
        return
    typer.echo(f"{found.format}: {len(found.items):,} items, a tie is not right (noise floor {found.noise_floor:.1e})")
    for row in found.rows:
        parts = [("text", row.accuracy), ("image", row.image), ("group", row.group), ("blind", row.blind)]
        shown = "  ".join(f"{name} {interval_text(share)}" for name, share in parts if share is not None)
        typer.echo(f"  {row.name:24} {shown}")


@contextlib.contextmanager
def _packed(path: Path) -> Iterator[Path]:
    """A file as it is; a folder as a zip among the temporary files, gone afterwards."""
    if not path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{path.name}.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(path.rglob("*")):
                if file.is_file() and not file.is_symlink() and file.suffix.lower() in _FOLDER_FILES:
                    archive.write(file, file.relative_to(path).as_posix())
        yield target


@contextlib.contextmanager
def _bar(label: str) -> Iterator[Callable[[tuple[int, int]], None]]:
    """A progress bar on stderr while the block lasts, to be called with (done, total)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda step: progress.update(task, completed=step[0], total=step[1])


def _of(step: DatasetEmbedding | CaptionTestProgress) -> tuple[int, int]:
    return step.done, step.total


def _show(one: DatasetModel) -> None:
    about = f"{one.scenes:,} scenes of {one.objects_per_scene} objects" if one.scenes else "texts only"
    parts = [about, f"{one.dim} numbers each" if one.dim else "", f"space {one.space}" if one.space else ""]
    parts += [f"{one.texts:,} texts (model {one.model})" if one.texts and one.model else ""]
    typer.echo(f"{one.id or '(not kept)':18} {one.kind:9} {', '.join(part for part in parts if part)}")
    for note in one.notes:
        typer.echo(f"  note: {note}")
