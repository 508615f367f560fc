"""Texts, scenes and pictures to vectors, through the cache and the model's queue."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.core import cancellation
from bindscope.core.errors import InvalidInput, UnsupportedModality
from bindscope.encoders.batching import BatchingQueue
from bindscope.encoders.passes import Item, Kind
from bindscope.encoders.protocol import EncoderInfo, Picture, PicturePreparer, SceneReader, Vectors
from bindscope.scenes.render import RENDERER_VERSION, render_many
from bindscope.scenes.scene import Origin, Scene
from bindscope.services.model_pool import ModelPool
from bindscope.store.cache import EmbeddingCache
from bindscope.store.keys import EmbeddingKey, pixels_key, scene_key, text_key

#: Pictures of one request that are ready for the model, or drawn for it, at once.
PREPARED, _DRAWN = 64, 512

Control = Literal["none", "shuffled_pixels", "blank"]
#: One or more inputs, all of one kind.
Inputs = Sequence[str] | Sequence[Scene] | Sequence[Picture]
#: Pictures of uploaded scenes, in order.
UploadedPictures = Callable[[Sequence[Origin]], Iterator[Picture]]


@dataclass(frozen=True)
class Embedded:
    """Vectors [item, dim], how many came from the cache, and what made them."""

    vectors: Vectors
    cached: int
    info: EncoderInfo


class Embedder:
    """Joins models and cache. A hit is answered without rendering or encoding."""

    def __init__(
        self,
        models: ModelPool,
        cache: EmbeddingCache,
        pool: Executor | None = None,
        *,
        uploaded: "UploadedPictures | None" = None,
    ) -> None:
        self.models = models
        self._cache = cache
        self._map = map if pool is None else pool.map
        self._uploaded = uploaded

    def texts(self, model_id: str, texts: Sequence[str]) -> Embedded:
        """Raises UnsupportedModality where the model reads no text."""
        queue = self._queue(model_id, "text")
        digest = queue.info.fingerprint.digest
        keys = [text_key(digest, text) for text in texts]
        return self._through(
            queue, keys, lambda missing: self.models.encode(model_id, "text", [texts[i] for i in missing])
        )

    def pictures(self, model_id: str, pictures: Sequence[Picture]) -> Embedded:
        """Raises UnsupportedModality where the model reads no pixels."""
        queue = self._queue(model_id, "image")
        digest = queue.info.fingerprint.digest
        keys = [pixels_key(digest, picture) for picture in pictures]
        encoder, side = queue.encoder, queue.info.pixels

        def compute(missing: list[int]) -> Vectors:
            wanted = [pictures[i] for i in missing]
            ready = all(picture.shape[:2] == (side, side) for picture in wanted)
            if ready or not isinstance(encoder, PicturePreparer):
                return self.models.encode(model_id, "image", wanted)
            # Ready pictures are larger than what was sent: only a slice of them is held at once.
            parts = (wanted[start : start + PREPARED] for start in range(0, len(wanted), PREPARED))
            return np.concatenate(
                [self.models.encode(model_id, "image", list(self._map(encoder.prepared, part))) for part in parts]
            )

        return self._through(queue, keys, compute)

    def scenes(self, model_id: str, scenes: Sequence[Scene], *, control: Control = "none", seed: int = 0) -> Embedded:
        """Scenes drawn at the model's own size, or as they were uploaded (all alike). ``control`` spoils the
        pictures."""
        queue = self._queue(model_id, "image")
        if scenes and scenes[0].origin is not None and not isinstance(queue.encoder, SceneReader):
            return self._photographed(model_id, queue, scenes, control=control, seed=seed)
        if control != "none":
            return self.pictures(model_id, spoiled(self.draw(queue, scenes), control, seed=seed))
        pixels = queue.info.pixels or 0
        digest = queue.info.fingerprint.digest
        keys = [scene_key(digest, scene, renderer=RENDERER_VERSION, pixels=pixels) for scene in scenes]

        def compute(missing: list[int]) -> Vectors:
            vectors = []
            for part in _parts(missing, _DRAWN):
                kind, items = self._scene_items(queue, [scenes[i] for i in part])
                vectors.append(self.models.encode(model_id, kind, items))
            return np.concatenate(vectors)

        return self._through(queue, keys, compute)

    def reencode(self, model_id: str, items: Inputs, *, batch: int) -> Vectors:
        """Vectors [item, dim] of texts, scenes or pictures, past the cache, in batches of exactly ``batch``: the last
        one is filled up with its own first items."""
        kind, entries = self._entries(self.models.queue(model_id), items)
        groups = [entries[i : i + batch] for i in range(0, len(entries), batch)]
        full = [[group[i % len(group)] for i in range(batch)] for group in groups]
        vectors = np.concatenate([self.models.encode(model_id, kind, group, alone=True) for group in full])
        kept: Vectors = vectors[: len(entries)]
        return kept

    def _entries(self, queue: BatchingQueue, items: Inputs) -> tuple[Kind, Sequence[Item]]:
        scenes = [item for item in items if isinstance(item, Scene)]
        if scenes:
            return self._scene_items(queue, scenes)
        return ("text" if isinstance(items[0], str) else "image"), items

    def _photographed(
        self, model_id: str, queue: BatchingQueue, scenes: Sequence[Scene], *, control: Control, seed: int
    ) -> Embedded:
        """Uploaded pictures, a few in memory at a time."""
        vectors, cached = [], 0
        pictures = self._pictures_of(scenes)
        for start in range(0, len(scenes), PREPARED):
            part = list(islice(pictures, PREPARED))
            if control != "none":
                part = [spoiled_picture(p, control, seed=seed, number=start + i) for i, p in enumerate(part)]
            found = self.pictures(model_id, part)
            vectors.append(found.vectors)
            cached += found.cached
        return Embedded(np.concatenate(vectors), cached, queue.info)

    def _pictures_of(self, scenes: Sequence[Scene]) -> Iterator[Picture]:
        origins = [scene.origin for scene in scenes if scene.origin is not None]
        if self._uploaded is None or len(origins) != len(scenes):
            raise InvalidInput("Scenes of an upload cannot be mixed with drawn ones.")
        return self._uploaded(origins)

    def draw(self, queue: BatchingQueue, scenes: Sequence[Scene]) -> NDArray[np.uint8]:
        """Pictures [scene, pixels, pixels, 3] as the model sees them. Raises UnsupportedModality for scene readers."""
        if isinstance(queue.encoder, SceneReader):
            raise UnsupportedModality(f"Model {queue.info.id!r} reads scenes, not pixels: pixel controls need another.")
        pictures: NDArray[np.uint8] = render_many(scenes, queue.info.pixels or 224)
        return pictures

    def _scene_items(self, queue: BatchingQueue, scenes: Sequence[Scene]) -> tuple[Kind, Sequence[Item]]:
        if isinstance(queue.encoder, SceneReader):
            return "scene", list(scenes)
        if scenes[0].origin is not None:
            return "image", list(self._pictures_of(scenes))
        return "image", list(self.draw(queue, scenes))

    def _queue(self, model_id: str, modality: Literal["image", "text"]) -> BatchingQueue:
        queue = self.models.queue(model_id)
        if not queue.info.reads(modality):
            can = " and ".join(queue.info.modalities)
            raise UnsupportedModality(
                f"Model {model_id!r} reads {can} only, not {modality}: choose another model or other input."
            )
        return queue

    def _through(
        self, queue: BatchingQueue, keys: list[EmbeddingKey], compute: Callable[[list[int]], NDArray[np.float32]]
    ) -> Embedded:
        cancellation.check()
        found = self._cache.read_through(keys, compute, dim=queue.info.dim)
        return Embedded(found.vectors, found.hits, queue.info)


def _parts(positions: list[int], size: int) -> list[list[int]]:
    return [positions[i : i + size] for i in range(0, len(positions), size)]


def spoiled(pictures: NDArray[np.uint8], control: Control, *, seed: int) -> list[Picture]:
    """Controls that must lose the answer: pixels in random order, or the bare background."""
    return [spoiled_picture(picture, control, seed=seed, number=number) for number, picture in enumerate(pictures)]


def spoiled_picture(picture: Picture, control: Control, *, seed: int, number: int) -> Picture:
    """One picture; ``number`` is its place among all."""
    if control == "blank":
        return np.broadcast_to(picture[0, 0], picture.shape).copy()
    order = np.random.default_rng([seed, number]).permutation(picture.shape[0] * picture.shape[1])
    return picture.reshape(-1, 3)[order].reshape(picture.shape)
