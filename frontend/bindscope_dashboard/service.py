"""Calls to the service, cached by content. Errors are never cached: the next run asks again.

Keys are JSON texts of requests, never arrays or objects, so that two requests never share an entry.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from bindscope.client import ApiError, BindscopeClient, ServiceUnreachable
from bindscope.domain.concepts import ConceptSpace, grid_space
from bindscope.schemas.base import SceneModel
from bindscope.schemas.counterexamples import Counterexample
from bindscope.schemas.datasets import DatasetModel
from bindscope.schemas.decompositions import DecompositionResponse, SceneShareResponse
from bindscope.schemas.models import ModelSummary
from bindscope.schemas.probes import ProbeResponse
from bindscope.schemas.removals import RemovalResponse
from bindscope.schemas.surgeries import EditResponse, SurgeryResponse
from bindscope.schemas.system import SystemState
from bindscope.schemas.verdicts import BatchProgress, Verdict, VerdictBatch
from bindscope_dashboard.links import space_of

_DEFAULT_URL = "http://127.0.0.1:8000"
#: Seconds that an analysis of many scenes may take: the first one of a large space embeds every scene.
_PATIENCE = 1800.0


class Spaces(dict[str, ConceptSpace]):
    """The spaces that the service lists; grids of controlled training (``grid-2x20``) are found unlisted."""

    def __missing__(self, name: str) -> ConceptSpace:
        grid = grid_space(name)
        if grid is None:
            raise KeyError(name)
        return grid

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and grid_space(name) is not None)


def url() -> str:
    """Address of the service: ``BINDSCOPE_API_URL``."""
    return os.environ.get("BINDSCOPE_API_URL", _DEFAULT_URL).rstrip("/")


def has_key() -> bool:
    """Whether requests carry the key of ``BINDSCOPE_API_KEY``."""
    return bool(os.environ.get("BINDSCOPE_API_KEY"))


def client() -> BindscopeClient:
    """The client that all sessions share."""
    return _client(url())


def models() -> list[ModelSummary]:
    """The models, asked afresh every few seconds."""
    return _models(url())


def spaces() -> "Spaces":
    """The concept spaces by name."""
    return Spaces(_spaces(url()))


def system() -> SystemState:
    """State of the service, not older than a few seconds."""
    return _system(url())


def verdicts(bodies: Sequence[Mapping[str, Any]]) -> list[Verdict | ApiError]:
    """The verdicts of one scene for several models, asked at the same time; an error stands in its model's place.

    Raises ServiceUnreachable.
    """
    address, context = url(), get_script_run_ctx(suppress_warning=True)

    def ask(body: Mapping[str, Any]) -> Verdict | ApiError:
        add_script_run_ctx(ctx=context)
        try:
            return _verdict(address, key_of(body))
        except ServiceUnreachable:
            raise
        except ApiError as error:
            return error

    if len(bodies) == 1:
        return [ask(bodies[0])]
    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(ask, bodies))


def counterexample(body: Mapping[str, Any]) -> Counterexample:
    """The smallest edit that flips the verdict."""
    return _counterexample(url(), key_of(body))


def picture(scene: SceneModel, pixels: int) -> bytes:
    """The PNG that the model sees."""
    return _picture(url(), key_of(scene.model_dump(mode="json", exclude_none=True)), pixels)


def batch(body: Mapping[str, Any]) -> VerdictBatch:
    """A survey without progress, kept: for small ones."""
    return _batch(url(), key_of(body))


def batch_with_progress(body: Mapping[str, Any], on_progress: Callable[[BatchProgress], None]) -> VerdictBatch:
    """A survey that reports its progress; the caller keeps the result."""
    options = dict(body)
    return _client(url()).verdict_batch(options.pop("model"), options.pop("space"), on_progress=on_progress, **options)


def probe(body: Mapping[str, Any]) -> ProbeResponse:
    """Linear probes."""
    return _probe(url(), key_of(body))


def decomposition(body: Mapping[str, Any]) -> DecompositionResponse:
    """Additive decomposition."""
    return _decomposition(url(), key_of(body))


def scene_shares(body: Mapping[str, Any]) -> SceneShareResponse:
    """What the objects and concepts of one scene explain."""
    return _scene_shares(url(), key_of(body))


def removal(body: Mapping[str, Any]) -> RemovalResponse:
    """Targeted removal."""
    return _removal(url(), key_of(body))


def surgery(body: Mapping[str, Any]) -> SurgeryResponse:
    """Object surgery over all edits."""
    return _surgery(url(), key_of(body))


def edit(body: Mapping[str, Any]) -> EditResponse:
    """One edit of one scene."""
    return _edit(url(), key_of(body))


def datasets() -> list[DatasetModel]:
    """The uploads, asked afresh at every run."""
    return _client(url()).datasets()


def add_dataset(content: bytes) -> DatasetModel:
    """Uploads an .npz."""
    return _client(url()).add_dataset(content)


def forget() -> None:
    """Drops what describes the service, so that the next run asks again."""
    for cached in (_models, _spaces, _system):
        cached.clear()


def key_of(body: Mapping[str, Any]) -> str:
    """A request as a key: equal requests, equal texts."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


