"""A report as one HTML file that needs nothing else: no script, no font, no network. Pictures lie inside of it.

Every number carries its interval, and the file ends with what it takes to make it again.
"""

import base64
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bindscope.client.report import PIXELS, ModelPart, Report, ReportSpec
from bindscope.schemas.base import Interval, Provenance, Recognition
from bindscope.schemas.comparisons import ComparisonResponse
from bindscope.schemas.decompositions import DecompositionResponse
from bindscope.schemas.passports import PassportModel
from bindscope.schemas.probes import ProbeResponse
from bindscope.schemas.removals import RemovalResponse
from bindscope.schemas.surgeries import SurgeryResponse
from bindscope.schemas.verdicts import VerdictBatch

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
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
    yield f"<title>Concept binding: {_e(', '.join(spec.models))}</title><style>{_CSS}</style></head><body><main>"
    yield f"<h1>Concept binding of {_e(', '.join(spec.models))}</h1>"
    yield f"<p class='muted'>{_e(where)}, made {_e(report.made_at)} with Bindscope {_e(report.version)}. "
    yield "Intervals are 95 % (Wilson). A tie is never right.</p><h2>In short</h2><ul>"
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
    name = f"<strong>{_e(part.model)}</strong>"
    if isinstance(part.survey, str):
        return f"{name}: {_e(part.survey)}"
    own, seen = part.survey.swap_accuracy, part.survey.recognition["concepts"]
    what = "picture" if part.survey.anchor == "image" else "caption"
    said = [f"the true caption beats its swaps in {_share(own)} of the scenes (compared with the {what})"]
    said.append(f"all concepts of a scene are recognised in {_share(seen)}")
    for modality, found in part.probes.items():
        if isinstance(found, ProbeResponse):
            said.append(
                f"a linear probe reads the objects from {modality} embeddings in {_share(found.test['object'])}"
            )
    return f"{name}: {'; '.join(said)}."


def _board(board: ComparisonResponse | str) -> Iterator[str]:
    yield "<h2>Side by side</h2>"
    if isinstance(board, str):
        yield f"<p>{_e(board)}</p>"
        return
    rows = [
        (
            "–" if row.rank is None else str(row.rank),
            f"{row.model} ({row.kind})" if row.kind != "model" else row.model,
            _share(row.swap_accuracy),
            _share(row.concepts),
            _share(row.objects),
        )
        for row in board.rows
    ]
    head = ("Rank", "Model", "Swap accuracy", "Concepts", "Objects")
    yield _table(head, rows, f"{board.scenes} scenes, the same for all; models that do not separate share a rank.")


def _model(part: ModelPart) -> Iterator[str]:
    yield f"<h2>{_e(part.model)}</h2>"
    yield from _passport(part.passport)
    yield "<h3>Caption contest</h3>"
    if isinstance(part.survey, str):
        yield f"<p>{_e(part.survey)}</p>"
    else:
        survey = part.survey
        shares = {"swap accuracy": (survey.swap_accuracy, 0.5), "undecided": (survey.undecided, None)}
        yield _bars(shares, f"{survey.scenes} scenes with a valid swap, noise floor {survey.noise_floor:.1e}")
        yield "<h3>Recognition by queries</h3>"
        yield _bars(_with_chance(survey.recognition, survey.chance), "The tick is chance")
        yield from _atlas(survey)
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
        yield f"<p>{_e(part.retrieval)}</p>"
    else:
        found = part.retrieval
        shares = {f"recall@{k}": (own, None) for k, own in found.recall.items()}
        shares |= {"twin first": (found.swapped_first, None), "undecided": (found.undecided, None)}
        yield _bars(shares, f"{found.direction.replace('_', ' ')}: {found.queries} queries, gallery of {found.gallery}")


def _passport(found: PassportModel | str) -> Iterator[str]:
    if isinstance(found, str):
        yield f"<p>{_e(found)}</p>"
        return
    rows = [(own.state, own.name, own.said) for own in found.checks]
    yield f"<details><summary>Passport: {_e(found.state)}</summary>"
    yield _table(("State", "Check", "What it means"), rows, "Whether the model answers as it should")
    yield "</details>"


def _atlas(survey: VerdictBatch) -> Iterator[str]:
    cells = sorted(survey.atlas, key=lambda cell: (-(cell.swapped.value or 0), cell.concept, cell.value))[:12]
    if cells:
        rows = [(c.concept, f"{c.value} ↔ {c.other}", _share(c.swapped), f"{c.mean_margin:+.4f}") for c in cells]
        yield "<h3>Who is taken for whom</h3>"
        yield _table(("Concept", "Exchanged", "Swap won", "Mean margin"), rows, "Pairs that are exchanged most often")


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
            image = f"<img src='data:image/png;base64,{data}' alt='{_e(lines[0])}' width='{PIXELS}'>"
        words = "<br>".join(map(_e, lines))
        number = 0.0 if margin is None else margin
        yield f"<figure>{image}<figcaption>{words}<br>margin {number:+.4f}</figcaption></figure>"
    yield "</div>"


def _each(found: Mapping[str, Any], draw: Callable[[Any, str], str]) -> Iterator[str]:
    if not found:
        yield "<p>The embeddings could not be probed, so there is nothing to take apart.</p>"
    for modality, own in found.items():
        yield f"<p>{_e(modality)}: {_e(own)}</p>" if isinstance(own, str) else draw(own, modality)


