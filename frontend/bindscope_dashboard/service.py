"""Calls to the service, cached by content. Errors are never cached: the next run asks again.

Keys are JSON texts of requests, never arrays or objects, so that two requests never share an entry.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import streamlit as st
from pydantic import BaseModel, ValidationError
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from bindscope import __version__
from bindscope.client import ApiError, BindscopeClient, ServiceUnreachable
from bindscope.client.bundles import Bundle
from bindscope.features.caption_tests.schemas import CaptionTestProgress, CaptionTestResponse
from bindscope.features.counterexamples.schemas import Counterexample
from bindscope.features.datasets.schemas import DatasetEmbedding, DatasetModel, DatasetPreview, DatasetRow
from bindscope.features.decompositions.schemas import DecompositionResponse, SceneShareResponse
from bindscope.features.interventions.schemas import EditResponse, InterventionResponse
from bindscope.features.model_checks.schemas import ModelCheckReport
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.photos.schemas import PhotoVerdict
from bindscope.features.probes.schemas import ProbeResponse
from bindscope.features.removals.schemas import RemovalResponse
from bindscope.features.spaces.schemas import SpaceModel
from bindscope.features.surveys.schemas import BatchProgress, VerdictBatch
from bindscope.features.system.schemas import SystemState
from bindscope.features.verdicts.schemas import Verdict
from bindscope.scenes.concepts import ConceptSpace, grid_space
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard import editing, own_data, state
from bindscope_dashboard.links import space_of

_Answer = TypeVar("_Answer", bound=BaseModel)
_Found = TypeVar("_Found")
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
    """The models, asked afresh every few seconds; those of an open bundle stand among them."""
    bundle = state.bundle()
    known = _here(_models, list[ModelSummary]())
    if bundle is None:
        return known
    here = {model.id for model in known if model.available}
    return [*known, *(model for model in bundle.models if model.id not in here)]


def model_checks(model: str) -> ModelCheckReport:
    """The checks of a model."""
    found = patient(url()).model_checks(model)
    _models.clear()
    return found


def spaces() -> "Spaces":
    """The concept spaces by name, and the uploads that stand among them."""
    known = _here(_spaces, dict[str, ConceptSpace]())
    return Spaces({**known, **own_data.as_spaces(datasets(), known), **_brought()})


def other_spaces() -> list[str]:
    """Spaces of the open bundle that are others here, by the same name."""
    known = _here(_spaces, dict[str, ConceptSpace]())
    return [name for name, space in _brought().items() if name in known and known[name] != space]


def space_titles() -> dict[str, str]:
    """What pickers call the uploads among the spaces."""
    return own_data.titles(datasets())


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
            return asked(Verdict, key_of(body), lambda key: _verdict(address, key))
        except ServiceUnreachable:
            raise
        except ApiError as error:
            return error

    if len(bodies) == 1:
        return [ask(bodies[0])]
    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(ask, bodies))


def counterexample(body: Mapping[str, Any]) -> Counterexample:
    """The smallest edit that changes the winner of the contest."""
    return asked(Counterexample, key_of(body), lambda key: _counterexample(url(), key))


def picture(scene: SceneModel, pixels: int) -> bytes:
    """The PNG that the model sees."""
    body = {"scene": scene.model_dump(mode="json", exclude_none=True), "pixels": pixels}
    return asked_bytes(key_of(body), lambda key: _picture(url(), key))


def batch(body: Mapping[str, Any]) -> VerdictBatch:
    """A survey without progress, kept: for small ones."""
    return asked(VerdictBatch, key_of(body), lambda key: _batch(url(), key))


def batch_with_progress(body: Mapping[str, Any], on_progress: Callable[[BatchProgress], None]) -> VerdictBatch:
    """A survey that reports its progress; the caller keeps the result."""

    def ask(key: str) -> VerdictBatch:
        options = json.loads(key)
        return _client(url()).verdict_batch(options.pop("model"), on_progress=on_progress, **options)

    return asked(VerdictBatch, key_of(body), ask)


def probe(body: Mapping[str, Any]) -> ProbeResponse:
    """Linear probes."""
    return asked(ProbeResponse, key_of(body), lambda key: _probe(url(), key))


def decomposition(body: Mapping[str, Any]) -> DecompositionResponse:
    """Additive decomposition."""
    return asked(DecompositionResponse, key_of(body), lambda key: _decomposition(url(), key))


def scene_shares(body: Mapping[str, Any]) -> SceneShareResponse:
    """What the objects and concepts of one scene explain."""
    return asked(SceneShareResponse, key_of(body), lambda key: _scene_shares(url(), key))


def removal(body: Mapping[str, Any]) -> RemovalResponse:
    """Targeted removal."""
    return asked(RemovalResponse, key_of(body), lambda key: _removal(url(), key))


def intervene(body: Mapping[str, Any]) -> InterventionResponse:
    """Interventions over all edits."""
    return asked(InterventionResponse, key_of(body), lambda key: _interventions(url(), key))


def edit(body: Mapping[str, Any]) -> EditResponse:
    """One edit of one scene."""
    return asked(EditResponse, key_of(body), lambda key: _edit(url(), key))


def datasets() -> list[DatasetModel]:
    """The uploads, not older than a few seconds; uploading and deleting here shows at once."""
    return _here(_datasets, list[DatasetModel]())


def add_dataset(content: bytes, **options: Any) -> DatasetModel:
    """Keeps an upload. Options: filename, labels, mapping, space, name."""
    added = patient(url()).add_dataset(content, **options)
    forget()
    return added


def check_dataset(content: bytes, **options: Any) -> DatasetPreview:
    """Reads an upload without keeping it. Options as of ``add_dataset``."""
    return patient(url()).check_dataset(content, **options)


def delete_dataset(dataset_id: str) -> None:
    """Takes an upload away."""
    _client(url()).delete_dataset(dataset_id)
    forget()


def embed_dataset(dataset_id: str, model: str, on_progress: Callable[[DatasetEmbedding], None]) -> DatasetEmbedding:
    """Embeds an upload's pictures."""
    return patient(url()).embed_dataset(dataset_id, model, on_progress=on_progress)


