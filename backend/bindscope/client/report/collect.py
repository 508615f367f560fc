"""What a report shows, asked of a service. ``page`` writes it down."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from bindscope.client.errors import ApiError, ServiceUnreachable
from bindscope.features.comparisons.schemas import ComparisonResponse
from bindscope.features.decompositions.schemas import DecompositionResponse
from bindscope.features.interventions.schemas import InterventionResponse
from bindscope.features.model_checks.schemas import ModelCheckReport
from bindscope.features.probes.schemas import ProbeResponse
from bindscope.features.removals.schemas import RemovalResponse
from bindscope.features.retrievals.schemas import RetrievalResponse
from bindscope.features.surveys.schemas import VerdictBatch
from bindscope.features.verdicts.schemas import Verdict

if TYPE_CHECKING:
    from bindscope.client.http import BindscopeClient

#: Sections in the order of the file; called with what is done next.
Progress = Callable[[str], None]
_Answer = TypeVar("_Answer")
_FAILURES = 6
#: Side of the pictures in the file.
PIXELS = 160


@dataclass(frozen=True)
class ReportSpec:
    """``count`` scenes of the survey, ``limit`` of the geometry; ``dataset``: an upload in place of ``space``."""

    models: tuple[str, ...]
    space: str = "clevr2d"
    count: int = 400
    limit: int = 2000
    seed: int = 0
    template: str = "plain"
    dataset: str | None = None

    def command(self) -> str:
        """What makes the same report again."""
        models = " ".join(f"--model {shlex.quote(model)}" for model in self.models)
        where = f"--dataset {self.dataset}" if self.dataset else f"--space {shlex.quote(self.space)}"
        plain = f"--count {self.count} --limit {self.limit} --seed {self.seed}"
        template = "" if self.template == "plain" else f" --template {shlex.quote(self.template)}"
        return f"bindscope report {models} {where} {plain}{template} --out report.html"


@dataclass
class ModelPart:
    """What was found about one model; a sentence in place of what it cannot do."""

    model: str
    checks: ModelCheckReport | str
    survey: VerdictBatch | str
    failures: list[tuple[bytes | None, Verdict]] = field(default_factory=list)
    probes: dict[str, ProbeResponse | str] = field(default_factory=dict)
    sums: dict[str, DecompositionResponse | str] = field(default_factory=dict)
    removals: dict[str, RemovalResponse | str] = field(default_factory=dict)
    interventions: dict[str, InterventionResponse | str] = field(default_factory=dict)
    retrieval: RetrievalResponse | str = ""


@dataclass(frozen=True)
class Report:
    """Everything that a report shows."""

    spec: ReportSpec
    parts: list[ModelPart]
    board: ComparisonResponse | str | None
    made_at: str
    version: str


def gathered(client: "BindscopeClient", spec: ReportSpec, *, on_progress: Progress, made_at: str) -> Report:
    """Asks the service for everything. Raises ServiceUnreachable, and ApiError where a model is not known at all."""
    from bindscope import __version__

    parts = [_part(client, model, spec, on_progress) for model in spec.models]
    board: ComparisonResponse | str | None = None
    if len(spec.models) > 1:
        on_progress("models side by side")
        options: dict[str, Any] = {"dataset": spec.dataset} if spec.dataset else {}
        options |= {"count": spec.count, "limit": min(spec.limit, 10_000), "seed": spec.seed, "template": spec.template}
        board = _or_sentence(lambda: client.compare(spec.models, spec.space, **options))
    return Report(spec, parts, board, made_at, __version__)


def _part(client: "BindscopeClient", model: str, spec: ReportSpec, report_progress: Progress) -> ModelPart:
    report_progress(f"{model}: checks")
    part = ModelPart(model, client.model_checks(model), "")
    own: dict[str, Any] = {"dataset": spec.dataset} if spec.dataset else {}
    wording = {"template": spec.template}
    report_progress(f"{model}: survey")
    asked = {"count": spec.count, "seed": spec.seed, "only_valid_swaps": True, **own, **wording}
    part.survey = _or_sentence(lambda: client.verdict_batch(model, spec.space, **asked))
    if isinstance(part.survey, VerdictBatch):
        part.failures = list(_failures(client, model, part.survey, wording))
    for modality in ("image", "text"):
        source: dict[str, Any] = {"model": model, "modality": modality, **wording, **own}
        if not spec.dataset:
            source |= {"space": spec.space, "limit": spec.limit}
        report_progress(f"{model}: {modality} embeddings")
        part.probes[modality] = _or_sentence(lambda s=source: client.probe(s, seed=spec.seed))  # type: ignore[misc]
        if isinstance(part.probes[modality], str):
            continue  # the same reason holds for the rest
        part.sums[modality] = _or_sentence(lambda s=source: client.decompose(s, seed=spec.seed))  # type: ignore[misc]
        part.removals[modality] = _or_sentence(lambda s=source: client.remove(s, seed=spec.seed))  # type: ignore[misc]
        part.interventions[modality] = _or_sentence(lambda s=source: client.intervene(s, seed=spec.seed))  # type: ignore[misc]
    report_progress(f"{model}: retrieval")
    asked = {"queries": min(spec.count, 5000), "seed": spec.seed, **own, **wording}
    part.retrieval = _or_sentence(lambda: client.retrieve(model, spec.space, **asked))
    return part


def _failures(
    client: "BindscopeClient", model: str, survey: VerdictBatch, wording: Mapping[str, str]
) -> Iterator[tuple[bytes | None, Verdict]]:
    for scene in survey.failures[:_FAILURES]:
        verdict = _or_sentence(lambda s=scene: client.verdict(model, s, **wording))  # type: ignore[misc]
        if isinstance(verdict, str):
            continue
        picture = None
        if survey.anchor == "image":
            shown = _or_sentence(lambda s=scene: client.render(s, PIXELS))  # type: ignore[misc]
            picture = shown if isinstance(shown, bytes) else None
        yield picture, verdict


def _or_sentence(ask: Callable[[], _Answer]) -> _Answer | str:
    try:
        return ask()
    except ServiceUnreachable:
        raise
    except ApiError as error:
        if error.status >= 500:
            raise
        return str(error)
