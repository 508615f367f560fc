"""``precomputed:ID``: the vectors of an upload as a model. It knows the texts and the scenes that were uploaded.

For vectors of a system that only its owner can ask: a commercial text embedder, or a model on another machine.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput, UnknownName, UnsupportedModality
from bindscope.encoders.model_id import ModelId
from bindscope.encoders.protocol import EncoderInfo, Fingerprint, Modality, Picture, PreparedPicture, Vectors
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.scene import Scene

_CODE_VERSION = "precomputed/1"


class _Facts(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def dim(self) -> int | None: ...
    @property
    def text_dim(self) -> int | None: ...
    @property
    def texts(self) -> int: ...
    @property
    def space(self) -> ConceptSpace | None: ...


class _Texts(Protocol):
    @property
    def texts(self) -> tuple[str, ...]: ...
    @property
    def vectors(self) -> NDArray[np.float32]: ...


class _Scenes(Protocol):
    @property
    def embeddings(self) -> NDArray[np.float32] | None: ...
    @property
    def labels(self) -> SceneLabels: ...


class Uploads(Protocol):
    """Where uploads lie."""

    def all(self) -> Sequence[_Facts]: ...
    def facts(self, dataset_id: str) -> _Facts: ...
    def texts(self, dataset_id: str) -> _Texts | None: ...
    def get(self, dataset_id: str) -> _Scenes: ...


def listed(uploads: Uploads | None) -> Iterator[tuple[str, tuple[Modality, ...], int | None]]:
    """Uploads that are models: those with texts. Id, modalities and dimension of each."""
    for facts in uploads.all() if uploads is not None else ():
        if facts.texts:
            yield f"precomputed:{facts.id}", _modalities(facts), facts.text_dim


def load(model: ModelId, uploads: Uploads | None) -> "PrecomputedEncoder | PrecomputedReader":
    """Raises UnknownName; InvalidInput for an upload without texts, or whose two sides have other lengths."""
    known = [name for name, _, _ in listed(uploads)]
    if uploads is None or model.seed is not None:
        raise UnknownName("model", model.text, known)
    try:
        facts = uploads.facts(model.name)
    except UnknownName:
        raise UnknownName("model", model.text, known) from None
    table = uploads.texts(model.name)
    if table is None:
        raise InvalidInput(
            f"Upload {model.name!r} has no texts, so it is no model: analyse it as a dataset, or add texts to it."
        )
    rows = {text: row for row, text in enumerate(table.texts)}
    if "image" not in _modalities(facts):
        return PrecomputedEncoder(_info(model, facts), rows, table.vectors)
    stored = uploads.get(model.name)
    if stored.embeddings is None or stored.embeddings.shape[1] != table.vectors.shape[1]:
        raise InvalidInput(
            f"Upload {model.name!r} has scenes of {facts.dim} numbers and texts of {facts.text_dim}: both sides of one "
            "model have the same length."
        )
    return PrecomputedReader(_info(model, facts), rows, table.vectors, stored.embeddings, stored.labels)


class PrecomputedEncoder:
    """Looks texts up."""

    def __init__(self, info: EncoderInfo, rows: Mapping[str, int], texts: NDArray[np.float32]) -> None:
        self.info = info
        self._rows, self._texts = rows, texts

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors [text, dim]. Raises InvalidInput that names the texts that were not uploaded."""
        missing = [text for text in texts if text not in self._rows]
        if missing:
            raise InvalidInput(
                f"{self.info.id!r} has no vector for {missing[0]!r}: upload the texts that the analysis asks about "
                "('bindscope texts' lists them)."
            )
        return self._texts[[self._rows[text] for text in texts]]

    def encode_images(self, images: Sequence[Picture | PreparedPicture]) -> Vectors:
        """Raises UnsupportedModality: what was not uploaded cannot be encoded."""
        raise UnsupportedModality("A precomputed model knows the scenes of its upload, not pixels.")


class PrecomputedReader(PrecomputedEncoder):
    """Looks scenes up as well: by their row of the upload, else the first row with the same objects in order."""

    def __init__(
        self,
        info: EncoderInfo,
        rows: Mapping[str, int],
        texts: NDArray[np.float32],
        scenes: NDArray[np.float32],
        labels: SceneLabels,
    ) -> None:
        super().__init__(info, rows, texts)
        self._scenes = scenes
        self._by_objects: dict[tuple[tuple[int, ...], ...], int] = {}
        for row, objects in enumerate(labels.scenes.tolist()):
            self._by_objects.setdefault(tuple(tuple(o) for o in objects), row)

    def encode_scenes(self, scenes: Sequence[Scene]) -> Vectors:
        """Vectors [scene, dim]. Raises InvalidInput for a scene that was not uploaded."""
        return self._scenes[[self._row(scene) for scene in scenes]]

    def _row(self, scene: Scene) -> int:
        own = self.info.id.partition(":")[2]
        if scene.origin is not None and scene.origin.dataset == own:
            return scene.origin.row
        row = self._by_objects.get(scene.values)
        if row is None:
            named = ", ".join(" ".join(scene.space.named(o).values()) for o in scene.values)
            raise InvalidInput(
                f"{self.info.id!r} has no vector for the scene {named!r}: ask about the scenes of its dataset {own!r}."
            )
        return row


def _modalities(facts: _Facts) -> tuple[Modality, ...]:
    return ("image", "text") if facts.kind == "vectors" else ("text",)


def _info(model: ModelId, facts: _Facts) -> EncoderInfo:
    return EncoderInfo(
        id=model.text,
        family="precomputed",
        modalities=_modalities(facts),
        dim=int(facts.text_dim or 0),
        fingerprint=Fingerprint(
            family="precomputed",
            weights=f"upload {facts.id}",
            architecture="table",
            preprocessing="uploaded",
            tokenizer="exact text",
            pooling="none",
            dtype="float32",
            code=_CODE_VERSION,
        ),
        preprocessing="uploaded",
        dtype="float32",
        device="cpu",
        pixels=None,
    )
