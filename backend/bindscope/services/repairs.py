"""Repairs: a linear map for a model's text tower, kept as files and usable as a model."""

import io
import json
import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bindscope import __version__
from bindscope.analysis.repair import Figures, PathPoint, Repair, RepairData, repair
from bindscope.analysis.retrieval import padded
from bindscope.domain.captions import Captioner
from bindscope.domain.concepts import ConceptSpace
from bindscope.domain.contests import candidates
from bindscope.domain.labels import SceneLabels
from bindscope.domain.repairs import RepairSpec
from bindscope.encoders.base import EncoderInfo
from bindscope.encoders.repaired import MAP, RECORD
from bindscope.errors import InvalidInput, UnknownName, UnsupportedModality
from bindscope.services.embedder import Embedder
from bindscope.services.provenance import provenance
from bindscope.services.sources import DatasetSource, ModelSource, Sources, scene_labels
from bindscope.services.spaces import SpaceShelf
from bindscope.services.sweeps.kind import digest
from bindscope.store.artifacts import ArtifactFolder, Artifacts

Fields = dict[str, Any]

#: Goes up when equal requests give other maps.
_VERSION = 2
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class RepairRequest:
    """``limit``: at most this many scenes of the space, a seeded sample. ``dataset``: the pictures of an upload in
    place of drawn ones, all of them."""

    model: str
    space: str
    spec: RepairSpec
    limit: int = 4000
    template: str = "plain"
    dataset: str | None = None