def example_scene(space: ConceptSpace, *, seed: int) -> SceneModel:
    """A scene of two objects of a space, or one of an upload that stands for a space."""
    own = own_data.dataset_of(space.name)
    if own is None:
        return editing.random_scene(space, objects=2, seed=seed)
    return own_data.scene_of(space, _dataset_rows(url(), own, 0, 1000), seed=seed)


def dataset_rows(dataset_id: str, *, start: int, count: int) -> list[DatasetRow]:
    """Labels of some scenes of an upload."""
    return _dataset_rows(url(), dataset_id, start, count)


def dataset_picture(dataset_id: str, row: int, pixels: int) -> bytes:
    """A picture of an upload."""
    return _dataset_picture(url(), dataset_id, row, pixels)


def space_texts(space: str, **options: Any) -> list[str]:
    """Texts that analyses of a space ask about."""
    return _client(url()).space_texts(space, **options)


def add_space(text: str) -> SpaceModel:
    """Adds a space of the reader's own."""
    added = _client(url()).add_space(text)
    forget()
    return added


def delete_space(name: str) -> None:
    """Takes a space of the reader's own away."""
    _client(url()).delete_space(name)
    forget()


def own_spaces() -> list[SpaceModel]:
    """The spaces that came from the reader."""
    return [space for space in _client(url()).spaces() if not space.builtin]


def photo_verdict(model: str, photo: bytes, captions: Sequence[str]) -> PhotoVerdict:
    """Which of two captions the model prefers for a photo. Not cached: nothing of a photo is kept."""
    return _client(url()).photo_verdict(model, photo, captions)


def caption_test(model: str, archive: bytes, on_progress: Callable[[CaptionTestProgress], None]) -> CaptionTestResponse:
    """A public test of captions; the caller keeps the result."""
    return patient(url()).caption_test(model, archive, on_progress=on_progress)


