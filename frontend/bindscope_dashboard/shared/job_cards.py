"""Jobs in words and as HTML: state, progress, what runs now, what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bindscope.features.complexity.findings import kind_name
from bindscope.features.jobs.schemas import CellFailure, JobKindName, JobModel, JobState, JobSummary
from bindscope_dashboard.pages.phase_diagrams.figures import settings_of
from bindscope_dashboard.shared.html import Html, tag
from bindscope_dashboard.shared.wording import duration, percent, roughly

RUNNING: tuple[JobState, ...] = ("queued", "running")
#: Failures and running cells that a card lists unless told otherwise.
LISTED = 5


@dataclass(frozen=True)
class State:
    """A state in words, with a sign that is not only a colour."""

    title: str
    sign: str


STATES: Mapping[JobState, State] = {
    "queued": State("Waiting", "…"),
    "running": State("Running", "▶"),
    "done": State("Done", "✓"),
    "failed": State("Failed", "✗"),
    "cancelled": State("Cancelled", "■"),
    "interrupted": State("Interrupted", "!"),
}
#: What the cells of a kind are, and the page that shows it.
UNITS: Mapping[JobKindName, str] = {"complexity": "fits", "training": "trainings", "phase_diagram": "trainings"}
PAGES: Mapping[JobKindName, str] = {"complexity": "complexity", "training": "train", "phase_diagram": "phase"}
KINDS: Mapping[JobKindName, str] = {
    "complexity": "Complexity",
    "training": "Training",
    "phase_diagram": "Phase diagram",
}


def is_running(job: JobSummary) -> bool:
    """Whether it will change by itself."""
    return job.state in RUNNING


def progress_words(job: JobSummary) -> str:
    """``12 of 36 fits, 3 of them kept from before, 1 failed``; ``12 %`` of a single training."""
    if not job.total:
        return "preparing" if is_running(job) else ""
    if job.total == 1:
        return percent(job.fraction) if is_running(job) else "kept from before" if job.reused else ""
    said = f"{job.done:,} of {job.total:,} {UNITS[job.kind]}"
    if job.reused:
        said += f", {job.reused:,} of them kept from before"
    return said + (f", {job.failed:,} failed" if job.failed else "")


def time_words(job: JobSummary) -> str:
    """``14.2 a minute · about 2 min 5 s left · 50 s so far``; ``took 3 min 2 s`` of one that has ended."""
    if not is_running(job):
        return f"took {duration(job.elapsed_s)}" if job.started_at else ""
    parts = [f"{job.rate:.3g} a minute"] if job.rate and job.total > 1 else []
    if job.eta_s is not None:
        parts.append(f"about {roughly(job.eta_s)} left")
    return " · ".join([*parts, *([f"{duration(job.elapsed_s)} so far"] if job.elapsed_s else [])])


def when(stamp: str | None) -> str:
    """``2026-05-31 12:04 UTC``."""
    return "" if stamp is None else f"{stamp[:16].replace('T', ' ')} UTC"


def cell_words(cell: Mapping[str, Any]) -> str:
    """``global product, coverage 0.4, seed 1``; ``grid-2x8, coverage 0.4, seed 0``."""
    settings = settings_of(cell)
    what = kind_name(str(cell["kind"])) if "kind" in cell else str(settings.get("space", "cell"))
    numbers = {name: settings.get(name) for name in ("coverage", "seed")}
    rest = [f"{name} {value:g}" for name, value in numbers.items() if isinstance(value, int | float)]
    return ", ".join([what, *rest])


def job_card(job: JobSummary, *, heading: str | None = None, listed: int = LISTED) -> Html:
    """State, bar and figures, what runs now, and what went wrong.

    ``heading``: shown above the state; ``listed``: running cells and failures that are listed, the JSON has all.
    """
    state = STATES[job.state]
    top = [tag("span", state.sign, cls="sign", aria_hidden="true"), tag("strong", state.title)]
    top += [tag("span", words) for words in [progress_words(job)] if words]
    top += [tag("span", words, cls="bs-muted") for words in [time_words(job)] if words]
    parts = [tag("p", heading, cls="heading")] if heading else []
    parts.append(tag("p", *top, cls="line"))
    if job.state != "done":
        share = job.fraction if is_running(job) else job.done / max(1, job.total)
        parts.append(bar(share, label=f"Progress of {job.title}"))
    if is_running(job) and job.stage:
        parts.append(tag("p", job.stage, cls="bs-muted"))
    if isinstance(job, JobModel):
        parts += _live(job, listed) if is_running(job) else []
    if job.error:
        parts.append(tag("p", job.error, cls="error"))
    if isinstance(job, JobModel) and job.failures:
        parts.append(failure_list(job.failures, listed))
    return tag("section", *parts, cls=f"bs-job {job.state}", aria_label=f"Job: {job.title}")


def bar(fraction: float, *, label: str) -> Html:
    """A bar from nothing to everything."""
    share = max(0.0, min(1.0, fraction))
    return tag(
        "div",
        tag("b", style=f"width:{100 * share:.1f}%"),
        cls="bs-bar",
        role="progressbar",
        aria_valuenow=f"{100 * share:.0f}",
        aria_valuemin=0,
        aria_valuemax=100,
        aria_label=label,
    )


def _live(job: JobModel, listed: int) -> list[Html]:
    lines = [
        f"{cell_words(one.cell)}: step {one.step:,} of {one.steps:,}" for one in job.live[:listed] if one.steps > 1
    ]
    more = len(job.live) - listed
    if lines and more > 0:
        lines.append(f"and {more} more")
    return [tag("p", line, cls="bs-muted") for line in lines]


def failure_list(failures: list[CellFailure], listed: int = LISTED) -> Html:
    """The cells that could not be computed, each with its reason."""
    lines = [tag("li", tag("strong", f"{cell_words(f.cell)}: "), f.error) for f in failures[:listed]]
    if len(failures) > listed:
        lines.append(tag("li", f"and {len(failures) - listed} more"))
    return tag("ul", *lines, cls="failures", aria_label="What could not be computed")