class RepairShelf:
    """``repairs/ID`` in the artifacts: ``map.npz`` and, written last, ``repair.json``."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    def ids(self) -> list[str]:
        """All repairs."""
        return [name for name in self._artifacts.listed(("repairs",)) if _ID.fullmatch(name)]

    def read(self, repair_id: str, name: str, /) -> bytes:
        """One file of a finished repair. Raises UnknownName."""
        folder = self.folder(repair_id)
        if RECORD not in folder.names():
            raise UnknownName("repair", repair_id, self.ids())
        return folder.read(name)

    def record(self, repair_id: str) -> Fields | None:
        """What was found; None where there is no such repair."""
        folder = self.folder(repair_id)
        found: Fields | None = json.loads(folder.read(RECORD)) if RECORD in folder.names() else None
        return found

    def folder(self, repair_id: str) -> ArtifactFolder:
        """The files of a repair."""
        return self._artifacts.folder("repairs", repair_id)


class Repairs:
    """Learns maps, and keeps them."""

    def __init__(self, embedder: Embedder, sources: Sources, spaces: SpaceShelf, shelf: RepairShelf) -> None:
        self._embedder, self._sources, self._spaces, self.shelf = embedder, sources, spaces, shelf

    def delete(self, repair_id: str) -> None:
        """Takes a repair away; its model is gone after that. Raises UnknownName."""
        self.shelf.read(repair_id, RECORD)
        self.shelf.folder(repair_id).delete()
        for queue in self._embedder.models.loaded():
            if queue.info.id.partition("@")[0] == f"repaired:{repair_id}":
                self._embedder.models.forget(queue.info.id)

    def run(self, request: RepairRequest) -> Fields:
        """Learns and keeps the map, or finds the one that is kept. Raises UnknownName, UnsupportedModality,
        InvalidInput."""
        info, space = self._checked(request)
        source: ModelSource | DatasetSource
        if request.dataset is None:
            source = ModelSource(request.model, request.space, "image", 2, request.limit, request.template)
        else:
            source = self._sources.seen_by(request.dataset, request.model)
        fields = {key: value for key, value in asdict(request).items() if value is not None}
        parts = [self._sources.digest(source), fields, __version__, _VERSION]
        repair_id = digest("repair", *parts)[:16]
        kept = self.shelf.record(repair_id)
        if kept is not None:
            return {**kept, "cached": True}
        found = repair(self._data(source, space, request), request.spec)
        return _keep(self.shelf.folder(repair_id), repair_id, request, info=info, found=found)

    def _checked(self, request: RepairRequest) -> tuple[EncoderInfo, ConceptSpace]:
        info = self._embedder.models.info(request.model)
        own = request.dataset
        space = self._spaces.get(request.space) if own is None else self._sources.space_of(own)
        if not (info.reads("image") and info.reads("text")):
            can = " and ".join(info.modalities)
            raise UnsupportedModality(
                f"Model {request.model!r} reads {can} only: a repair turns texts towards images, so it needs both."
            )
        if info.family == "repaired":
            raise InvalidInput(f"{request.model!r} is repaired already: repair the model that it was made from.")
        return info, space

    def _labelled(
        self, source: ModelSource | DatasetSource, space: ConceptSpace, request: RepairRequest
    ) -> tuple[NDArray[np.float32], SceneLabels]:
        if isinstance(source, DatasetSource):
            data = self._sources.resolve(source)
            if data.labels.slots != 2:
                raise InvalidInput(f"A repair needs scenes of two objects: the upload has {data.labels.slots}.")
            return data.embeddings, data.labels
        labels = SceneLabels(scene_labels(space, 2, limit=request.limit), space.values, space.names)
        return self._sources.embed(source, labels), labels

    def _data(self, source: ModelSource | DatasetSource, space: ConceptSpace, request: RepairRequest) -> RepairData:
        images, labels = self._labelled(source, space, request)
        captioner = Captioner(request.template)
        competing = [
            candidates(captioner, space, objects=[tuple(o) for o in row], orders="all", text_only=False)
            for row in labels.scenes.tolist()
        ]
        concepts = [[captioner.concept_query(space, k, v) for v in range(size)] for k, size in enumerate(space.values)]
        texts = dict.fromkeys(text for own in competing for text in own.texts)
        texts |= dict.fromkeys(text for own in concepts for text in own)
        row = {text: number for number, text in enumerate(texts)}
        swaps = [[(row[t], swap.objects) for swap, own in c.swaps for t in own] for c in competing]
        most = max((len(own) for own in swaps), default=0)
        rows = np.full((len(swaps), most), -1, dtype=np.int64)
        objects = np.zeros((len(swaps), most, 2), dtype=np.int64)
        for number, own in enumerate(swaps):
            for place, (text, after) in enumerate(own):
                rows[number, place] = text
                objects[number, place] = [space.object_id(o) for o in after]
        return RepairData(
            images=images.astype(np.float64),
            texts=self._embedder.texts(request.model, list(row)).vectors.astype(np.float64),
            labels=labels,
            true=padded([[row[text] for text in own.true] for own in competing]),
            swaps=rows,
            swap_objects=objects,
            queries=tuple(np.array([row[text] for text in own], dtype=np.int64) for own in concepts),
        )


def _keep(
    folder: ArtifactFolder, repair_id: str, request: RepairRequest, *, info: EncoderInfo, found: Repair
) -> Fields:
    file = io.BytesIO()
    np.savez_compressed(
        file,
        A=found.map.matrix().astype(np.float32),
        t=np.float64(found.t),
        model=np.array(request.model),
        fingerprint=np.array(info.fingerprint.digest),
    )
    folder.write(MAP, file.getvalue())
    record = {
        "id": repair_id,
        "model": request.model,
        "repaired": f"repaired:{repair_id}",
        "space": request.space,
        "coverage": request.spec.coverage,
        "seed": request.spec.seed,
        "limit": request.limit,
        "template": request.template,
        "dim": info.dim,
        "fingerprint": info.fingerprint.digest,
        "t": found.t,
        "before": _point(found.before),
        "after": _point(found.after),
        "path": [_point(point) for point in found.path],
        "baselines": {name: _figures(own) for name, own in found.baselines.items()},
        "train_scenes": found.train_scenes,
        "test_scenes": found.test_scenes,
        "train_objects": found.train_objects,
        "chosen": found.chosen,
        "provenance": asdict(provenance(info, space=request.space, template=request.template, seed=request.spec.seed)),
    }
    folder.write(RECORD, json.dumps(record, allow_nan=False).encode())
    return record


def _point(point: PathPoint) -> Fields:
    return {"t": point.t, "distance": point.distance, **_figures(point.figures)}


def _figures(own: Figures) -> Fields:
    return {name: asdict(getattr(own, name)) for name in ("swap_accuracy", "recall_at_1", "concepts")}
