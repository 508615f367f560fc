"""``bindscope check``: the gate for continuous integration."""

from typing import Annotated

import typer

from bindscope.cli.answers import delivered
from bindscope.cli.local import client_for
from bindscope.cli.options import Json, Model, Out, Space, Url
from bindscope.cli.progress import progress_bar


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(check)


def check(
    model: Model,
    space: Space = "shapes2d",
    minimum: Annotated[
        float, typer.Option("--min", min=0, max=1, help="Lowest binding score that passes (chance is 0.5).")
    ] = 0.6,
    count: Annotated[int, typer.Option(min=1, max=5000, help="Scenes.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the scenes.")] = 0,
    url: Url = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """A gate for continuous integration: exit 1 when the binding score is below --min.

    The binding score sets the caption of each scene against that of its swap, both ways; chance is 0.5."""
    from bindscope.features.verdicts.findings import accuracy_sentence, contest_finding

    with client_for(url) as client, progress_bar("Scenes") as show:
        result = client.verdict_batch(
            *(model, space),
            on_progress=lambda step: show(step.done, step.total),
            count=count,
            seed=seed,
            only_valid_swaps=True,
        )
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
