"""Uploads: checked, previewed, kept, and embedded with progress."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from bindscope.core.errors import UnknownName
from bindscope.core.hashing import digest
from bindscope.features.datasets.reading import Incoming, Limits, read_upload
from bindscope.features.datasets.schemas import (
    DatasetEmbedding,
    DatasetEmbeddingProgress,
    DatasetModel,
    DatasetPreview,
    DatasetRow,
)
from bindscope.scenes.concepts import ConceptSpace, space_to_mapping
from bindscope.services.container import Services
from bindscope.services.pools.uploaded import PICTURES
from bindscope.store.datasets import DatasetFacts, Upload, described

SHOWN = 8
#: The id of an upload that was looked at and not kept.
NOT_KEPT = ""


class Uploads:
    """Joins the readers, the repository of uploads and that of concept spaces."""

    def __init__(self, parts: Services) -> None:
        self._repository, self._spaces = parts.datasets, parts.spaces
        self._desk, self._pools, self._embedder = parts.pictures, parts.pools, parts.embedder
        self._max_bytes = parts.settings.max_upload_mb * 2**20

    def read(
        self,
        file: BinaryIO,
        *,
        filename: str,
        labels: bytes | None = None,
        mapping: bytes | None = None,
        space: str | None = None,
        name: str = "",
    ) -> Upload:
        """Raises InvalidInput that names the row or the file, UnknownName, PayloadTooLarge."""
        known = self._spaces.get(space) if space else None
        incoming = Incoming(file, filename, labels, mapping, known, name)
        upload = read_upload(incoming, Limits(self._max_bytes, self._desk.check))
        if upload.space is None or known is not None:
            return upload
        return replace(upload, space=self._own_name(upload.space))

    def preview(self, upload: Upload) -> DatasetPreview:
        """Without keeping anything."""
        facts = described(upload, NOT_KEPT)
        labels = upload.labels
        rows: list[DatasetRow] = []
        counts: dict[str, dict[str, int]] = {}
        if labels is not None:
            names = facts.value_names
            pictures = tuple(picture.name for picture in upload.pictures)
            rows = _rows(facts, labels.scenes[:SHOWN].tolist(), pictures)
            for k, concept in enumerate(labels.names):
                found = Counter(labels.scenes[:, :, k].reshape(-1).tolist())
                counts[concept] = {names[k][value]: count for value, count in sorted(found.items())}
        texts = list(upload.texts.texts[:SHOWN]) if upload.texts is not None else []
        return DatasetPreview(dataset=dataset_model(facts), rows=rows, counts=counts, texts=texts)

    def keep(self, upload: Upload) -> DatasetFacts:
        """Stores an upload, and its concept space among the others. Raises DiskFull, Conflict; then neither is kept."""
        known = upload.space is None or any(space == upload.space for space, _ in self._spaces.all())
        if upload.space is not None:
            self._spaces.keep(upload.space)
        try:
            return self._repository.add(upload)
        except Exception:
            if upload.space is not None and not known:
                self._spaces.remove(upload.space.name)
            raise

    def rows(self, dataset: str, *, start: int, count: int) -> list[DatasetRow]:
        """Some scenes of an upload. Raises UnknownName, InvalidInput."""
        facts, stored = self._repository.facts(dataset), self._repository.get(dataset)
        part = stored.labels.scenes[start : start + count].tolist()
        return _rows(facts, part, self._repository.picture_names(dataset), start=start)

    def embed(self, dataset: str, model: str) -> Iterator[DatasetEmbeddingProgress | DatasetEmbedding]:
        """Embeds the pictures of an upload; what the cache knows costs nothing. Raises UnknownName, InvalidInput."""
        info = self._embedder.models.info(model)
        scenes = self._pools.uploaded(dataset).sample(
            info, count=2**31, seed=0, objects=0, layout="slots", only_valid_swaps=False
        )
        done = cached = 0
        yield DatasetEmbeddingProgress(done=0, total=len(scenes), cached=0)
        for start in range(0, len(scenes), PICTURES):
            part = scenes[start : start + PICTURES]
            cached += self._embedder.scenes(model, part).cached
            done += len(part)
            kind = DatasetEmbedding if done == len(scenes) else DatasetEmbeddingProgress
            yield kind(done=done, total=len(scenes), cached=cached)

    def _own_name(self, space: ConceptSpace) -> ConceptSpace:
        """The space under a name that no other space has."""
        try:
            other = self._spaces.get(space.name)
        except UnknownName:
            return space
        if other == space:
            return space
        text = json.dumps(space_to_mapping(space), sort_keys=True)
        return replace(space, name=f"{space.name[:50]}-{digest(text, size=3)}")


def _rows(
    facts: DatasetFacts, scenes: list[list[list[int]]], pictures: tuple[str, ...], *, start: int = 0
) -> list[DatasetRow]:
    names = facts.value_names
    return [
        DatasetRow(
            row=row,
            objects=[
                {concept: names[k][value] for k, (concept, value) in enumerate(zip(facts.names, own, strict=True))}
                for own in objects
            ],
            picture=pictures[row] if row < len(pictures) else None,
        )
        for row, objects in enumerate(scenes, start=start)
    ]


def thumbnail(picture: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", side: int) -> bytes:
    """A PNG whose longer side is at most ``side`` pixels."""
    import io

    from PIL import Image

    image = Image.fromarray(picture)
    image.thumbnail((side, side))
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def dataset_model(facts: DatasetFacts) -> DatasetModel:
    """The wire form."""
    return DatasetModel(
        id=facts.id,
        scenes=facts.scenes,
        dim=facts.dim or 0,
        concepts=len(facts.values),
        objects_per_scene=facts.objects_per_scene,
        values=list(facts.values),
        names=list(facts.names),
        name=facts.name,
        kind=facts.kind,
        space=facts.space.name if facts.space is not None else None,
        value_names=[list(values) for values in facts.value_names],
        texts=facts.texts,
        text_dim=facts.text_dim,
        model=f"precomputed:{facts.id}" if facts.texts and facts.id else None,
        notes=list(facts.notes),
    )
