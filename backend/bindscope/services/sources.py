"""Sources of the analyses: embeddings with labels, from a model on a space or from an upload."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Pairs
from bindscope.core.errors import Conflict, InvalidInput, PayloadTooLarge, UnsupportedModality
from bindscope.core.hashing import canonical_json, digest
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.contests import MOST_TWINS
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.render import RENDERER_VERSION
from bindscope.scenes.scene import MAX_OBJECTS, Origin, Scene, scene_in_slots
from bindscope.services.embedder import Embedder
from bindscope.services.provenance import Provenance, dataset_provenance, provenance
from bindscope.services.spaces import SpaceRepository
from bindscope.store.datasets import Dataset, DatasetRepository

#: Called with the number of scenes that are embedded so far, and of all; may raise to stop.
Progress = Callable[[int, int], None]

CHUNK = 1024
#: Pictures of an upload that are embedded between two reports.
PICTURES = 128
_MOST_NUMBERED = 2**62
#: Sources whose arrays stay in memory, so that the pages' small questions need not gather them anew.
KEPT = 2
#: Most numbers of one source: 1 GiB of float32, several times that while it is analysed.
MAX_NUMBERS = 2**28


@dataclass(frozen=True)
class ModelSource:
    """All ordered scenes of ``objects`` objects of a space, or a seeded sample of ``limit``, as a model embeds them."""

    model: str
    space: str
    modality: Literal["image", "text"]
    objects: int = 2
    limit: int = 10_000
    template: str = "plain"


@dataclass(frozen=True)
class DatasetSource:
    """An upload: its own vectors, or with ``model`` its pictures as that model sees them, or (``modality`` text) the
    captions of its scenes as the model reads them."""

    dataset: str
    model: str | None = None
    modality: Literal["image", "text"] = "image"
    template: str = "plain"


def fields_of(source: ModelSource | DatasetSource) -> dict[str, Any]:
    """A source as plain JSON: ``ModelSource(**fields)`` or ``DatasetSource(**fields)`` gives it back."""
    if isinstance(source, DatasetSource) and source.model is None:
        return {"dataset": source.dataset}
    return asdict(source)


@dataclass(frozen=True, eq=False)
class SourceData:
    """``digest`` names the numbers: equal digests, equal arrays. ``space`` is None for uploads that name no values."""

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


class Sources:
    """Turns a source into arrays, through the cache."""

    def __init__(self, embedder: Embedder, spaces: SpaceRepository, datasets: DatasetRepository) -> None:
        self.embedder = embedder
        self._spaces = spaces
        self._datasets = datasets
        self._lock = threading.Lock()
        self._recent: dict[str, SourceData] = {}

    def digest(self, source: ModelSource | DatasetSource) -> str:
        """A name for the source's numbers, without computing them. Raises UnknownName, UnsupportedModality."""
        if isinstance(source, DatasetSource):
            return self._dataset_digest(source)
        space = self._checked(source)
        info = self.embedder.models.info(source.model)
        concepts = [[c.name, list(c.values)] for c in space.concepts]
        parts = [info.fingerprint.digest, concepts, space.phrase, source.modality, source.objects, source.limit]
        parts += [list(space.articles)] if space.articles else []
        parts += [source.template, RENDERER_VERSION if source.modality == "image" else ""]
        return digest(canonical_json(parts))

    def resolve(self, source: ModelSource | DatasetSource, *, progress: Progress | None = None) -> SourceData:
        """``progress(done, total)`` hears of each chunk of scenes.

        Raises UnknownName, UnsupportedModality, InvalidInput, PayloadTooLarge, Conflict.
        """
        digest = self.digest(source)
        with self._lock:
            kept = self._recent.get(digest)
        if kept is not None:
            return kept
        data = self._resolved(source, digest, progress)
        if self.digest(source) != digest:
            raise Conflict("The space or the model changed while its scenes were embedded: ask again.")
        with self._lock:
            self._recent[digest] = data
            while len(self._recent) > KEPT:
                self._recent.pop(next(iter(self._recent)))
        return data

    def _resolved(self, source: ModelSource | DatasetSource, digest: str, progress: Progress | None) -> SourceData:
        if isinstance(source, DatasetSource):
            return self._uploaded(source, digest, progress)
        space = self._spaces.get(source.space)
        labels = SceneLabels(scene_labels(space, source.objects, limit=source.limit), space.values, space.names)
        embeddings = self.embed(source, labels, progress=progress)
        made = provenance(self.embedder.models.info(source.model), space=space.name, template=source.template, seed=0)
        return SourceData(embeddings, labels, digest, made, space)

    def scenes(self, dataset: str, rows: Sequence[int] | None = None) -> list[Scene]:
        """Some or all scenes of an upload with their origin. Raises UnknownName; InvalidInput where its values have no
        names or there is no such row."""
        return self._scenes_of(self._datasets.get(dataset), rows)

    def _scenes_of(self, stored: Dataset, rows: Sequence[int] | None) -> list[Scene]:
        dataset = stored.id
        if stored.space is None:
            raise InvalidInput(
                f"Upload {dataset!r} has no names for its values, so there are no captions: upload it with value_names "
                "or choose its concept space."
            )
        if stored.labels.slots > MAX_OBJECTS:
            raise InvalidInput(f"Upload {dataset!r} has {stored.labels.slots} objects a scene: at most {MAX_OBJECTS}.")
        wanted = range(len(stored.labels)) if rows is None else rows
        if rows is not None and any(row >= len(stored.labels) for row in rows):
            raise InvalidInput(
                f"Upload {dataset!r} has {len(stored.labels)} scenes, numbered from 0: there is no row {max(rows)}."
            )
        listed = stored.labels.scenes[np.array(wanted, dtype=np.int64)].tolist()
        return [
            scene_in_slots(stored.space, [tuple(o) for o in objects], Origin(dataset, row))
            for row, objects in zip(wanted, listed, strict=True)
        ]

    def sample(self, dataset: str, model: str, *, count: int, seed: int, only_valid_swaps: bool) -> list[Scene]:
        """A seeded sample of an upload's scenes, in their order, that ``model`` can be asked about. Raises UnknownName,
        InvalidInput."""
        stored = self._datasets.get(dataset)
        info = self.embedder.models.info(model)
        kind = self._datasets.facts(dataset).kind
        if info.reads("image") and kind != "pictures" and model != f"precomputed:{dataset}":
            raise InvalidInput(f"Upload {dataset!r} holds vectors, no pictures: ask model 'precomputed:{dataset}'.")
        able = np.flatnonzero(stored.labels.has_valid_swap) if only_valid_swaps else np.arange(len(stored.labels))
        if not len(able):
            raise InvalidInput(f"No scene of upload {dataset!r} has a valid swap: there is nothing to confuse.")
        rows = able[np.sort(np.random.default_rng(seed).permutation(len(able))[:count])]
        return self._scenes_of(stored, rows.tolist())

    def twins(self, dataset: str, scenes: Sequence[Scene], *, seed: int) -> list[Scene]:
        """Scenes of an upload that one exchange turns some of its ``scenes`` into, one for each pairing that these do
        not show themselves: at most ``MOST_TWINS`` for each scene, drawn by ``seed``."""
        stored = self._datasets.get(dataset)
        pairs = Pairs.of(stored.labels)
        own = np.unique(pairs.pairing[[scene.origin.row for scene in scenes if scene.origin is not None]])
        goals = np.setdiff1d(pairs.goal[np.isin(pairs.source, own) & (pairs.goal >= 0)], own)
        goals = np.random.default_rng(seed).permutation(goals)[: MOST_TWINS * len(scenes)]
        _, first = np.unique(pairs.pairing, return_index=True)
        return self._scenes_of(stored, np.sort(first[goals]).tolist())

    def like(self, dataset: str, objects: Sequence[tuple[int, ...]]) -> Scene:
        """The first scene of an upload with these objects in this order. Raises UnknownName, InvalidInput."""
        space = self.space_of(dataset)
        stored = self._datasets.get(dataset)
        if len(objects) == stored.labels.slots:
            rows = np.flatnonzero((stored.labels.scenes == np.array(objects)).all((1, 2)))
            if len(rows):
                return self._scenes_of(stored, [int(rows[0])])[0]
        named = ", ".join(" ".join(space.named(o).values()) for o in objects)
        raise InvalidInput(f"Upload {dataset!r} has no picture of the scene {named!r}: choose objects that it shows.")

    def space_of(self, dataset: str) -> ConceptSpace:
        """The concept space of an upload. Raises UnknownName, InvalidInput where its values have no names."""
        space = self._datasets.facts(dataset).space
        if space is None:
            raise InvalidInput(f"Upload {dataset!r} has no names for its values: choose its space when you upload it.")
        return space

    def seen_by(self, dataset: str, model: str) -> DatasetSource:
        """The upload as the image side of ``model``: its pictures, or the vectors as they are."""
        pictures = self._datasets.facts(dataset).kind == "pictures"
        return DatasetSource(dataset, model if pictures else None)

    def _dataset_digest(self, source: DatasetSource) -> str:
        facts = self._datasets.facts(source.dataset)
        Captioner(source.template)
        if source.model is None:
            if facts.kind == "pictures":
                raise InvalidInput(f"Upload {facts.id!r} holds pictures: name the model that is to see them.")
            return facts.id
        info = self.embedder.models.info(source.model)
        if not info.reads(source.modality):
            raise UnsupportedModality(f"Model {source.model!r} reads no {source.modality}: choose the other modality.")
        if source.modality == "image" and facts.kind != "pictures" and source.model != f"precomputed:{facts.id}":
            raise InvalidInput(f"Upload {facts.id!r} holds vectors, no pictures: leave the model out.")
        if facts.scenes * info.dim > MAX_NUMBERS:
            raise PayloadTooLarge(f"{facts.scenes:,} scenes of {info.dim} numbers are too many: upload fewer.")
        parts = [facts.id, info.fingerprint.digest, source.modality, source.template]
        return digest(canonical_json(parts))

    def _uploaded(self, source: DatasetSource, digest: str, progress: Progress | None) -> SourceData:
        stored = self._datasets.get(source.dataset)
        if source.model is None:
            if stored.embeddings is None:
                raise InvalidInput(f"Upload {stored.id!r} holds pictures: name the model that is to see them.")
            made = dataset_provenance(digest)
            return SourceData(stored.embeddings, stored.labels, digest, made, stored.space)
        scenes = self._scenes_of(stored, None)
        captioner = Captioner(source.template)
        parts: list[NDArray[np.float32]] = []
        for start in range(0, len(scenes), PICTURES):
            if progress is not None:
                progress(start, len(scenes))
            part = scenes[start : start + PICTURES]
            if source.modality == "text":
                texts = [captioner.caption(scene.space, scene.values) for scene in part]
                parts.append(self.embedder.texts(source.model, texts).vectors)
            else:
                parts.append(self.embedder.scenes(source.model, part).vectors)
        info = self.embedder.models.info(source.model)
        made = provenance(info, space=scenes[0].space.name, template=source.template, dataset=source.dataset)
        return SourceData(np.concatenate(parts), stored.labels, digest, made, stored.space)

    def vector_of(self, source: ModelSource | DatasetSource, scene: Scene) -> NDArray[np.float32]:
        """The vector [1, dim] of one scene as the source would show or say it. Raises InvalidInput."""
        if source.model is None:
            raise InvalidInput("Vectors that were uploaded alone have no model to ask about another scene.")
        if source.modality == "text":
            caption = Captioner(source.template).caption(scene.space, scene.values)
            return self.embedder.texts(source.model, [caption]).vectors
        if isinstance(source, DatasetSource) and scene.origin is None:
            scene = self.like(source.dataset, scene.values)
        return self.embedder.scenes(source.model, [scene]).vectors

    def singles(self, source: ModelSource | DatasetSource) -> tuple[NDArray[np.float32], SceneLabels] | None:
        """Every object alone, for the ``single`` estimator; None for uploads."""
        if isinstance(source, DatasetSource):
            return None
        space = self._spaces.get(source.space)
        alone = values_of(np.arange(space.object_count, dtype=np.int64), space)[:, None]
        labels = SceneLabels(alone, space.values, space.names)
        return self.embed(source, labels), labels

    def embed(
        self, source: ModelSource, labels: SceneLabels, *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Vectors [scene, dim] of labelled scenes of the source's space, drawn in slots or said in order."""
        space = self._spaces.get(source.space)
        parts: list[NDArray[np.float32]] = []
        for start in range(0, len(labels), CHUNK):
            if progress is not None:
                progress(start, len(labels))
            rows = labels.scenes[start : start + CHUNK].tolist()
            objects = [[tuple(o) for o in row] for row in rows]
            if source.modality == "text":
                captioner = Captioner(source.template)
                texts = [captioner.caption(space, scene) for scene in objects]
                parts.append(self.embedder.texts(source.model, texts).vectors)
            else:
                parts.append(self.embedder.scenes(source.model, placed(space, objects)).vectors)
        return np.concatenate(parts)

    def _checked(self, source: ModelSource) -> ConceptSpace:
        space = self._spaces.get(source.space)
        Captioner(source.template)
        info = self.embedder.models.info(source.model)
        if not info.reads(source.modality):
            can = " and ".join(info.modalities)
            raise UnsupportedModality(f"Model {source.model!r} reads {can} only: choose that modality.")
        if source.modality == "image" and info.pixels is not None and not space.renderable:
            raise InvalidInput(f"Space {space.name!r} cannot be drawn: choose modality text or another space.")
        scenes = min(source.limit, prod([space.object_count] * source.objects))
        if scenes * info.dim > MAX_NUMBERS:
            raise PayloadTooLarge(
                f"{scenes:,} scenes of {info.dim} numbers are too many: "
                f"ask for a limit of at most {MAX_NUMBERS // info.dim:,}."
            )
        return space


def scene_labels(space: ConceptSpace, objects: int, *, limit: int) -> NDArray[np.int64]:
    """Value indices [scene, object, concept] of all ordered tuples, first object slowest, or a seeded sample."""
    total = prod([space.object_count] * objects)
    if total <= limit:
        numbers = np.arange(total, dtype=np.int64)
    elif total > _MOST_NUMBERED:
        # Too many scenes to number them; two equal ones among so many are as good as impossible.
        drawn = np.random.default_rng(0).integers(0, space.object_count, size=(limit, objects), dtype=np.int64)
        return values_of(drawn, space)
    else:
        rng = np.random.default_rng(0)
        numbers = np.unique(rng.integers(0, total, size=limit, dtype=np.int64))
        while len(numbers) < limit:
            more = rng.integers(0, total, size=limit - len(numbers), dtype=np.int64)
            numbers = np.unique(np.concatenate([numbers, more]))
    ids = np.stack(np.unravel_index(numbers, [space.object_count] * objects), axis=1)
    return values_of(ids, space)


def needed_texts(space: ConceptSpace, *, objects: int, template: str, limit: int) -> list[str]:
    """Captions of all ordered scenes of ``objects`` objects, then one query for each object and concept value.

    Raises PayloadTooLarge for more than ``limit``.
    """
    captioner = Captioner(template)
    count = prod([space.object_count] * objects)
    if count + space.object_count > limit:
        raise PayloadTooLarge(
            f"Space {space.name!r} has {count:,} ordered scenes of {objects} objects: ask for a limit of that many, or "
            "for fewer objects."
        )
    rows = scene_labels(space, objects, limit=count).tolist()
    texts = [captioner.caption(space, [tuple(o) for o in row]) for row in rows]
    texts += [captioner.object_query(space, o) for o in space.objects()]
    texts += [captioner.concept_query(space, k, v) for k, size in enumerate(space.values) for v in range(size)]
    return list(dict.fromkeys(texts))


def values_of(ids: NDArray[np.int64], space: ConceptSpace) -> NDArray[np.int64]:
    """Value indices [..., concept] of object ids, the last concept fastest."""
    return np.stack(np.unravel_index(ids, space.values), axis=-1).astype(np.int64)


def placed(space: ConceptSpace, objects: Sequence[Sequence[tuple[int, ...]]]) -> list[Scene]:
    """Scenes with their objects in slots from left to right."""
    return [scene_in_slots(space, scene) for scene in objects]
