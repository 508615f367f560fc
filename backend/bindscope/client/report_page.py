"""A report as one HTML file that needs nothing else: no script, no font, no network. Pictures lie inside of it.

Every number carries its interval, the sentences are those of the pages, and the file ends with what it takes to make
it again.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bindscope.client.report import PIXELS, ModelPart, Report, ReportSpec
from bindscope.client.report_html import CSS, bars, escaped, share, table
from bindscope.domain.binding import CHANCE
from bindscope.domain.findings.board import anchor_sentence, board_finding, pair_sentence, rank_sentence
from bindscope.domain.findings.probes import binding_finding
from bindscope.domain.findings.retrieval import retrieval_finding
from bindscope.domain.findings.words import Finding, percent, score_text
from bindscope.schemas.base import Binding, Interval, Provenance, Recognition, StrictChance
from bindscope.schemas.comparisons import ComparisonResponse, ComparisonRow
from bindscope.schemas.decompositions import DecompositionResponse
from bindscope.schemas.passports import PassportModel
from bindscope.schemas.probes import ProbeResponse
from bindscope.schemas.removals import RemovalResponse
from bindscope.schemas.retrievals import RetrievalResponse
from bindscope.schemas.surgeries import SurgeryResponse
from bindscope.schemas.verdicts import VerdictBatch

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_LEGEND = (
    "Intervals are 95 %, over bags (sets of scenes that show the same values), which n counts. In a binding score "
    "chance is 50 % and a tie half a win; in the strict figures a tie is never right."
)
_HEADS = {
    "concepts": "all concepts at once",
    "object": "objects",
    "object_on_valid_swaps": "objects, if a swap exists",
}


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
        yield from _model(part)
    yield from _settings(report)
    yield "</main></body></html>\n"


def _summary(part: ModelPart) -> str:
    name = f"<strong>{escaped(part.model)}</strong>"
    found = {modality: own for modality, own in part.probes.items() if isinstance(own, ProbeResponse)}
    survey = part.survey
    contest = None if isinstance(survey, str) else survey.binding
    if found:
        said = _said(binding_finding({modality: own.binding for modality, own in found.items()}, contest))
    else:
        said = escaped(next((own for own in part.probes.values() if isinstance(own, str)), survey))
        if contest is not None:
            said += escaped(f" Contest of captions: {score_text(contest)}; chance {percent(CHANCE)}.")
    if isinstance(survey, str):
        return f"{name}: {said}"
    return f"{name}: {said} All concepts of a scene are recognised in {share(survey.recognition['concepts'])}."


def _said(finding: Finding) -> str:
    return f"<b>{escaped(finding.title)}.</b> {escaped(finding.sentence)}"


def _board(board: ComparisonResponse | str) -> Iterator[str]:
    yield "<h2>Side by side</h2>"
    if isinstance(board, str):
        yield f"<p>{escaped(board)}</p>"
        return
    head = ("Rank", "Model", "Binding score", "Says", "Swap accuracy", "Concepts", "Objects")
    for anchor, bags in board.bags.items():
        own = [row for row in board.rows if row.anchor == anchor]
        yield f"<p>{_said(board_finding(own))}</p>"
        if len(board.bags) > 1:
            yield f"<p class='muted'>{escaped(anchor_sentence(anchor))}</p>"
        note = f"{board.scenes} scenes and their swaps, the same for all. {rank_sentence(bags)}"
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


def _model(part: ModelPart) -> Iterator[str]:
    yield f"<h2>{escaped(part.model)}</h2>"
    yield from _passport(part.passport)
    yield "<h3>Caption contest</h3>"
    if isinstance(part.survey, str):
        yield f"<p>{escaped(part.survey)}</p>"
    else:
        yield from _survey(part.survey)
    yield from _failing(part)
    yield "<h3>Linear probes</h3>"
    yield from _each(part.probes, _probe)
    yield "<h3>Sums of object vectors</h3>"
    yield from _each(part.sums, _sum)
    yield "<h3>Targeted removal</h3>"
    yield from _each(part.removals, _removal)
    yield "<h3>Object surgery</h3>"
    yield from _each(part.surgeries, _surgery)
    yield "<h3>Retrieval among swapped twins</h3>"
    if isinstance(part.retrieval, str):
        yield f"<p>{escaped(part.retrieval)}</p>"
    else:
        yield from _retrieval(part.retrieval)


def _survey(survey: VerdictBatch) -> Iterator[str]:
    binding, what = survey.binding, "pictures" if survey.anchor == "image" else "captions"
    shares = _binding_bars(binding)
    if binding.double_difference is not None:
        shares["free of biases"] = (binding.double_difference, CHANCE)
    shares["best of all captions"] = (survey.swap_accuracy, survey.swap_accuracy_chance)
    shares["undecided"] = (survey.undecided, None)
    note = f"{survey.scenes} scenes with a valid swap, {what} as anchors, noise floor {survey.noise_floor:.1e}"
    yield bars(shares, f"{note}; the tick is chance")
    yield "<h3>Recognition by queries</h3>"
    yield bars(_with_chance(survey.recognition, survey.chance), f"The tick is chance; {_levels(survey.object_chance)}")
    yield from _atlas(survey)


def _retrieval(found: RetrievalResponse) -> Iterator[str]:
    yield f"<p>{_said(retrieval_finding(found))}</p>"
    shares = _binding_bars(found.binding)
    shares |= {f"recall@{k}": (own, None) for k, own in found.recall.items()}
    shares["a twin before all right ones"] = (found.swapped_first, found.swapped_first_chance)
    shares["undecided"] = (found.undecided, None)
    note = f"{found.direction.replace('_', ' ')}: {found.queries} queries, gallery of {found.gallery}"
    yield bars(shares, f"{note}; the tick is chance")


def _binding_bars(binding: Binding) -> dict[str, tuple[Interval, float | None]]:
    return {} if binding.forced_choice is None else {"binding score": (binding.forced_choice, CHANCE)}


def _levels(chance: StrictChance) -> str:
    """The two levels of strict object recognition that need no binding."""
    return (
        f"objects without binding: {percent(chance.given_bag)} at random among the values shown, "
        f"{percent(chance.ceiling_bag)} by always naming their most frequent pairing"
    )


def _passport(found: PassportModel | str) -> Iterator[str]:
    if isinstance(found, str):
        yield f"<p>{escaped(found)}</p>"
        return
    rows = [(own.state, own.name, own.said) for own in found.checks]
    yield f"<details><summary>Passport: {escaped(found.state)}</summary>"
    yield table(("State", "Check", "What it means"), rows, "Whether the model answers as it should")
    yield "</details>"


def _atlas(survey: VerdictBatch) -> Iterator[str]:
    cells = sorted(survey.atlas, key=lambda cell: (-(cell.swapped.value or 0), cell.concept, cell.value))[:12]
    if cells:
        rows = [(c.concept, f"{c.value} ↔ {c.other}", share(c.swapped), f"{c.mean_margin:+.4f}") for c in cells]
        yield "<h3>Who is taken for whom</h3>"
        yield table(("Concept", "Exchanged", "Swap won", "Mean margin"), rows, "Pairs that are exchanged most often")


def _failing(part: ModelPart) -> Iterator[str]:
    if not part.failures:
        return
    yield "<h3>Scenes that fail</h3><div class='strip'>"
    for picture, verdict in part.failures:
        best = {c.kind: c for c in sorted(verdict.contest.captions, key=lambda c: c.score)}
        lines = [f"{kind}: {best[kind].text} ({best[kind].score:.3f})" for kind in ("true", "swap") if kind in best]
        margin = verdict.contest.margin
        image = ""
        if picture is not None:
            data = base64.b64encode(picture).decode("ascii")
            image = f"<img src='data:image/png;base64,{data}' alt='{escaped(lines[0])}' width='{PIXELS}'>"
        words = "<br>".join(map(escaped, lines))
        number = 0.0 if margin is None else margin
        yield f"<figure>{image}<figcaption>{words}<br>margin {number:+.4f}</figcaption></figure>"
    yield "</div>"


def _each(found: Mapping[str, Any], draw: Callable[[Any, str], str]) -> Iterator[str]:
    if not found:
        yield "<p>The embeddings could not be probed, so there is nothing to take apart.</p>"
    for modality, own in found.items():
        yield f"<p>{escaped(modality)}: {escaped(own)}</p>" if isinstance(own, str) else draw(own, modality)


def _probe(found: ProbeResponse, modality: str) -> str:
    chance = {name: own.value for name, own in found.chance.items()}
    shares = {**_binding_bars(found.binding), **_with_chance(found.test, chance)}
    note = f"{modality}: {found.test_scenes} held-out scenes, trained on {found.train_scenes}, {found.splits} splits"
    return bars(shares, f"{note}; the tick is chance; {_levels(found.object_chance)}")


def _sum(found: DecompositionResponse, modality: str) -> str:
    r2 = "unknown" if found.r2.test is None else f"{found.r2.test:.3f}"
    shares = {"retrieval": found.retrieval, **{f"probe: {_HEADS.get(k, k)}": v for k, v in found.probing.items()}}
    return bars({name: (own, None) for name, own in shares.items()}, f"{modality}: held-out R² {r2}")


def _removal(found: RemovalResponse, modality: str) -> str:
    rows = [
        (name.replace("_", " "), share(own["concepts"]), share(own["object"])) for name, own in found.variants.items()
    ]
    return table(("Variant", "Concepts", "Objects"), rows, f"{modality}: held-out probes on each variant")


def _surgery(found: SurgeryResponse, modality: str) -> str:
    shares = {"lands on the wanted scene": found.retrieval, "stays where it was": found.stayed}
    shares |= {f"probe: {_HEADS.get(name, name)}": own for name, own in found.probing.items()}
    note = f"{modality}: {found.edits} edits of {found.concept}"
    if found.rendered_cosine is not None:
        note += f"; cosine to the model's own vector {found.rendered_cosine.mean:.3f}"
    return bars({name: (own, None) for name, own in shares.items()}, note)


def _settings(report: Report) -> Iterator[str]:
    yield "<h2>How it was made</h2><p>The same report again:</p>"
    yield f"<pre tabindex='0'><code>{escaped(report.spec.command())}</code></pre>"
    for part in report.parts:
        made = part.passport.provenance if isinstance(part.passport, PassportModel) else None
        if made is not None:
            yield table(("Fact", "Value"), _facts(made, report.spec), f"Provenance of {part.model}")


def _facts(made: Provenance, spec: ReportSpec) -> list[tuple[str, str]]:
    plain = made.model_dump(exclude_none=True, exclude={"versions", "space", "template", "seed", "dataset"})
    facts = [(name, str(value)) for name, value in plain.items()]
    facts += [("space", spec.space if not spec.dataset else f"dataset {spec.dataset}"), ("template", spec.template)]
    facts += [("seed", str(spec.seed)), ("survey scenes", str(spec.count)), ("scenes of the geometry", str(spec.limit))]
    return [*facts, ("versions", ", ".join(f"{name} {version}" for name, version in made.versions.items()))]


def _with_chance(heads: Recognition, chance: Mapping[str, float | None]) -> dict[str, tuple[Interval, float | None]]:
    return {
        _HEADS.get(name, name): (own, chance.get("object" if name == "object_on_valid_swaps" else name))
        for name, own in heads.items()
    }
