"""Repairs: a linear map for a model's text tower, kept as files and usable as a model."""

import io
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bindscope import __version__
from bindscope.analysis.binding import Binding
from bindscope.analysis.probing import probe
from bindscope.analysis.repair import (
    Block,
    Blocks,
    Captions,
    PathPoint,
    Repair,
    RepairData,
    blocks_of_scenes,
    blocks_of_space,
    repair,
    scenes_with_blocks,
)
from bindscope.core.errors import InvalidInput, UnsupportedModality
from bindscope.core.specs import ProbeSpec, RepairSpec
from bindscope.encoders.families.repaired import MAP, RECORD, VERSION
from bindscope.encoders.protocol import EncoderInfo
from bindscope.jobs.kind import digest
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.labels import SceneLabels
from bindscope.services.container import Services
from bindscope.services.provenance import provenance
from bindscope.services.sources import DatasetSource, ModelSource, scene_labels
from bindscope.store.artifacts import ArtifactFolder
from bindscope.store.keys import measurement_key

Fields = dict[str, Any]
_Scenes = tuple[NDArray[np.float32], SceneLabels, Blocks]


@dataclass(frozen=True)
class RepairRequest:
    """``limit``: at most this many scenes of the space, those of the held-out blocks first. ``dataset``: the pictures
    of an upload in place of drawn ones, all of them."""

    model: str
    space: str
    spec: RepairSpec
    limit: int = 4000
    template: str = "plain"
    dataset: str | None = None


class Repairs:
    """Learns maps, and keeps those that are confirmed."""

    def __init__(self, parts: Services) -> None:
        self._embedder, self._sources, self._spaces = parts.embedder, parts.sources, parts.spaces
        self.repository, self._measurements = parts.repairs, parts.measurements

    def delete(self, repair_id: str) -> None:
        """Takes a repair away; its model is gone after that. Raises UnknownName."""
        self.repository.read(repair_id, RECORD)
        self.repository.folder(repair_id).delete()
        for queue in self._embedder.models.loaded():
            if queue.info.id.partition("@")[0] == f"repaired:{repair_id}":
                self._embedder.models.forget(queue.info.id)

    def run(self, request: RepairRequest) -> Fields:
        """Learns a map and keeps it where it is confirmed, or finds the answer that was given before. Raises
        UnknownName, UnsupportedModality, InvalidInput."""
        info, space = self._checked(request)
        source: ModelSource | DatasetSource
        if request.dataset is None:
            source = ModelSource(request.model, request.space, "image", 2, request.limit, request.template)
        else:
            source = self._sources.seen_by(request.dataset, request.model)
        fields = {key: value for key, value in asdict(request).items() if value is not None}
        repair_id = digest("repair", self._sources.digest(source), fields, __version__, VERSION)[:16]
        key = measurement_key("repair", [repair_id])
        kept = self.repository.record(repair_id) or self._measurements.get(key)
        if isinstance(kept, dict):
            return {**kept, "cached": True}
        images, labels, blocks = self._scenes(source, space, request)
        data = self._data(images, labels, space, request)
        found = repair(data, blocks, request.spec)
        record = self._record(request, info, space, data, found)
        if found.t == 0:
            self._measurements.put(key, record)
            return record
        return _keep(self.repository.folder(repair_id), repair_id, {**record, "version": VERSION}, found)

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

    def _scenes(self, source: ModelSource | DatasetSource, space: ConceptSpace, request: RepairRequest) -> _Scenes:
        """Pictures with their labels, and the blocks that are held out among them."""
        if isinstance(source, DatasetSource):
            data = self._sources.resolve(source)
            if data.labels.slots != 2:
                raise InvalidInput(f"A repair needs scenes of two objects: the upload has {data.labels.slots}.")
            return data.embeddings, data.labels, blocks_of_scenes(data.labels, request.spec)
        blocks = blocks_of_space(space.values, request.spec)
        sample = SceneLabels(scene_labels(space, 2, limit=request.limit), space.values, space.names)
        labels = scenes_with_blocks(sample, blocks, limit=request.limit, seed=request.spec.seed)
        return self._sources.embed(source, labels), labels, blocks

    def _data(
        self, images: NDArray[np.float32], labels: SceneLabels, space: ConceptSpace, request: RepairRequest
    ) -> RepairData:
        captioner, captions = Captioner(request.template), Captions.of(labels)
        codes = np.unique(captions.codes(labels.object_count))
        objects = [tuple(own) for own in labels.objects.tolist()]
        count = labels.object_count
        texts = [captioner.caption(space, [objects[c // count], objects[c % count]]) for c in codes.tolist()]
        queries = []
        for k, size in enumerate(space.values):
            queries.append(np.arange(len(texts), len(texts) + size))
            texts += [captioner.concept_query(space, k, value) for value in range(size)]
        return RepairData.of(
            images.astype(np.float64),
            self._embedder.texts(request.model, texts).vectors.astype(np.float64),
            labels,
            captions=captions,
            codes=codes,
            queries=tuple(queries),
        )

    def _record(
        self, request: RepairRequest, info: EncoderInfo, space: ConceptSpace, data: RepairData, found: Repair
    ) -> Fields:
        names = ("train_scenes", "test_scenes", "train_objects", "test_objects", "chosen", "t")
        blocks = {name: _values(getattr(found.blocks, name), space) for name in ("validation", "test")}
        made = provenance(info, space=request.space, template=request.template, seed=request.spec.seed)
        return {
            "id": None,
            "model": request.model,
            "repaired": None,
            "space": request.space,
            "coverage": request.spec.coverage,
            "seed": request.spec.seed,
            "limit": request.limit,
            "template": request.template,
            "dim": info.dim,
            "fingerprint": info.fingerprint.digest,
            **{name: getattr(found, name) for name in names},
            "confirmation": asdict(found.confirmation),
            "before": _point(found.before),
            "after": _point(found.after),
            "gain": asdict(found.gain),
            "strata": [asdict(own) for own in found.strata],
            "path": [_point(point) for point in found.path],
            "baselines": {name: asdict(own) for name, own in found.baselines.items()},
            "blocks": blocks,
            "text_probe": asdict(_text_probe(data, request.spec.seed)),
            "provenance": asdict(made),
        }


def _text_probe(data: RepairData, seed: int) -> Binding:
    """Does the text side hold the binding at all? Read from the captions as listed."""
    return probe(data.texts[data.true[:, 0]], data.labels, ProbeSpec(seed=seed)).binding


def _values(block: Block, space: ConceptSpace) -> dict[str, list[str]]:
    """The block's values by concept."""
    own = zip(block.concepts, block.values, strict=True)
    return {space.names[k]: [space.concepts[k].values[value] for value in values] for k, values in own}


def _keep(folder: ArtifactFolder, repair_id: str, record: Fields, found: Repair) -> Fields:
    """Writes the map and its record; where the disk is full neither stays."""
    file = io.BytesIO()
    np.savez_compressed(
        file,
        A=found.map.matrix().astype(np.float32),
        t=np.float64(found.t),
        model=np.array(record["model"]),
        fingerprint=np.array(record["fingerprint"]),
    )
    record = {**record, "id": repair_id, "repaired": f"repaired:{repair_id}"}
    try:
        folder.write(MAP, file.getvalue())
        folder.write(RECORD, json.dumps(record, allow_nan=False).encode())
    except BaseException:
        folder.delete()
        raise
    return record


def _point(point: PathPoint) -> Fields:
    return {"t": point.t, "distance": point.distance, **asdict(point.figures)}
