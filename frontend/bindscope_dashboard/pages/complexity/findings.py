"""What the fits found: one sentence for each source, the curves on equal axes, a table, downloads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.words import Finding, with_interval
from bindscope.features.complexity.findings import COVERAGE, complexity_finding, kind_name, recovery_sentence
from bindscope.features.complexity.schemas import ComplexityCellResult, ComplexityPoint, ComplexityResult
from bindscope.features.jobs.schemas import JobModel
from bindscope_dashboard.pages.complexity.figures import (
    MEASURE_NAMES,
    Point,
    ceiling,
    chance,
    curve,
    curves_figure,
    curves_text,
    kinds_of,
    value_range,
)
from bindscope_dashboard.pages.complexity.state import MEASURES, Measure
from bindscope_dashboard.pages.probes.findings import downloads
from bindscope_dashboard.shared import charts, exports, state, tables
from bindscope_dashboard.shared.cards import finding_card
from bindscope_dashboard.shared.html import Html
from bindscope_dashboard.shared.job_cards import is_running
from bindscope_dashboard.shared.wording import percent, plain_number

_REPORTED = (
    "Reported by the paper, for comparison: concepts of CLIP's unseen objects are recognised in 80 % or more from "
    "coverage 0.3 on, its objects in about 20 % even at coverage 0.9 with the widest network; models that generalise "
    "are fitted by the global product."
)
_READING = (
    "Each fit learns from scenes of some objects and is judged on scenes made only of the others. Binding score: given "
    "the prediction, probes of the true embeddings choose between such a scene and its swap; chance is exactly one "
    "half, and n counts unseen objects where these are fewer than sets of values. R² is variance, most of which has "
    "nothing to do with binding. The band goes from the lowest to the highest seed. Dashed: what true embeddings that "
    "the probes never saw reach (for R², the share that is not noise, where it can be told); dotted: chance (for R², "
    "predicting the mean)."
)


def show(jobs: Sequence[JobModel], measure: Measure) -> Measure:
    """All of it. Returns the measure that the reader chose."""
    titles = titles_of(jobs)
    found = {title: result_of(job) for title, job in zip(titles, jobs, strict=True)}
    by_title = dict(zip(titles, jobs, strict=True))
    cells = {title: list(result.cells) for title, result in found.items()}
    if not any(cells.values()):
        if any(is_running(job) for job in jobs):
            st.caption("The curves appear with the first finished fit.")
        return measure
    for title, own in cells.items():
        finding = complexity_finding(found[title].points, own)
        missing = by_title[title].state not in ("done", "failed")
        if finding is not None and not (missing and _too_early(own, by_title[title].request)):
            st.html(finding_card(_told(finding, title, partial=missing, several=len(cells) > 1)))
    state.seed_widgets({"complexity.measure": measure})
    chosen = st.segmented_control(
        "Figure", MEASURES, key="complexity.measure", format_func=MEASURE_NAMES.__getitem__, required=True
    )
    measure = chosen or measure
    _curves(cells, measure, jobs)
    st.caption(_READING)
    st.caption(_REPORTED)
    with st.expander("As a table"):
        for title, own in cells.items():
            st.html(fits_table(own, found[title].points, label=f"Fits of {title}"))
    with st.expander("What the fits of products recover where the truth is one"):
        st.markdown(
            "\n".join(f"- {said}" for title, own in cells.items() for said in recoveries(own)) or "No such fit."
        )
    _behind(found, cells)
    return measure


def _too_early(cells: Sequence[ComplexityCellResult], request: Mapping[str, Any]) -> bool:
    """Whether families are still missing at the coverage that the story is going to be about."""
    at = min((float(c) for c in request["coverages"]), key=lambda c: (abs(c - COVERAGE), c))
    return len({cell.kind for cell in cells if cell.coverage == at}) < len(request["kinds"])


def _told(finding: Finding, title: str, *, partial: bool, several: bool) -> Finding:
    """The finding with its source where there are two, and marked while fits are missing."""
    start = f"{title}. " if several else ""
    return replace(finding, title=f"{start}So far: {finding.title}" if partial else f"{start}{finding.title}")


def recoveries(cells: Sequence[ComplexityCellResult]) -> list[str]:
    """The calibration of each product family at each coverage, of its first seed."""
    first: dict[tuple[str, float], ComplexityCellResult] = {}
    for cell in cells:
        if cell.recovery is not None:
            first.setdefault((cell.kind, cell.coverage), cell)
    return [
        f"Coverage {coverage:g}: {recovery_sentence(kind, cell.recovery)}"
        for (kind, coverage), cell in first.items()
        if cell.recovery is not None
    ]


def titles_of(jobs: Sequence[JobModel]) -> list[str]:
    """The source of each job in words; the second of the same source is marked."""
    titles = [source_title(job.request["source"]) for job in jobs]
    return [f"{title} (second)" if title in titles[:i] else title for i, title in enumerate(titles)]


def result_of(job: JobModel) -> ComplexityResult:
    """The finished fits so far."""
    return ComplexityResult.model_validate(job.result) if job.result else ComplexityResult(cells=[])


def _curves(cells: Mapping[str, Sequence[ComplexityCellResult]], measure: Measure, jobs: Sequence[JobModel]) -> None:
    values = value_range(cells.values(), measure)
    coverages = sorted({float(c) for job in jobs for c in job.request["coverages"]})
    with st.container(key="complexity-columns"):
        columns = st.columns(len(cells), gap="large")
    for number, (column, (title, own)) in enumerate(zip(columns, cells.items(), strict=True)):
        with column:
            st.subheader(title.replace("_", "\\_"), anchor=False)
            st.plotly_chart(
                curves_figure(own, measure, values=values, coverages=coverages, dark=state.is_dark()),
                theme=None, key=f"complexity.curves.{number}", config=charts.saving("complexity"),
                alt=curves_text(own, measure, source=title),
            )  # fmt: skip


def fits_table(cells: Sequence[ComplexityCellResult], points: Sequence[ComplexityPoint] = (), *, label: str) -> Html:
    """A row per family and coverage: the binding score over the seeds, then means, with the lowest and the highest."""
    rows = []
    scores = {(point.kind, point.coverage): point.binding.forced_choice for point in points}
    for kind in kinds_of(cells):
        lines = {name: {p.coverage: p for p in curve(cells, kind, name)} for name in MEASURES}
        for coverage in sorted({c.coverage for c in cells if c.kind == kind}):
            own = [c for c in cells if c.kind == kind and c.coverage == coverage]
            rows.append(
                (
                    kind_name(kind),
                    f"{coverage:g}",
                    str(len(own)),
                    with_interval(score) if (score := scores.get((kind, coverage))) is not None else "–",
                    str(sum(c.test_scenes for c in own)),
                    _spread(lines["r2"].get(coverage), r2=True),
                    _spread(lines["object"].get(coverage)),
                    _spread(lines["object_on_valid_swaps"].get(coverage)),
                    _spread(lines["concepts"].get(coverage)),
                    percent(next((v for _, v in ceiling(own, "object")), None)),
                    percent(next((v for _, v in chance(own, "object")), None)),
                )
            )
    head = ("Family", "Coverage", "Seeds", f"Binding score (chance {percent(CHANCE)})", "Test scenes", "R²",
            "Objects", "With a swap", "All concepts", "Objects: ceiling", "chance")  # fmt: skip
    return tables.table(head, rows, label=label, numbers=frozenset(range(1, 11)), cls="dense")


def _spread(point: Point | None, *, r2: bool = False) -> str:
    if point is None:
        return "–"
    said = [plain_number(v, 2) if r2 else percent(v) for v in (point.value, point.low, point.high)]
    return said[0] if point.seeds == 1 else f"{said[0]} ({said[1].removesuffix(' %')} to {said[2]})"


def _behind(found: Mapping[str, ComplexityResult], cells: Mapping[str, Sequence[ComplexityCellResult]]) -> None:
    with st.expander("Provenance and downloads"):
        for title, result in found.items():
            if result.provenance is not None:
                facts = [("source", title), *tables.provenance_facts(result.provenance)]
                st.html(tables.facts(facts, label=f"Provenance, {title}"))
        answers = {title: result.model_dump(mode="json") for title, result in found.items()}
        downloads("complexity", json_text=json.dumps(answers, indent=2), csv_text=exports.complexity_csv(cells))


def source_title(fields: Mapping[str, Any]) -> str:
    """A source in words, from the request of its job."""
    if fields.get("dataset"):
        return f"upload {str(fields['dataset'])[:8]}"
    return f"{fields.get('model')}, {fields.get('modality')}, {fields.get('space')}"