def _probe(found: ProbeResponse, modality: str) -> str:
    chance = {name: own.value for name, own in found.chance.items()}
    note = f"{modality}: {found.test_scenes} held-out scenes, trained on {found.train_scenes}; the tick is chance"
    return _bars(_with_chance(found.test, chance), note)


def _sum(found: DecompositionResponse, modality: str) -> str:
    r2 = "unknown" if found.r2.test is None else f"{found.r2.test:.3f}"
    shares = {"retrieval": found.retrieval, **{f"probe: {_HEADS.get(k, k)}": v for k, v in found.probing.items()}}
    return _bars({name: (own, None) for name, own in shares.items()}, f"{modality}: held-out R² {r2}")


def _removal(found: RemovalResponse, modality: str) -> str:
    rows = [
        (name.replace("_", " "), _share(own["concepts"]), _share(own["object"])) for name, own in found.variants.items()
    ]
    return _table(("Variant", "Concepts", "Objects"), rows, f"{modality}: held-out probes on each variant")


def _surgery(found: SurgeryResponse, modality: str) -> str:
    shares = {"lands on the wanted scene": found.retrieval, "stays where it was": found.stayed}
    shares |= {f"probe: {_HEADS.get(name, name)}": own for name, own in found.probing.items()}
    note = f"{modality}: {found.edits} edits of {found.concept}"
    if found.rendered_cosine is not None:
        note += f"; cosine to the model's own vector {found.rendered_cosine.mean:.3f}"
    return _bars({name: (own, None) for name, own in shares.items()}, note)


def _settings(report: Report) -> Iterator[str]:
    yield "<h2>How it was made</h2><p>The same report again:</p>"
    yield f"<pre tabindex='0'><code>{_e(report.spec.command())}</code></pre>"
    for part in report.parts:
        made = part.passport.provenance if isinstance(part.passport, PassportModel) else None
        if made is not None:
            yield _table(("Fact", "Value"), _facts(made, report.spec), f"Provenance of {part.model}")


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


def _bars(shares: Mapping[str, tuple[Interval, float | None]], note: str) -> str:
    """Shares with their intervals as a drawing, and the same as text beside each bar."""
    known = [(name, own, chance) for name, (own, chance) in shares.items() if own.value is not None]
    if not known:
        return f"<p class='muted'>{_e(note)}: no such scene.</p>"
    rows = "".join(_bar(name, own, chance) for name, own, chance in known)
    return f"<figure class='bars'><div class='rows'>{rows}</div><figcaption>{_e(note)}.</figcaption></figure>"


def _bar(name: str, own: Interval, chance: float | None) -> str:
    value = own.value or 0.0
    low, high = own.low if own.low is not None else value, own.high if own.high is not None else value
    line = f"<i class='span' style='left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%'></i>"
    by_chance = "" if chance is None else f"<i class='chance' style='left:{100 * chance:.2f}%'></i>"
    track = f"<i class='bar' style='width:{100 * value:.2f}%'></i>{line}{by_chance}"
    return (
        f"<span class='name'>{_e(name)}</span><span class='track' aria-hidden='true'>{track}</span>"
        f"<span class='value'>{_e(_share(own))}</span>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    top = "".join(f"<th scope='col'>{_e(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{_e(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    inner = f"<caption>{_e(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    return f"<div class='scroll' tabindex='0' role='group' aria-label='{_e(caption)}'><table>{inner}</table></div>"


def _share(own: Interval) -> str:
    if own.value is None or own.low is None or own.high is None:
        return "no such scene"
    return f"{100 * own.value:.1f} % ({100 * own.low:.1f} to {100 * own.high:.1f}, n = {own.n})"


def _e(text: object) -> str:
    return html.escape(str(text), quote=True)


_CSS = """
:root { color-scheme: light dark; --ink: #17202e; --muted: #566072; --line: #c9d0db; --ground: #e8ecf2; --bar: #1f5fc4;
  --page: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9edf4; --muted: #a9b3c3; --line: #3a4352; --ground: #262d39;
  --bar: #5c93ea; --page: #10141b; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; } h2 { margin-top: 2.5rem; overflow-wrap: anywhere;
  border-top: 1px solid var(--line); padding-top: 1rem; } h3 { margin-top: 1.6rem; }
.muted, figcaption, caption { color: var(--muted); font-size: 0.9rem; text-align: left; }
figure { margin: 0.5rem 0; } .rows { display: grid; align-items: center; gap: 0.4rem 0.8rem;
  grid-template-columns: minmax(7rem, 13rem) 1fr auto; }
.rows .name { text-align: right; overflow-wrap: anywhere; } .rows .value { font-variant-numeric: tabular-nums; }
.track { position: relative; height: 18px; border-radius: 3px; background: var(--ground); }
.track i { position: absolute; } .bar { inset: 0 auto 0 0; border-radius: 3px; background: var(--bar); }
.span { top: 8px; height: 2px; background: var(--ink); }
.chance { top: -3px; bottom: -3px; border-left: 2px dashed var(--ink); }
@media (max-width: 44rem) { .rows { grid-template-columns: 1fr auto; grid-auto-flow: row dense; }
  .rows .name { text-align: left; } .rows .track { grid-column: 1 / -1; } }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; }
th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid var(--line); vertical-align: top;
  min-width: 5.5rem; }
.strip { display: flex; flex-wrap: wrap; gap: 1rem; } .strip figure { width: 200px; } .strip img { border-radius: 6px; }
pre { overflow-x: auto; background: var(--ground); padding: 0.8rem; border-radius: 6px; }
@media print { details { display: block; } h2 { break-before: page; } figure, tr { break-inside: avoid; } }
"""
