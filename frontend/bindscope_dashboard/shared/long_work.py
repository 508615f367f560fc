"""Calls to the service about long work: starting it, watching it, and what it left behind.

Jobs are asked afresh every time: they change while they are watched.
"""

import time
from collections.abc import Mapping
from typing import Any

import streamlit as st

from bindscope.client import ApiError
from bindscope.features.complexity.schemas import COMPLEXITY
from bindscope.features.jobs.schemas import JobModel, JobSummary
from bindscope.features.trainings.schemas import PHASE_DIAGRAM, TRAINING, PhaseOverview, TrainingOverview
from bindscope_dashboard.shared import own_data, service
from bindscope_dashboard.shared.ask import client, remembered, url

_BUSY, _PAUSE_S = 503, 0.5


def start_complexity(body: Mapping[str, Any]) -> JobModel:
    """Starts the fits, or finds the job that does them."""
    return client().ask(COMPLEXITY, own_data.sent(body))


def start_training(body: Mapping[str, Any]) -> JobModel:
    """Starts a controlled training, or finds the job that does it."""
    return client().ask(TRAINING, body)


def start_phase_diagram(body: Mapping[str, Any]) -> JobModel:
    """Starts a phase diagram, or finds the job that does it."""
    return client().ask(PHASE_DIAGRAM, body)


def complexity_kinds() -> list[str]:
    """The families on offer."""
    return _complexity_kinds(url())


def trainings() -> TrainingOverview:
    """Presets and finished runs, not older than a few seconds."""
    return _trainings(url())


def phase_presets() -> PhaseOverview:
    """Named diagrams."""
    return _phase_presets(url())


def jobs() -> list[JobSummary]:
    """All jobs, newest first."""
    return client().jobs()


def job(job_id: str) -> JobModel:
    """One job as it is now. Asks twice where the store is too busy to answer at once."""

    def ask(key: str) -> JobModel:
        try:
            return client().job(job_id)
        except ApiError as error:
            if error.status != _BUSY:
                raise
        time.sleep(_PAUSE_S)
        return client().job(job_id)

    return remembered(JobModel, job_id, ask)


def cancel(job_id: str) -> None:
    """Stops a job; its finished cells are kept."""
    client().cancel_job(job_id)


def resume(job_id: str) -> None:
    """Goes on with a job that has ended without success."""
    client().resume_job(job_id)


def delete(job_id: str) -> None:
    """Removes the record of a job that has ended."""
    client().delete_job(job_id)


def delete_run(run: str) -> None:
    """Deletes a training's files; its model is gone after that."""
    client().delete_run(run)
    forget()


def forget() -> None:
    """A job has ended or a run is gone: models and runs are asked again."""
    _trainings.clear()
    service.forget()


@st.cache_data(ttl=600, show_spinner=False)
def _complexity_kinds(address: str) -> list[str]:
    return client().complexity_kinds()


@st.cache_data(ttl=5, show_spinner=False)
def _trainings(address: str) -> TrainingOverview:
    return client().trainings()


@st.cache_data(ttl=600, show_spinner=False)
def _phase_presets(address: str) -> PhaseOverview:
    return client().phase_presets()
