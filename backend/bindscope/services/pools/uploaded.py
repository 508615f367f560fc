"""Scenes of an upload: with vectors of their own, or with pictures and captions that a model sees and reads."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Pairs
from bindscope.core.errors import InvalidInput, PayloadTooLarge, UnsupportedModality
from bindscope.core.hashing import canonical_json, digest
from bindscope.encoders.protocol import EncoderInfo
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.contests import MOST_TWINS
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.scene import MAX_OBJECTS, Origin, Scene, scene_in_slots
from bindscope.services.pools.pool import MAX_NUMBERS, EmbeddedScenes, Progress, ScenePool
from bindscope.services.provenance import dataset_provenance, provenance
from bindscope.store.datasets import Dataset, DatasetRepository

#: Pictures that are embedded between two reports.
PICTURES = 128


@dataclass(frozen=True, eq=False)
class UploadedPool(ScenePool):
    """``model`` None: the upload's own vectors."""

    datasets: DatasetRepository
    id: str

    def pictures_of(self, model: str) -> Self:
        own = self.datasets.facts(self.id).kind != "pictures"
        return replace(self, model=None if own else model, modality="image")

    @property
    def title(self) -> str:
        return f"dataset {self.id}"

    @property
    def space(self) -> ConceptSpace:
        space = self.datasets.facts(self.id).space
        if space is None:
            raise InvalidInput(f"Upload {self.id!r} has no names for its values: choose its space when you upload it.")
        return space

    @property
    def dataset(self) -> str | None:
        return self.id

    def fields(self) -> Mapping[str, Any]:
        if self.model is None:
            return {"dataset": self.id}
        return {"dataset": self.id, "model": self.model, "modality": self.modality, "template": self.template}

    def contents(self, *models: str) -> str:
        prints = [self.embedder.models.info(model).fingerprint.digest for model in models]
        facts = self.datasets.facts(self.id)
        return digest(canonical_json([prints, facts.id, None if facts.space is None else asdict(facts.space)]))

    def sample(
        self, info: EncoderInfo, *, count: int, seed: int, objects: int, layout: str, only_valid_swaps: bool
    ) -> list[Scene]:
        stored = self.datasets.get(self.id)
        kind = self.datasets.facts(self.id).kind
        if info.reads("image") and kind != "pictures" and info.id != f"precomputed:{self.id}":
            ask = f"ask model 'precomputed:{self.id}'" if self.datasets.facts(self.id).texts else "upload pictures"
            raise InvalidInput(f"Upload {self.id!r} holds vectors, no pictures: {ask}.")
        able = np.flatnonzero(stored.labels.has_valid_swap) if only_valid_swaps else np.arange(len(stored.labels))
        if not len(able):
            raise InvalidInput(f"No scene of upload {self.id!r} has a valid swap: there is nothing to confuse.")
        rows = able[np.sort(np.random.default_rng(seed).permutation(len(able))[:count])]
        return self._scenes_of(stored, rows.tolist())

    def twins(self, scenes: Sequence[Scene], *, seed: int) -> list[Scene]:
        """One for each pairing that ``scenes`` do not show; at most ``MOST_TWINS`` for each scene."""
        stored = self.datasets.get(self.id)
        pairs = Pairs.of(stored.labels)
        own = np.unique(pairs.pairing[[scene.origin.row for scene in scenes if scene.origin is not None]])
        goals = np.setdiff1d(pairs.goal[np.isin(pairs.source, own) & (pairs.goal >= 0)], own)
        goals = np.random.default_rng(seed).permutation(goals)[: MOST_TWINS * len(scenes)]
        _, first = np.unique(pairs.pairing, return_index=True)
        return self._scenes_of(stored, np.sort(first[goals]).tolist())

    def scenes(self, rows: Sequence[int] | None = None) -> list[Scene]:
        return self._scenes_of(self.datasets.get(self.id), rows)

    def _scenes_of(self, stored: Dataset, rows: Sequence[int] | None) -> list[Scene]:
        if stored.space is None:
            raise InvalidInput(
                f"Upload {self.id!r} has no names for its values, so there are no captions: upload it with value_names "
                "or choose its concept space."
            )
        if stored.labels.slots > MAX_OBJECTS:
            raise InvalidInput(f"Upload {self.id!r} has {stored.labels.slots} objects a scene: at most {MAX_OBJECTS}.")
        wanted = range(len(stored.labels)) if rows is None else rows
        if rows is not None and any(row >= len(stored.labels) for row in rows):
            raise InvalidInput(
                f"Upload {self.id!r} has {len(stored.labels)} scenes, numbered from 0: there is no row {max(rows)}."
            )
        listed = stored.labels.scenes[np.array(wanted, dtype=np.int64)].tolist()
        return [
            scene_in_slots(stored.space, [tuple(o) for o in objects], Origin(self.id, row))
            for row, objects in zip(wanted, listed, strict=True)
        ]

    def find(self, objects: Sequence[tuple[int, ...]]) -> Scene:
        """The first scene with these objects in this order."""
        space, stored = self.space, self.datasets.get(self.id)
        if len(objects) == stored.labels.slots:
            rows = np.flatnonzero((stored.labels.scenes == np.array(objects)).all((1, 2)))
            if len(rows):
                return self._scenes_of(stored, [int(rows[0])])[0]
        named = ", ".join(" ".join(space.named(o).values()) for o in objects)
        raise InvalidInput(f"Upload {self.id!r} has no picture of the scene {named!r}: choose objects that it shows.")

    def counterfactual(self, objects: Sequence[tuple[int, ...]]) -> Scene:
        return self.find(objects) if self.modality == "image" else scene_in_slots(self.space, objects)

    def check(self, scene: Scene) -> None:
        if scene.origin is None or scene.origin.dataset != self.id:
            raise InvalidInput("The source is an upload: ask about one of its own scenes.")

    def digest(self) -> str:
        facts = self.datasets.facts(self.id)
        Captioner(self.template)
        if self.model is None:
            if facts.kind == "pictures":
                raise InvalidInput(f"Upload {facts.id!r} holds pictures: name the model that is to see them.")
            return facts.id
        info = self.embedder.models.info(self.model)
        if not info.reads(self.modality):
            raise UnsupportedModality(f"Model {self.model!r} reads no {self.modality}: choose the other modality.")
        if self.modality == "image" and facts.kind != "pictures" and self.model != f"precomputed:{facts.id}":
            raise InvalidInput(f"Upload {facts.id!r} holds vectors, no pictures: leave the model out.")
        if facts.scenes * info.dim > MAX_NUMBERS:
            raise PayloadTooLarge(f"{facts.scenes:,} scenes of {info.dim} numbers are too many: upload fewer.")
        parts = [facts.id, info.fingerprint.digest, self.modality, self.template]
        return digest(canonical_json(parts))

    def _embedded(self, digest: str, progress: Progress | None) -> EmbeddedScenes:
        stored = self.datasets.get(self.id)
        if self.model is None:
            if stored.embeddings is None:
                raise InvalidInput(f"Upload {stored.id!r} holds pictures: name the model that is to see them.")
            return EmbeddedScenes(stored.embeddings, stored.labels, digest, dataset_provenance(digest), stored.space)
        scenes = self._scenes_of(stored, None)
        parts: list[NDArray[np.float32]] = []
        for start in range(0, len(scenes), PICTURES):
            if progress is not None:
                progress(start, len(scenes))
            parts.append(self.vectors_of(scenes[start : start + PICTURES]))
        info = self.embedder.models.info(self.model)
        made = provenance(info, space=scenes[0].space.name, template=self.template, dataset=self.id)
        return EmbeddedScenes(np.concatenate(parts), stored.labels, digest, made, stored.space)

    def singles(self) -> tuple[NDArray[np.float32], SceneLabels] | None:
        return None

    @property
    def can_draw(self) -> bool:
        return False

    def drawn(self, labels: SceneLabels) -> NDArray[np.float32]:
        raise InvalidInput(f"Upload {self.id!r} has the scenes that it has: no others can be drawn.")

    def _shown(self, scene: Scene) -> Scene:
        if scene.origin is not None:
            return scene
        if scene.space.concepts != self.space.concepts:
            raise InvalidInput(
                f"Upload {self.id!r} has scenes of space {self.space.name!r}, this one is of {scene.space.name!r}: "
                "choose objects of the upload."
            )
        return self.find(scene.values)
