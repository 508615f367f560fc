"""What the service has: models, spaces, uploads, its state; and what is not kept of its answers."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import streamlit as st

from bindscope import __version__
from bindscope.client import ServiceUnreachable
from bindscope.client.bundles import Bundle
from bindscope.features.caption_tests.schemas import CaptionTestProgress, CaptionTestResponse
from bindscope.features.datasets.schemas import (
    DatasetEmbedding,
    DatasetEmbeddingProgress,
    DatasetModel,
    DatasetPreview,
    DatasetRow,
)
from bindscope.features.model_checks.schemas import ModelCheckReport
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.photos.schemas import PhotoVerdict
from bindscope.features.spaces.schemas import SpaceModel
from bindscope.features.system.schemas import SystemState
from bindscope.scenes.concepts import ConceptSpace, grid_space
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared import editing, own_data, state
from bindscope_dashboard.shared.ask import client, url
from bindscope_dashboard.shared.scene_text import space_of

_Found = TypeVar("_Found")


class Spaces(dict[str, ConceptSpace]):
    """The spaces that the service lists; grids of controlled training (``grid-2x20``) are found unlisted."""

    def __missing__(self, name: str) -> ConceptSpace:
        grid = grid_space(name)
        if grid is None:
            raise KeyError(name)
        return grid

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and grid_space(name) is not None)


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
    found = client().model_checks(model)
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


def datasets() -> list[DatasetModel]:
    """The uploads, not older than a few seconds; uploading and deleting here shows at once."""
    return _here(_datasets, list[DatasetModel]())


def add_dataset(content: bytes, **options: Any) -> DatasetModel:
    """Keeps an upload. Options: filename, labels, mapping, space, name."""
    added = client().add_dataset(content, **options)
    forget()
    return added


def check_dataset(content: bytes, **options: Any) -> DatasetPreview:
    """Reads an upload without keeping it. Options as of ``add_dataset``."""
    return client().check_dataset(content, **options)


def delete_dataset(dataset_id: str) -> None:
    """Takes an upload away."""
    client().delete_dataset(dataset_id)
    forget()


def embed_dataset(
    dataset_id: str, model: str, on_progress: Callable[[DatasetEmbeddingProgress], None]
) -> DatasetEmbedding:
    """Embeds an upload's pictures."""
    return client().embed_dataset(dataset_id, model, on_progress=on_progress)


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


def repair_file(repair_id: str) -> bytes:
    """The map of a repair as .npz."""
    return _repair_file(url(), repair_id)


def space_texts(space: str, **options: Any) -> list[str]:
    """Texts that analyses of a space ask about."""
    return client().space_texts(space, **options)


def add_space(text: str) -> SpaceModel:
    """Adds a space of the reader's own."""
    added = client().add_space(text)
    forget()
    return added


def delete_space(name: str) -> None:
    """Takes a space of the reader's own away."""
    client().delete_space(name)
    forget()


def own_spaces() -> list[SpaceModel]:
    """The spaces that came from the reader."""
    return [space for space in client().spaces() if not space.builtin]


def photo_verdict(model: str, photo: bytes, captions: Sequence[str]) -> PhotoVerdict:
    """Which of two captions the model prefers for a photo. Not cached: nothing of a photo is kept."""
    return client().photo_verdict(model, photo, captions)


def caption_test(model: str, archive: bytes, on_progress: Callable[[CaptionTestProgress], None]) -> CaptionTestResponse:
    """A public test of captions; the caller keeps the result."""
    return client().caption_test(model, archive, on_progress=on_progress)


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
            spaces=[SpaceModel.of_space(space, builtin=False) for name, space in here.items() if name in text],
            answers=answers,
        ).to_bytes()

    return make


@st.cache_data(ttl=15, show_spinner=False)
def _models(address: str) -> list[ModelSummary]:
    return client().models()


@st.cache_data(ttl=60, show_spinner=False)
def _spaces(address: str) -> dict[str, ConceptSpace]:
    return {wire.name: space_of(wire) for wire in _wire_spaces(address)}


@st.cache_data(ttl=60, show_spinner=False)
def _wire_spaces(address: str) -> list[SpaceModel]:
    return client().spaces()


@st.cache_data(ttl=5, show_spinner=False)
def _datasets(address: str) -> list[DatasetModel]:
    return client().datasets()


@st.cache_data(max_entries=100, ttl=3600, show_spinner=False)
def _dataset_rows(address: str, dataset_id: str, start: int, count: int) -> list[DatasetRow]:
    return client().dataset_rows(dataset_id, start=start, count=count)


@st.cache_data(max_entries=500, ttl=3600, show_spinner=False)
def _dataset_picture(address: str, dataset_id: str, row: int, pixels: int) -> bytes:
    return client().dataset_picture(dataset_id, row, pixels)


@st.cache_data(max_entries=20, ttl=3600, show_spinner=False)
def _repair_file(address: str, repair_id: str) -> bytes:
    return client().repair_file(repair_id)


@st.cache_data(ttl=5, show_spinner=False)
def _system(address: str) -> SystemState:
    return client().system()