@st.cache_resource(show_spinner=False, on_release=BindscopeClient.close)
def _client(address: str) -> BindscopeClient:
    return BindscopeClient(address, os.environ.get("BINDSCOPE_API_KEY"))


@st.cache_resource(show_spinner=False, on_release=BindscopeClient.close)
def patient(address: str) -> BindscopeClient:
    """A client that waits for an analysis of many scenes."""
    return BindscopeClient(address, os.environ.get("BINDSCOPE_API_KEY"), timeout=_PATIENCE)


@st.cache_data(ttl=15, show_spinner=False)
def _models(address: str) -> list[ModelSummary]:
    return _client(address).models()


@st.cache_data(ttl=60, show_spinner=False)
def _spaces(address: str) -> dict[str, ConceptSpace]:
    return {wire.name: space_of(wire) for wire in _client(address).spaces()}


@st.cache_data(ttl=5, show_spinner=False)
def _system(address: str) -> SystemState:
    return _client(address).system()


@st.cache_data(max_entries=500, ttl=3600, show_spinner=False)
def _verdict(address: str, body: str) -> Verdict:
    options = json.loads(body)
    return _client(address).verdict(options.pop("model"), options.pop("scene"), **options)


@st.cache_data(max_entries=100, ttl=3600, show_spinner=False)
def _counterexample(address: str, body: str) -> Counterexample:
    options = json.loads(body)
    return _client(address).counterexample(options.pop("model"), options.pop("scene"), **options)


@st.cache_data(max_entries=500, ttl=3600, show_spinner=False)
def _picture(address: str, scene: str, pixels: int) -> bytes:
    return _client(address).render(json.loads(scene), pixels)


@st.cache_data(max_entries=50, ttl=3600, show_spinner=False)
def _batch(address: str, body: str) -> VerdictBatch:
    options = json.loads(body)
    return _client(address).verdict_batch(options.pop("model"), options.pop("space"), **options)


@st.cache_data(max_entries=200, ttl=3600, show_spinner=False)
def _probe(address: str, body: str) -> ProbeResponse:
    return patient(address).probe(**json.loads(body))


@st.cache_data(max_entries=500, ttl=3600, show_spinner=False)
def _decomposition(address: str, body: str) -> DecompositionResponse:
    return patient(address).decompose(**json.loads(body))


@st.cache_data(max_entries=500, ttl=3600, show_spinner=False)
def _scene_shares(address: str, body: str) -> SceneShareResponse:
    return patient(address).explain_scene(**json.loads(body))


@st.cache_data(max_entries=100, ttl=3600, show_spinner=False)
def _removal(address: str, body: str) -> RemovalResponse:
    return patient(address).remove(**json.loads(body))


@st.cache_data(max_entries=100, ttl=3600, show_spinner=False)
def _surgery(address: str, body: str) -> SurgeryResponse:
    return patient(address).surgery(**json.loads(body))


@st.cache_data(max_entries=500, ttl=3600, show_spinner=False)
def _edit(address: str, body: str) -> EditResponse:
    return patient(address).edit(**json.loads(body))
