"""``bindscope repair``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.files import written
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Model, Seed, Space, Url
from bindscope.cli.wording import counted, interval_text
from bindscope.core.binding_rules import CHANCE

if TYPE_CHECKING:
    from bindscope.features.repairs.schemas import RepairModel


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(repair)


def repair(
    model: Model = "bundled:tiny-split",
    space: Space = "shapes2d",
    coverage: Annotated[float, typer.Option(help="Share of the objects that the map learns from.")] = 0.6,
    limit: Annotated[int, typer.Option(min=4, max=20_000, help="Most scenes (a seeded sample).")] = 4000,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Write the map, if one is kept, to this .npz file.")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """A linear map for the text tower: what it gains and costs on scenes of unseen objects."""
    with client_for(url) as client:
        found = client.repair(model, space, coverage=coverage, limit=limit, seed=seed)
        if out is not None and found.id is not None:
            written(out, client.repair_file(found.id))
    if delivered(found, as_json=as_json):
        return
    _show(found)
    if out is not None and found.id is None:
        typer.echo(f"{out} was not written: there is no map to keep.", err=True)


def _show(found: "RepairModel") -> None:
    from bindscope.features.repairs.findings import repair_finding

    finding = repair_finding(found)
    typer.echo(f"{finding.title}: {finding.sentence}")
    typer.echo(
        f"{found.repaired or 'no map kept'}: trained on {counted(found.train_scenes, 'scene')} of "
        f"{found.train_objects} objects, tested on {found.test_scenes:,} of {found.test_objects} unseen ones, "
        f"t = {found.t:g}"
    )
    after = {"repaired": found.after} if found.id is not None else {}
    for name, own in {"as it is": found.before, **after, **found.baselines}.items():
        choice = "no pairs" if own.binding.forced_choice is None else interval_text(own.binding.forced_choice)
        typer.echo(
            f"  {name.replace('_', ' '):13} true before swapped {choice} (chance {CHANCE:.2f})  "
            f"recall@1 {interval_text(own.recall_at_1)}  concepts {interval_text(own.concepts)}"
        )
