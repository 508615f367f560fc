"""``bindscope complexity``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bindscope.cli.jobs import check_detach, finish
from bindscope.cli.local import client_for
from bindscope.cli.options import Detach, Json, Limit, Modality, Out, Url
from bindscope.cli.wording import decimals, names
from bindscope.core.binding_rules import CHANCE
from bindscope.core.errors import InvalidInput
from bindscope.core.sentences.words import percent

if TYPE_CHECKING:
    from bindscope.client import BindscopeClient
    from bindscope.core.wire import Binding
    from bindscope.features.jobs.schemas import JobModel


def add(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(complexity)


def complexity(
    model: Annotated[list[str] | None, typer.Option("--model", "-m", help="Model id; several are compared.")] = None,
    space: Annotated[str | None, typer.Option("--space", "-s", help="Concept space (of a run: its own).")] = None,
    modality: Modality = "image",
    dataset: Annotated[list[str] | None, typer.Option(help="An uploaded dataset's id.")] = None,
    limit: Limit = 10_000,
    kinds: Annotated[
        str, typer.Option(help="Families, with commas between.")
    ] = "additive,per_object_product,global_product,mlp:256",
    coverages: Annotated[str, typer.Option(help="Shares of the objects, with commas between.")] = "0.2,0.4,0.6,0.8",
    seeds: Annotated[int, typer.Option(min=1, max=64, help="Number of seeds.")] = 3,
    url: Url = None,
    detach: Detach = False,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """How simple a function predicts the embeddings of scenes of unseen objects?"""
    check_detach(detach, url)
    options = {"kinds": names(kinds), "coverages": decimals(coverages), "seeds": list(range(seeds))}
    with client_for(url) as client:
        sources: list[dict[str, Any]] = [
            {"model": name, "space": space or _own_space(client, name), "modality": modality, "limit": limit}
            for name in model or []
        ]
        sources += [{"dataset": name} for name in dataset or []]
        if not sources:
            raise InvalidInput("Give at least one --model (with --space and --modality) or --dataset.")
        started = [client.complexity(source, **options) for source in sources]
        finish(client, started, detach=detach, as_json=as_json, out=out, show=_show)


def _own_space(client: "BindscopeClient", model: str) -> str:
    """A trained run knows its own space; other models are asked about the built-in pictures."""
    runs = {run.model: str(run.config["space"]) for run in client.trainings().runs} if "controlled:" in model else {}
    return runs.get(model, "clevr2d")


def _show(job: "JobModel") -> None:
    from bindscope.core.sentences.held_out import held_out_text
    from bindscope.features.complexity.findings import complexity_finding
    from bindscope.features.complexity.schemas import ComplexityResult

    result = ComplexityResult.model_validate(job.result)
    finding = complexity_finding(result.points, result.cells)
    typer.echo(
        f"{job.title}\n  unseen objects, all seeds: binding score of the predictions (chance {percent(CHANCE)}) with "
        "its n, and R2"
    )
    coverages = sorted({point.coverage for point in result.points})
    typer.echo("  " + " " * 20 + "".join(f"{coverage:>24g}" for coverage in coverages))
    for kind in dict.fromkeys(point.kind for point in result.points):
        own = {point.coverage: point for point in result.points if point.kind == kind}
        row = "".join(f"{_point_text(own[c].binding, own[c].test_r2) if c in own else '-':>24}" for c in coverages)
        typer.echo(f"  {kind:20}{row}")
    ceiling = next((cell.ceiling_binding for cell in result.cells if cell.ceiling_binding is not None), None)
    typer.echo(f"  {'true embeddings':20} {held_out_text(ceiling)}  (scenes the probes never saw)")
    if finding is not None:
        typer.echo(f"  {finding.title}: {finding.sentence}")


def _point_text(binding: "Binding", r2: float | None) -> str:
    """``0.93 (n 21), R2 0.88``."""
    score = binding.forced_choice
    figure = "no swap" if score is None or score.value is None else f"{score.value:.2f} (n {score.n})"
    return f"{figure}, R2 {'-' if r2 is None else f'{r2:.2f}'}"
