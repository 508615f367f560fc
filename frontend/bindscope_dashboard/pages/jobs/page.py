"""Jobs: all long work, the newest first.

How it is used: somebody comes back after lunch and sees what is done, what still runs and for how long, and what went
wrong and why. They open a job on its own page, cancel one, or resume what was interrupted.
"""

import json
from collections.abc import Sequence

import streamlit as st

from bindscope.features.jobs.schemas import JobSummary
from bindscope_dashboard.pages.jobs.state import JobsState
from bindscope_dashboard.shared import long_work, state
from bindscope_dashboard.shared.job_cards import LISTED, is_running, job_card, when
from bindscope_dashboard.shared.opening import opened
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.progress import can_resume, open_job, resume_button
from bindscope_dashboard.shared.wording import literal

PAGE = "jobs"
_EVERY_S = 1.0
_SHOWN = 20


def page() -> None:
    """The page of the navigation."""
    with explained():
        opened(PAGE, JobsState, widgets=lambda chosen: {})
        jobs = long_work.jobs()
        st.fragment(_list, run_every=_EVERY_S if any(is_running(job) for job in jobs) else None)()


def _list() -> None:
    with explained():
        jobs = long_work.jobs()
        _stop_asking(jobs)
        chosen = _chosen()
        state.mirror(PAGE, {"job": chosen} if chosen else {})
        st.caption(
            "Jobs go on when the page is closed. What a job has finished is kept: resuming it, or asking for the same "
            "again, only computes what is missing."
        )
        if not jobs:
            st.info("No job yet: Complexity, Train and Phase start some.", icon=":material/inbox:")
            return
        if chosen and chosen not in {job.id for job in jobs}:
            st.warning(f"There is no job {literal(chosen)} any more.")
        # The job of the link stands first.
        ordered = sorted(jobs, key=lambda job: job.id != chosen)
        everything = len(jobs) <= _SHOWN or st.toggle(f"Show all {len(jobs)} jobs", key="jobs.all")
        for job in ordered if everything else ordered[:_SHOWN]:
            _row(job, chosen=job.id == chosen)


def _chosen() -> str:
    shown: JobsState | None = state.shown(PAGE)
    return "" if shown is None else shown.job


def _stop_asking(jobs: Sequence[JobSummary]) -> None:
    """The page asks again by itself only while something runs: a change of that takes a run of the whole page."""
    running = "1" if any(is_running(job) for job in jobs) else None
    before = state.is_on("jobs.running")
    state.switch_on("jobs.running", running)
    if before is not None and running is None:
        long_work.forget()
        st.rerun()


def _row(job: JobSummary, *, chosen: bool) -> None:
    with st.container(border=True, key=f"job-{job.id}"):
        detail = long_work.job(job.id) if chosen or job.failed else job
        st.html(job_card(detail, heading=f"{job.title} · {when(job.created_at)}", listed=LISTED if chosen else 1))
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Open", icon=":material/open_in_full:", key=f"jobs.open.{job.id}", help="On its own page."):
                open_job(job)
            _actions(job)
            st.button(
                "Hide details" if chosen else "Details", icon=":material/info:", key=f"jobs.details.{job.id}",
                type="tertiary", on_click=state.keep_shown, args=(PAGE, JobsState(job="" if chosen else job.id)),
            )  # fmt: skip
        if chosen:
            st.caption(f"Job {job.id}, as it was asked for:")
            st.code(json.dumps(job.request, indent=2), language=None)


def _actions(job: JobSummary) -> None:
    if is_running(job):
        if st.button("Cancel", icon=":material/stop_circle:", key=f"job.cancel.{job.id}"):
            long_work.cancel(job.id)
            st.rerun()
        return
    if can_resume(job):
        resume_button(job)
    with st.popover("Delete", icon=":material/delete:"):
        st.caption("Removes the job from this list. What it finished is kept.")
        if st.button("Delete this job", key=f"jobs.delete.{job.id}"):
            long_work.delete(job.id)
            st.rerun()
