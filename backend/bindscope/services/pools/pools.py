"""The pool that a request names."""

from dataclasses import asdict

from bindscope.core.errors import InvalidInput
from bindscope.core.hashing import canonical_json, digest
from bindscope.encoders.protocol import Modality
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.scene import Scene
from bindscope.scenes.sources import ScenesRequest, SourceModel
from bindscope.scenes.wire import SceneModel, to_scene
from bindscope.services.embedder import Embedder
from bindscope.services.pools.drawn import DrawnPool
from bindscope.services.pools.pool import EmbeddedScenes, ScenePool
from bindscope.services.pools.uploaded import UploadedPool
from bindscope.services.recent import Recent
from bindscope.services.spaces import SpaceRepository
from bindscope.store.datasets import DatasetRepository

#: Pools whose arrays stay in memory, so that the pages' small questions need not gather them anew.
KEPT = 2


class ScenePools:
    """Knows the spaces and the uploads."""

    def __init__(self, embedder: Embedder, spaces: SpaceRepository, datasets: DatasetRepository) -> None:
        self.embedder = embedder
        self._spaces, self._datasets = spaces, datasets
        self._recent: Recent[EmbeddedScenes] = Recent(KEPT)

    def of(self, source: SourceModel) -> ScenePool:
        """The scenes of a source as its model sees or reads them, or as they were uploaded."""
        if source.dataset is not None:
            return self.uploaded(
                source.dataset,
                model=source.model,
                modality=source.modality or "image",
                template=source.template if source.model else "plain",
            )
        if source.space is None:
            raise InvalidInput("A source names a space or a dataset.")
        return self.drawn(
            source.space,
            model=source.model,
            modality=source.modality or "image",
            objects=source.objects,
            limit=source.limit,
            template=source.template,
        )

    def asked(self, asked: ScenesRequest, *, objects: int = 2, limit: int = 10_000) -> ScenePool:
        """The scenes of a question about both towers: ``limit`` of ``objects`` objects of a space at most, all of an
        upload."""
        if asked.dataset is not None:
            return self.uploaded(asked.dataset, template=asked.template)
        return self.drawn(asked.space, objects=objects, limit=limit, template=asked.template)

    def drawn(
        self,
        space: str,
        *,
        model: str | None = None,
        modality: Modality = "image",
        objects: int = 2,
        limit: int = 10_000,
        template: str = "plain",
    ) -> ScenePool:
        """Scenes of a concept space."""
        return DrawnPool(self.embedder, self._recent, model, modality, template, self._spaces, space, objects, limit)

    def uploaded(
        self, dataset: str, *, model: str | None = None, modality: Modality = "image", template: str = "plain"
    ) -> ScenePool:
        """Scenes of an upload."""
        return UploadedPool(self.embedder, self._recent, model, modality, template, self._datasets, dataset)

    def values_of(self, space: ConceptSpace, *models: str) -> str:
        """A name for the values of a space together with models."""
        prints = [self.embedder.models.info(model).fingerprint.digest for model in models]
        return digest(canonical_json([prints, asdict(space)]))

    def scene(self, wire: SceneModel) -> Scene:
        """The scene that a request describes, or the row of an upload that it names. Raises UnknownName,
        InvalidInput."""
        if wire.dataset is None:
            return to_scene(wire, self._spaces.get(wire.space))
        pool = self.uploaded(wire.dataset)
        if wire.row is not None:
            return pool.scenes([wire.row])[0]
        space: ConceptSpace = pool.space
        return pool.find([space.index(obj.values) for obj in wire.objects])
