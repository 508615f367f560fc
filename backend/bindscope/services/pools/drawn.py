"""Scenes that are drawn, or said, from a concept space."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput, PayloadTooLarge, UnsupportedModality
from bindscope.core.hashing import canonical_json, digest
from bindscope.encoders.protocol import EncoderInfo
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.contests import twins_of
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.ordered import in_slots, scene_labels, single_objects
from bindscope.scenes.render import RENDERER_VERSION
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import Scene, scene_in_slots
from bindscope.services.pools.pool import CHUNK, MAX_NUMBERS, EmbeddedScenes, Progress, ScenePool
from bindscope.services.provenance import provenance
from bindscope.services.spaces import SpaceRepository


@dataclass(frozen=True, eq=False)
class DrawnPool(ScenePool):
    """All ordered scenes of ``objects`` objects of a space, or a seeded sample of ``limit``."""

    spaces: SpaceRepository
    name: str
    objects: int
    limit: int

    @property
    def title(self) -> str:
        return self.name

    @property
    def space(self) -> ConceptSpace:
        return self.spaces.get(self.name)

    @property
    def dataset(self) -> str | None:
        return None

    def fields(self) -> Mapping[str, Any]:
        return {
            "model": self.model,
            "space": self.name,
            "modality": self.modality,
            "objects": self.objects,
            "limit": self.limit,
            "template": self.template,
        }

    def contents(self, *models: str) -> str:
        prints = [self.embedder.models.info(model).fingerprint.digest for model in models]
        return digest(canonical_json([prints, asdict(self.space)]))

    def sample(
        self, info: EncoderInfo, *, count: int, seed: int, objects: int, layout: str, only_valid_swaps: bool
    ) -> list[Scene]:
        space = self.space
        self._check_drawable(info, space)
        places = layout if space.renderable else "slots"
        return sample_scenes(space, count, seed=seed, objects=objects, layout=places, only_valid_swaps=only_valid_swaps)

    def twins(self, scenes: Sequence[Scene], *, seed: int) -> list[Scene]:
        return [twin for own in twins_of(scenes, seed=seed) for twin in own]

    def scenes(self, rows: Sequence[int] | None = None) -> list[Scene]:
        listed = scene_labels(self.space, self.objects, limit=self.limit).scenes
        chosen = listed if rows is None else listed[np.array(rows, dtype=np.int64)]
        return in_slots(self.space, [[tuple(o) for o in row] for row in chosen.tolist()])

    def find(self, objects: Sequence[tuple[int, ...]]) -> Scene:
        return scene_in_slots(self.space, objects)

    def check(self, scene: Scene) -> None:
        if scene.space.name != self.name or len(scene.objects) != self.objects:
            raise InvalidInput(
                f"The source has scenes of {self.objects} objects of space {self.name!r}, this scene has "
                f"{len(scene.objects)} of {scene.space.name!r}: make them alike."
            )

    def digest(self) -> str:
        space = self.space
        Captioner(self.template)
        info = self.embedder.models.info(self.asked_model())
        self._check_side(info, space)
        concepts = [[c.name, list(c.values)] for c in space.concepts]
        parts = [info.fingerprint.digest, concepts, space.phrase, self.modality, self.objects, self.limit]
        parts += [list(space.articles)] if space.articles else []
        parts += [self.template, RENDERER_VERSION if self.modality == "image" else ""]
        return digest(canonical_json(parts))

    def _check_side(self, info: EncoderInfo, space: ConceptSpace) -> None:
        if not info.reads(self.modality):
            can = " and ".join(info.modalities)
            raise UnsupportedModality(f"Model {self.model!r} reads {can} only: choose that modality.")
        if self.modality == "image":
            self._check_drawable(info, space)
        scenes = min(self.limit, prod([space.object_count] * self.objects))
        if scenes * info.dim > MAX_NUMBERS:
            raise PayloadTooLarge(
                f"{scenes:,} scenes of {info.dim} numbers are too many: "
                f"ask for a limit of at most {MAX_NUMBERS // info.dim:,}."
            )

    def _check_drawable(self, info: EncoderInfo, space: ConceptSpace) -> None:
        if info.pixels is not None and not space.renderable:
            raise InvalidInput(
                f"Space {space.name!r} cannot be drawn: choose modality text, a text-only model or another space."
            )

    def _embedded(self, digest: str, progress: Progress | None) -> EmbeddedScenes:
        space = self.space
        labels = scene_labels(space, self.objects, limit=self.limit)
        vectors = self._vectors(labels, progress)
        info = self.embedder.models.info(self.asked_model())
        made = provenance(info, space=space.name, template=self.template, seed=0)
        return EmbeddedScenes(vectors, labels, digest, made, space)

    def singles(self) -> tuple[NDArray[np.float32], SceneLabels] | None:
        labels = single_objects(self.space)
        return self._vectors(labels), labels

    @property
    def can_draw(self) -> bool:
        return True

    def drawn(self, labels: SceneLabels) -> NDArray[np.float32]:
        return self._vectors(labels)

    def _vectors(self, labels: SceneLabels, progress: Progress | None = None) -> NDArray[np.float32]:
        space = self.space
        parts: list[NDArray[np.float32]] = []
        for start in range(0, len(labels), CHUNK):
            if progress is not None:
                progress(start, len(labels))
            rows = labels.scenes[start : start + CHUNK].tolist()
            parts.append(self.vectors_of(in_slots(space, [[tuple(o) for o in row] for row in rows])))
        return np.concatenate(parts)
