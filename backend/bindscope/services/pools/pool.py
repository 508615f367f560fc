"""A pool of labelled scenes, as one tower of a model sees or reads them where a model is named."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput
from bindscope.core.wire import Provenance
from bindscope.encoders.protocol import EncoderInfo, Modality
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.scene import Scene
from bindscope.services.embedder import Embedder
from bindscope.services.provenance import provenance
from bindscope.services.recent import Recent

#: Called with the number of scenes that are embedded so far, and of all; may raise to stop.
Progress = Callable[[int, int], None]
#: Scenes that are embedded between two reports.
CHUNK = 1024
#: Most numbers of one pool: 1 GiB of float32, several times that while it is analysed.
MAX_NUMBERS = 2**28


@dataclass(frozen=True, eq=False)
class EmbeddedScenes:
    """Vectors [scene, dim] with their labels. ``digest`` names the numbers: equal digests, equal arrays. ``space`` is
    None for uploads that name no values."""

    embeddings: NDArray[np.float32]
    labels: SceneLabels
    digest: str
    provenance: Provenance
    space: ConceptSpace | None

    def value_names(self, concept: int) -> tuple[str, ...]:
        """Names of a concept's values; numbers for uploads."""
        if self.space is not None:
            return self.space.concepts[concept].values
        return tuple(str(i) for i in range(self.labels.values[concept]))

    def made_with(self, seed: int | None) -> Provenance:
        """The provenance of a result of an analysis with this seed."""
        return self.provenance.model_copy(update={"seed": seed})


@dataclass(frozen=True, eq=False)
class ScenePool(ABC):
    """Scenes with their labels. ``model`` and ``modality`` say who sees (image) or reads (text) them, in the words of
    ``template``; without a model the scenes can be listed and sampled, and an upload has vectors of its own.

    Every method raises UnknownName for a space, upload or model that does not exist.
    """

    embedder: Embedder
    recent: Recent[EmbeddedScenes]
    model: str | None
    modality: Modality
    template: str

    def seen_by(self, model: str, modality: Modality = "image") -> Self:
        """The same scenes as another tower or another model sees or reads them."""
        return replace(self, model=model, modality=modality)

    def pictures_of(self, model: str) -> Self:
        """The same scenes on the picture side of ``model``: vectors that were uploaded alone stand for what it saw."""
        return self.seen_by(model)

    # What it is

    @property
    @abstractmethod
    def title(self) -> str:
        """How people call it, in a line."""

    @property
    @abstractmethod
    def space(self) -> ConceptSpace:
        """The concepts and their values. Raises InvalidInput for an upload without names."""

    @property
    @abstractmethod
    def dataset(self) -> str | None:
        """The upload that the scenes come from, for provenance and links."""

    @abstractmethod
    def fields(self) -> Mapping[str, Any]:
        """The source in its wire form."""

    def provenance(self, info: EncoderInfo, *, seed: int | None) -> Provenance:
        """Of a result about these scenes."""
        return provenance(info, space=self.space.name, template=self.template, seed=seed, dataset=self.dataset)

    @abstractmethod
    def contents(self, *models: str) -> str:
        """A name for the scenes and their values together with models, without computing anything."""

    # Scenes

    @abstractmethod
    def sample(
        self, info: EncoderInfo, *, count: int, seed: int, objects: int, layout: str, only_valid_swaps: bool
    ) -> list[Scene]:
        """``count`` seeded scenes that the model can be asked about: of ``objects`` objects and with random places
        where they are drawn, those that there are, each once, in an upload. Raises InvalidInput."""

    @abstractmethod
    def twins(self, scenes: Sequence[Scene], *, seed: int) -> list[Scene]:
        """Scenes that one valid exchange of values turns ``scenes`` into: drawn in the same places, or those that an
        upload shows and that are not among ``scenes``."""

    @abstractmethod
    def scenes(self, rows: Sequence[int] | None = None) -> list[Scene]:
        """Some or all scenes of ``embedded``, in its order. Raises InvalidInput."""

    @abstractmethod
    def find(self, objects: Sequence[tuple[int, ...]]) -> Scene:
        """The scene with these objects in this order. Raises InvalidInput where an upload has none."""

    def counterfactual(self, objects: Sequence[tuple[int, ...]]) -> Scene:
        """A scene with these objects that this side can be asked about. Raises InvalidInput where there is none."""
        return self.find(objects)

    @abstractmethod
    def check(self, scene: Scene) -> None:
        """Raises InvalidInput for a scene that is none of the pool's."""

    # Vectors

    @abstractmethod
    def digest(self) -> str:
        """A name for the numbers, without computing them. Raises UnsupportedModality, InvalidInput, PayloadTooLarge."""

    def embedded(self, progress: Progress | None = None) -> EmbeddedScenes:
        """All scenes with their vectors. Raises as ``digest``, and Conflict where the space changes meanwhile."""
        return self.recent.read_through(self.digest, lambda digest: self._embedded(digest, progress))

    @abstractmethod
    def _embedded(self, digest: str, progress: Progress | None) -> EmbeddedScenes: ...

    @abstractmethod
    def singles(self) -> tuple[NDArray[np.float32], SceneLabels] | None:
        """Vectors of every object alone, for the ``single`` estimator; None for an upload."""

    @abstractmethod
    def drawn(self, labels: SceneLabels) -> NDArray[np.float32]:
        """Vectors [scene, dim] of freely chosen scenes in slots. Raises InvalidInput unless ``can_draw``."""

    @property
    @abstractmethod
    def can_draw(self) -> bool:
        """Whether any scene of the space can be made, not only those that are there."""

    def vectors_of(self, scenes: Sequence[Scene]) -> NDArray[np.float32]:
        """Vectors [scene, dim] of other scenes as this side sees or reads them. Raises InvalidInput without a model."""
        model = self.asked_model()
        if self.modality == "text":
            captioner = Captioner(self.template)
            return self.embedder.texts(model, [captioner.caption(s.space, s.values) for s in scenes]).vectors
        return self.embedder.scenes(model, [self._shown(scene) for scene in scenes]).vectors

    def asked_model(self) -> str:
        """The model. Raises InvalidInput for vectors that were uploaded alone."""
        if self.model is None:
            raise InvalidInput("A single scene can be asked about on a model, not on vectors that were uploaded alone.")
        return self.model

    def _shown(self, scene: Scene) -> Scene:
        return scene
