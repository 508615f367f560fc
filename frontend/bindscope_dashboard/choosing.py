"""Calls to the service about choosing and mending a model, kept by content as those of ``service`` are."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from bindscope.features.comparisons.schemas import ComparisonProgress, ComparisonResponse, DisagreementResponse
from bindscope.features.near_duplicates.schemas import NearDuplicatesResponse
from bindscope.features.projections.schemas import ProjectionResponse
from bindscope.features.repairs.schemas import RepairModel
from bindscope.features.retrievals.schemas import RetrievalResponse
from bindscope_dashboard import service

_LAST_BOARD = "compare.board"


def retrieval(body: Mapping[str, Any]) -> RetrievalResponse:
    """Retrieval with swapped twins."""
    return service.asked(RetrievalResponse, service.key_of(body), lambda key: _retrieval(service.url(), key))


def near_duplicates(body: Mapping[str, Any]) -> NearDuplicatesResponse:
    """Captions that share a vector."""
    return service.asked(NearDuplicatesResponse, service.key_of(body), lambda key: _near_duplicates(service.url(), key))


def repair(body: Mapping[str, Any]) -> RepairModel:
    """A linear map for the text tower."""
    return service.asked(RepairModel, service.key_of(body), lambda key: _repair(service.url(), key))


def repair_file(repair_id: str) -> bytes:
    """The map as .npz."""
    return _repair_file(service.url(), repair_id)


def projection(body: Mapping[str, Any]) -> ProjectionResponse:
    """A map of a source."""
    return service.asked(ProjectionResponse, service.key_of(body), lambda key: _projection(service.url(), key))


def comparison(body: Mapping[str, Any], on_progress: Callable[[ComparisonProgress], None]) -> ComparisonResponse:
    """A board of models; ``on_progress`` is called before each row that is not known yet.

    The last board stays with the session: Streamlit's own cache would try to replay the progress.
    """

    def ask(key: str) -> ComparisonResponse:
        last: tuple[str, str, ComparisonResponse] | None = st.session_state.get(_LAST_BOARD)
        if last is None or last[:2] != (service.url(), key):
            found = service.patient(service.url()).compare(**json.loads(key), on_progress=on_progress)
            last = (service.url(), key, found)
            st.session_state[_LAST_BOARD] = last
        return last[2]

    return service.asked(ComparisonResponse, service.key_of(body), ask)


def disagreements(body: Mapping[str, Any]) -> DisagreementResponse:
    """Scenes that only one of two models gets right."""
    return service.asked(DisagreementResponse, service.key_of(body), lambda key: _disagreements(service.url(), key))


@st.cache_data(max_entries=100, ttl=3600, show_spinner=False)
def _retrieval(address: str, body: str) -> RetrievalResponse:
    return service.patient(address).retrieve(**json.loads(body))


@st.cache_data(max_entries=100, ttl=3600, show_spinner=False)
def _near_duplicates(address: str, body: str) -> NearDuplicatesResponse:
    return service.patient(address).near_duplicates(**json.loads(body))


@st.cache_data(max_entries=100, ttl=3600, show_spinner=False)
def _repair(address: str, body: str) -> RepairModel:
    return service.patient(address).repair(**json.loads(body))


@st.cache_data(max_entries=20, ttl=3600, show_spinner=False)
def _repair_file(address: str, repair_id: str) -> bytes:
    return service.patient(address).repair_file(repair_id)


@st.cache_data(max_entries=20, ttl=3600, show_spinner=False)
def _projection(address: str, body: str) -> ProjectionResponse:
    return service.patient(address).project(**json.loads(body))


@st.cache_data(max_entries=50, ttl=3600, show_spinner=False)
def _disagreements(address: str, body: str) -> DisagreementResponse:
    return service.patient(address).disagreements(**json.loads(body))