def forget() -> None:
    """Drops what describes the service, so that the next run asks again."""
    for cached in (_models, _spaces, _wire_spaces, _system, _datasets):
        cached.clear()


def _brought() -> dict[str, ConceptSpace]:
    """The spaces of the open bundle."""
    bundle = state.bundle()
    return {} if bundle is None else {wire.name: space_of(wire) for wire in bundle.spaces}


def _here(ask: Callable[[str], _Found], nothing: _Found) -> _Found:
    """What the service says; ``nothing`` where no service answers and an open bundle can be shown all the same."""
    try:
        return ask(url())
    except ServiceUnreachable:
        if state.bundle() is None:
            raise
        return nothing


def asked(kind: type[_Answer], key: str, ask: Callable[[str], _Answer]) -> _Answer:
    """An answer by its request: from the open bundle where it has it, else from the service. It is noted for a bundle
    of the page."""
    name = f"{kind.__name__} {key}"
    kept = state.bundled_answer(name)
    if kept is not None:
        # What another version wrote may not be read here: then the service is asked.
        with suppress(ValidationError):
            return kind.model_validate_json(kept)
    answer = ask(key)
    state.note_answer(name, answer)
    return answer


def asked_bytes(key: str, ask: Callable[[str], bytes]) -> bytes:
    """The same for pictures."""
    name = f"picture {key}"
    kept = state.bundled_answer(name)
    if kept is not None:
        return kept
    answer = ask(key)
    state.note_answer(name, answer)
    return answer


def bundle_maker(page: str, query: Mapping[str, str]) -> Callable[[], bytes]:
    """What makes a zip of the page as it is then. It runs when somebody asks for the file, outside of any session."""
    noted, known, here = state.noted_answers(), models(), spaces()

    def make() -> bytes:
        answers = {
            name: answer if isinstance(answer, bytes) else answer.model_dump_json().encode()
            for name, answer in list(noted.items())
        }
        text = " ".join([*query.values(), *answers])
        return Bundle(
            page=page,
            query=dict(query),
            created=datetime.now(UTC).isoformat(timespec="minutes"),
            version=__version__,
            models=[model for model in known if model.id in text],
            spaces=[SpaceModel.of(space, builtin=False) for name, space in here.items() if name in text],
            answers=answers,
        ).to_bytes()

    return make


def key_of(body: Mapping[str, Any]) -> str:
    """A request as it is sent, as a key: equal requests, equal texts."""
    return json.dumps(own_data.sent(body), sort_keys=True, ensure_ascii=False)


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
    return {wire.name: space_of(wire) for wire in _wire_spaces(address)}


@st.cache_data(ttl=60, show_spinner=False)
def _wire_spaces(address: str) -> list[SpaceModel]:
    return _client(address).spaces()


@st.cache_data(ttl=5, show_spinner=False)
def _datasets(address: str) -> list[DatasetModel]:
    return _client(address).datasets()


@st.cache_data(max_entries=100, ttl=3600, show_spinner=False)
def _dataset_rows(address: str, dataset_id: str, start: int, count: int) -> list[DatasetRow]:
    return _client(address).dataset_rows(dataset_id, start=start, count=count)


@st.cache_data(max_entries=500, ttl=3600, show_spinner=False)
def _dataset_picture(address: str, dataset_id: str, row: int, pixels: int) -> bytes:
    return _client(address).dataset_picture(dataset_id, row, pixels)


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
def _picture(address: str, body: str) -> bytes:
    options = json.loads(body)
    return _client(address).render(options["scene"], options["pixels"])


@st.cache_data(max_entries=50, ttl=3600, show_spinner=False)
def _batch(address: str, body: str) -> VerdictBatch:
    options = json.loads(body)
    return _client(address).verdict_batch(options.pop("model"), **options)


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
def _interventions(address: str, body: str) -> InterventionResponse:
    return patient(address).intervene(**json.loads(body))


@st.cache_data(max_entries=500, ttl=3600, show_spinner=False)
def _edit(address: str, body: str) -> EditResponse:
    return patient(address).edit(**json.loads(body))
