"""Jobs on a page: each with its bar and its buttons, asked again every second while one of them runs."""

from collections.abc import Callable, Sequence

import streamlit as st

from bindscope.client import ApiError, ServiceUnreachable
from bindscope.features.jobs.schemas import JobKindName, JobModel, JobSummary
from bindscope_dashboard.shared import long_work, state
from bindscope_dashboard.shared.job_cards import KINDS, PAGES, is_running, job_card
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.wording import literal

_EVERY_S = 1.0
#: Statuses of a service that may answer a moment later.
_BUSY = (503, 504)
Show = Callable[[Sequence[JobModel]], None]


def watch(job_ids: Sequence[str], kind: JobKindName, *, show: Show) -> None:
    """The jobs' progress, then what ``show`` makes of them. Asks again by itself until all have ended."""
    with explained():
        jobs = [long_work.job(job_id) for job_id in job_ids]
        if any(is_running(job) for job in jobs):
            st.fragment(_live, run_every=_EVERY_S)(job_ids, kind, show)
        else:
            _draw(jobs, kind, show=show)


def _live(job_ids: Sequence[str], kind: JobKindName, show: Show) -> None:
    with explained():
        jobs = _latest(job_ids)
        if not any(is_running(job) for job in jobs):
            # The whole page again: it stops asking, and models and runs may be new.
            long_work.forget()
            st.rerun()
        _draw(jobs, kind, show=show)


def _latest(job_ids: Sequence[str]) -> list[JobModel]:
    """The jobs as they are now. A service that is too busy for once to answer does not take the curves away."""
    key = f"latest.{'.'.join(job_ids)}"
    try:
        jobs = [long_work.job(job_id) for job_id in job_ids]
    except ServiceUnreachable:
        raise
    except ApiError as error:
        known: list[JobModel] | None = state.shown(key)
        if error.status not in _BUSY or known is None:
            raise
        st.caption(f":material/hourglass: This is a moment old: {literal(str(error))}")
        return known
    state.keep_shown(key, jobs)
    return jobs


def _draw(jobs: Sequence[JobModel], kind: JobKindName, *, show: Show) -> None:
    strangers = [job for job in jobs if job.kind != kind]
    for job in strangers:
        st.info(f"This job is a {KINDS[job.kind].lower()}.", icon=":material/info:")
        if st.button(f"Open it on its page: {PAGES[job.kind].title()}", key=f"job.elsewhere.{job.id}"):
            open_job(job)
    if strangers:
        return
    for job in jobs:
        job_block(job)
    show(jobs)


def job_block(job: JobModel) -> None:
    """One job: its card, and what can be done with it."""
    st.html(job_card(job, heading=job.title))
    if is_running(job):
        if st.button("Cancel", icon=":material/stop_circle:", key=f"job.cancel.{job.id}"):
            long_work.cancel(job.id)
            st.rerun()
    elif can_resume(job):
        resume_button(job)


def can_resume(job: JobSummary) -> bool:
    """Stopped, interrupted, or with cells that failed."""
    return job.resumable and not is_running(job)


def resume_button(job: JobSummary) -> None:
    """Goes on with what is missing."""
    hint = "Only what is missing is computed."
    if st.button("Resume", icon=":material/resume:", key=f"job.resume.{job.id}", help=hint):
        long_work.resume(job.id)
        st.rerun()


def open_job(job: JobSummary) -> None:
    """Goes to the page of the job, which shows it."""
    st.switch_page(state.page_named(PAGES[job.kind]), query_params={"job": job.id})
