"""Earlier trainings and the runs that they left behind."""

from collections.abc import Mapping, Sequence

import streamlit as st

from bindscope.core.sentences.held_out import held_out_text
from bindscope.features.jobs.schemas import JobSummary
from bindscope.features.trainings.schemas import TrainingRequest, TrainingRun
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.shared import long_work, progress, tables
from bindscope_dashboard.shared.exports import csv_text, numbers_of
from bindscope_dashboard.shared.html import Html
from bindscope_dashboard.shared.job_cards import STATES, when
from bindscope_dashboard.shared.links import body_of
from bindscope_dashboard.shared.training import config_of
from bindscope_dashboard.shared.use_model import use_model
from bindscope_dashboard.shared.wording import percent

_TITLE = "Runs of this installation"


def show(runs: Sequence[TrainingRun], spaces: Mapping[str, ConceptSpace]) -> None:
    """The finished runs, each with its pages, and the jobs of this page."""
    st.subheader("History", anchor=False)
    jobs = [job for job in long_work.jobs() if job.kind == "training"]
    if not runs and not jobs:
        st.caption("No training yet.")
        return
    with st.container(key="train-history"):
        left, right = st.columns(2, gap="large")
    with left:
        _jobs(jobs)
    with right:
        _runs(runs)
    if runs:
        with st.expander(f"{_TITLE}, as a table"):
            st.html(runs_table(runs))
            st.download_button(
                "Runs (CSV)", runs_csv(runs), "runs.csv", "text/csv", key="train.runs.csv", on_click="ignore",
                icon=":material/download:",
            )  # fmt: skip


def _jobs(jobs: Sequence[JobSummary]) -> None:
    if not jobs:
        st.caption("No training job yet.")
        return
    by_id = {job.id: job for job in jobs}
    chosen = st.selectbox("Trainings", list(by_id), key="train.jobs", format_func=lambda i: job_line(by_id[i]))
    if st.button("Open", icon=":material/open_in_full:", key="train.jobs.open"):
        progress.open_job(by_id[chosen])


def _runs(runs: Sequence[TrainingRun]) -> None:
    if not runs:
        st.caption("No finished run yet.")
        return
    by_id = {run.run: run for run in runs}
    chosen = by_id[st.selectbox("Finished runs", list(by_id), key="train.runs",
                                format_func=lambda i: run_line(by_id[i]))]  # fmt: skip
    use_model(chosen.model, str(chosen.config["space"]), key="train.run")
    with st.container(horizontal=True):
        hint = "Its curves and figures; nothing is trained again."
        if st.button("Show its curves", icon=":material/show_chart:", key="train.run.open", help=hint):
            # Equal requests are one job, and a finished run is answered from its files.
            progress.open_job(long_work.start_training(body_of(TrainingRequest(config=config_of(chosen.config)))))
        with st.popover("Delete", icon=":material/delete:"):
            st.caption(f"Deletes the files of {chosen.model}; it cannot be undone.")
            if st.button("Delete this run", key="train.run.delete"):
                long_work.delete_run(chosen.run)
                st.rerun()


def job_line(job: JobSummary) -> str:
    """A job for the list."""
    return f"{STATES[job.state].sign} {STATES[job.state].title.lower()}: {job.title}, {when(job.created_at)}"


def run_line(run: TrainingRun) -> str:
    """A run for the list."""
    config = run.config
    unseen = f"unseen objects {held_out_text(run.binding)}"
    return f"{config.get('space')}, coverage {config.get('coverage'):g}, seed {config.get('seed')}: {unseen}"


def runs_table(runs: Sequence[TrainingRun]) -> Html:
    """Every finished run."""
    rows = [
        (
            run.model,
            str(run.config.get("space")),
            f"{run.config.get('coverage'):g}",
            str(run.config.get("seed")),
            held_out_text(run.binding),
            percent(run.seen_object),
            percent(run.unseen_object),
        )
        for run in runs
    ]
    head = (
        "Model",
        "Space",
        "Coverage",
        "Seed",
        "Binding score, unseen objects",
        "Seen objects, strict",
        "Unseen, strict",
    )
    return tables.table(head, rows, label=_TITLE, numbers=frozenset({2, 3, 4, 5, 6}), cls="dense")


def runs_csv(runs: Sequence[TrainingRun]) -> str:
    """The same, unrounded."""
    rows = [
        (
            run.model,
            *(run.config.get(name) for name in ("space", "coverage", "seed")),
            *_ends(run),
            run.seen_object,
            run.unseen_object,
        )
        for run in runs
    ]
    head = ("model", "space", "coverage", "seed", "binding", "binding_low", "binding_high", "binding_n")
    return csv_text((*head, "seen_object", "unseen_object"), rows)


def _ends(run: TrainingRun) -> tuple[float | None, float | None, float | None, int]:
    found = None if run.binding is None else run.binding.forced_choice
    return (None, None, None, 0) if found is None else numbers_of(found)
