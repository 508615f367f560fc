"""A report as one HTML file that needs nothing else: no script, no font, no network. Pictures lie inside of it.

Every number carries its interval, the sentences are those of the pages, and the file ends with what it takes to make
it again.
"""

from collections.abc import Iterator

from bindscope.client.report.collect import ModelPart, Report, ReportSpec
from bindscope.client.report.html import CSS, escaped, said, share, table
from bindscope.client.report.sections import model_sections
from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.words import percent, score_text
from bindscope.core.wire import Provenance
from bindscope.features.comparisons.findings import anchor_sentence, board_finding, pair_sentence, rank_sentence
from bindscope.features.comparisons.schemas import ComparisonResponse, ComparisonRow
from bindscope.features.model_checks.schemas import ModelCheckReport
from bindscope.features.probes.findings import binding_finding
from bindscope.features.probes.schemas import ProbeResponse

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_LEGEND = (
    "Intervals are 95 % and rest on bags, sets of scenes that show the same values, which n counts (for shares of "
    "single contests it counts the scenes). In a binding score chance is 50 % and a tie half a win; in the strict "
    "figures a tie is never right."
)


def page_of(report: Report) -> str:
    """The file."""
    return "".join(_page(report))


def _page(report: Report) -> Iterator[str]:
    spec = report.spec
    where = f"dataset {spec.dataset}" if spec.dataset else f"space {spec.space}"
    yield "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
    yield "<meta name='viewport' content='width=device-width, initial-scale=1'>"
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield f"<title>Concept binding: {escaped(', '.join(spec.models))}</title><style>{CSS}</style></head><body><main>"
    yield f"<h1>Concept binding of {escaped(', '.join(spec.models))}</h1>"
    yield f"<p class='muted'>{escaped(where)}, made {escaped(report.made_at)} with Bindscope {escaped(report.version)}."
    yield f" {_LEGEND}</p><h2>In short</h2><ul>"
    for part in report.parts:
        yield f"<li>{_summary(part)}</li>"
    yield "</ul>"
    if report.board is not None:
        yield from _board(report.board)
    for part in report.parts:
        yield from model_sections(part)
    yield from _settings(report)
    yield "</main></body></html>\n"


def _summary(part: ModelPart) -> str:
    name = f"<strong>{escaped(part.model)}</strong>"
    found = {modality: own for modality, own in part.probes.items() if isinstance(own, ProbeResponse)}
    survey = part.survey
    contest = None if isinstance(survey, str) else survey.binding
    if found:
        words = said(binding_finding({modality: own.binding for modality, own in found.items()}, contest))
    else:
        words = escaped(next((own for own in part.probes.values() if isinstance(own, str)), survey))
        if contest is not None:
            words += escaped(f" Contest of captions: {score_text(contest)}; chance {percent(CHANCE)}.")
    if isinstance(survey, str):
        return f"{name}: {words}"
    return f"{name}: {words} All concepts of a scene are recognised in {share(survey.recognition['concepts'])}."


def _board(board: ComparisonResponse | str) -> Iterator[str]:
    yield "<h2>Side by side</h2>"
    if isinstance(board, str):
        yield f"<p>{escaped(board)}</p>"
        return
    head = ("Rank", "Model", "Binding score", "Shows", "Swap accuracy", "Concepts", "Objects")
    for anchor, bags in board.bags.items():
        rows = [row for row in board.rows if row.anchor == anchor]
        own = sorted(rows, key=lambda row: (row.rank is None, row.rank or 0))
        yield f"<p>{said(board_finding(own))}</p>"
        if len(board.bags) > 1:
            yield f"<p class='muted'>{escaped(anchor_sentence(anchor))}</p>"
        models = sum(row.kind == "model" for row in own)
        note = f"{board.scenes} scenes and their swaps, the same for all. {rank_sentence(bags, models)}".strip()
        yield table(head, [_board_row(row) for row in own], note)
    if board.pairs:
        yield f"<ul>{''.join(f'<li>{escaped(pair_sentence(pair))}.</li>' for pair in board.pairs)}</ul>"


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


def _settings(report: Report) -> Iterator[str]:
    yield "<h2>How it was made</h2><p>The same report again:</p>"
    yield f"<pre tabindex='0'><code>{escaped(report.spec.command())}</code></pre>"
    for part in report.parts:
        made = part.checks.provenance if isinstance(part.checks, ModelCheckReport) else None
        if made is not None:
            yield table(("Fact", "Value"), _facts(made, report.spec), f"Provenance of {part.model}")


def _facts(made: Provenance, spec: ReportSpec) -> list[tuple[str, str]]:
    plain = made.model_dump(exclude_none=True, exclude={"versions", "space", "template", "seed", "dataset"})
    facts = [(name, str(value)) for name, value in plain.items()]
    facts += [("space", spec.space if not spec.dataset else f"dataset {spec.dataset}"), ("template", spec.template)]
    facts += [("seed", str(spec.seed)), ("survey scenes", str(spec.count)), ("scenes of the geometry", str(spec.limit))]
    return [*facts, ("versions", ", ".join(f"{name} {version}" for name, version in made.versions.items()))]
