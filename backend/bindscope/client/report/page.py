"""A report as one HTML file that needs nothing else: no script, no font, no network. Pictures lie inside of it.

Every number carries its interval, the sentences are those of the pages, and the file ends with what it takes to make
it again. ``templates`` says how it looks.
"""

import base64
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from bindscope.client.report import figures
from bindscope.client.report.collect import PIXELS, ModelPart, Report, ReportSpec
from bindscope.client.report.figures import Table, share
from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.words import Finding, percent, score_text
from bindscope.features.comparisons.findings import anchor_sentence, board_finding, pair_sentence, rank_sentence
from bindscope.features.comparisons.schemas import ComparisonResponse, ComparisonRow
from bindscope.features.model_checks.schemas import ModelCheckReport
from bindscope.features.probes.findings import binding_finding
from bindscope.features.probes.schemas import ProbeResponse
from bindscope.features.retrievals.findings import retrieval_finding
from bindscope.features.verdicts.findings import contest_finding

_FIGURES = (
    figures.beside_contest,
    figures.checks,
    figures.confusions,
    figures.contest,
    figures.failing_captions,
    figures.intervention,
    figures.probe,
    figures.recognition,
    figures.removal,
    figures.retrieval,
    figures.sum_of_objects,
)


def page_of(report: Report) -> str:
    """The file."""
    return _templates().get_template("report.html.jinja").render(vars(report))


@cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("bindscope.client.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (*_FIGURES, summary, sides, provenance, contest_finding, pair_sentence, retrieval_finding):
        found.globals[function.__name__] = function
    found.globals["pixels"] = PIXELS
    found.filters["css"] = lambda part: f"{100 * part:.2f}%"
    found.filters["base64"] = lambda data: base64.b64encode(data).decode("ascii")
    found.tests["table"] = lambda figure: isinstance(figure, Table)
    return found


@dataclass(frozen=True)
class Summary:
    """One model in short: the finding of its probes (or ``text``, which says why there is none), and ``more``."""

    finding: Finding | None
    text: str
    more: str


@dataclass(frozen=True)
class Side:
    """The models side by side; ``anchor`` says what was asked, where pictures and captions were."""

    finding: Finding
    anchor: str
    table: Table


def summary(part: ModelPart) -> Summary:
    """What its probes and its contest say together."""
    found = {modality: own for modality, own in part.probes.items() if isinstance(own, ProbeResponse)}
    contest = None if isinstance(part.survey, str) else part.survey.binding
    finding, text, more = None, "", []
    if found:
        finding = binding_finding({modality: own.binding for modality, own in found.items()}, contest)
    else:
        text = next((own for own in part.probes.values() if isinstance(own, str)), str(part.survey))
        if contest is not None:
            more.append(f"Contest of captions: {score_text(contest)}; chance {percent(CHANCE)}.")
    if not isinstance(part.survey, str):
        more.append(f"All concepts of a scene are recognised in {share(part.survey.recognition['concepts'])}.")
    return Summary(finding, text, " ".join(more))


def sides(board: ComparisonResponse) -> list[Side]:
    """One table for each kind of anchor."""
    head = ("Rank", "Model", "Binding score", "Shows", "Swap accuracy", "Concepts", "Objects")
    found = []
    for anchor, bags in board.bags.items():
        rows = [row for row in board.rows if row.anchor == anchor]
        ranked = sorted(rows, key=lambda row: (row.rank is None, row.rank or 0))
        models = sum(row.kind == "model" for row in ranked)
        note = f"{board.scenes} scenes and their swaps, the same for all. {rank_sentence(bags, models)}".strip()
        asked = anchor_sentence(anchor) if len(board.bags) > 1 else ""
        found.append(Side(board_finding(ranked), asked, Table(head, [_board_row(row) for row in ranked], note)))
    return found


def _board_row(row: ComparisonRow) -> tuple[str, ...]:
    score = row.binding.forced_choice
    return (
        "–" if row.rank is None else str(row.rank),
        f"{row.model} ({row.kind})" if row.kind != "model" else row.model,
        "no pair" if score is None else share(score),
        row.standing,
        f"{share(row.swap_accuracy)}; chance {percent(row.swap_accuracy_chance)}",
        share(row.concepts),
        share(row.objects),
    )


def provenance(part: ModelPart, spec: ReportSpec) -> Table:
    """What the numbers of a model were made with."""
    assert isinstance(part.checks, ModelCheckReport)
    made = part.checks.provenance
    plain = made.model_dump(exclude_none=True, exclude={"versions", "space", "template", "seed", "dataset"})
    facts = [(name, str(value)) for name, value in plain.items()]
    facts += [("space", spec.space if not spec.dataset else f"dataset {spec.dataset}"), ("template", spec.template)]
    facts += [("seed", str(spec.seed)), ("survey scenes", str(spec.count)), ("scenes of the geometry", str(spec.limit))]
    facts.append(("versions", ", ".join(f"{name} {version}" for name, version in made.versions.items())))
    return Table(("Fact", "Value"), facts, f"Provenance of {part.model}")
