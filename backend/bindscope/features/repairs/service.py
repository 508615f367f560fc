"""Repairs: a linear map for a model's text tower, kept as files and usable as a model."""

import io
import json
import time
from dataclasses import asdict
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
from bindscope.core.errors import InvalidInput, UnknownName, UnsupportedModality
from bindscope.core.specs import ProbeSpec, RepairSpec
from bindscope.encoders.families.repaired import MAP, RECORD, VERSION
from bindscope.encoders.protocol import EncoderInfo
from bindscope.features.repairs.schemas import RepairModel, RepairRequest
from bindscope.jobs.kind import digest
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.ordered import scene_labels
from bindscope.services.container import Services
from bindscope.services.pools import ScenePool
from bindscope.store.artifacts import ArtifactFolder
from bindscope.store.keys import MeasurementKey, measurement_key

Fields = dict[str, Any]
_Scenes = tuple[NDArray[np.float32], SceneLabels, Blocks]

_SNIPPET = """import numpy as np

saved = np.load("{id}.npz")
t = float(saved["t"])  # any part of the map, from 0 (as it was) to 1
A = (1 - t) * np.eye(len(saved["A"])) + t * saved["A"]


def repaired(texts):  # [text, dim], from {model}
    mapped = texts @ A.T
    return mapped / np.linalg.norm(mapped, axis=1, keepdims=True)
"""


class Repairs:
    """Learns maps, and keeps those that are confirmed."""

    def __init__(self, parts: Services) -> None:
        self._embedder, self._pools = parts.embedder, parts.pools
        self.repository, self._measurements = parts.repairs, parts.measurements
        self._flights = parts.analyses.flights

    def delete(self, repair_id: str) -> None:
        """Takes a repair away; its model is gone after that. Raises UnknownName."""
        self.repository.read(repair_id, RECORD)
        self.repository.folder(repair_id).delete()
        for queue in self._embedder.models.loaded():
            if queue.info.id.partition("@")[0] == f"repaired:{repair_id}":
                self._embedder.models.forget(queue.info.id)

    def run(self, request: RepairRequest) -> RepairModel:
        """Learns a map and keeps it where it is confirmed, or finds the answer that was given before. Raises
        UnknownName, UnsupportedModality, InvalidInput."""
        started = time.perf_counter()
        pool = self._pools.asked(request)
        info = self._checked(request)
        pictures = pool.pictures_of(request.model)
        repair_id = digest("repair", pictures.digest(), request.model_dump(mode="json"), __version__, VERSION)[:16]
        found = self._known(repair_id) or self._flights.answer(
            f"repair {repair_id}",
            lambda: self._known(repair_id) or self._learned(request, pool, pictures, info, repair_id),
        )
        return found.model_copy(update={"seconds": round(time.perf_counter() - started, 3)})

    def all(self) -> list[RepairModel]:
        """All repairs of this installation."""
        records = map(self.repository.record, self.repository.ids())
        return [_model(found) for found in records if found is not None]

    def get(self, repair_id: str) -> RepairModel:
        """One repair. Raises UnknownName."""
        found = self.repository.record(repair_id)
        if found is None:
            raise UnknownName("repair", repair_id, self.repository.ids())
        return _model(found)

    def _known(self, repair_id: str) -> RepairModel | None:
        kept = self.repository.record(repair_id) or self._measurements.get(_key(repair_id))
        return _model(kept).model_copy(update={"cached": True}) if isinstance(kept, dict) else None

    def _learned(
        self, request: RepairRequest, pool: ScenePool, pictures: ScenePool, info: EncoderInfo, repair_id: str
    ) -> RepairModel:
        space, spec = pool.space, RepairSpec(request.coverage, request.seed)
        images, labels, blocks = self._scenes(pictures, space, request, spec)
        data = self._data(images, labels, space, request)
        found = repair(data, blocks, spec)
        record = self._record(request, info, pool, data, found)
        if found.t == 0:
            self._measurements.put(_key(repair_id), record)
            return _model(record)
        return _model(_keep(self.repository.folder(repair_id), repair_id, {**record, "version": VERSION}, found))

    def _checked(self, request: RepairRequest) -> EncoderInfo:
        info = self._embedder.models.info(request.model)
        if not (info.reads("image") and info.reads("text")):
            can = " and ".join(info.modalities)
            raise UnsupportedModality(
                f"Model {request.model!r} reads {can} only: a repair turns texts towards images, so it needs both."
            )
        if info.family == "repaired":
            raise InvalidInput(f"{request.model!r} is repaired already: repair the model that it was made from.")
        return info

    def _scenes(self, pictures: ScenePool, space: ConceptSpace, request: RepairRequest, spec: RepairSpec) -> _Scenes:
        """Pictures with their labels, and the blocks that are held out among them. Of a space those scenes are drawn
        that the blocks need; an upload has those that it has."""
        if pictures.can_draw:
            blocks = blocks_of_space(space.values, spec)
            sample = scene_labels(space, 2, limit=request.limit)
            labels = scenes_with_blocks(sample, blocks, limit=request.limit, seed=spec.seed)
            return pictures.drawn(labels), labels, blocks
        data = pictures.embedded()
        if data.labels.slots != 2:
            raise InvalidInput(f"A repair needs scenes of two objects: the upload has {data.labels.slots}.")
        return data.embeddings, data.labels, blocks_of_scenes(data.labels, spec)

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
        self, request: RepairRequest, info: EncoderInfo, pool: ScenePool, data: RepairData, found: Repair
    ) -> Fields:
        names = ("train_scenes", "test_scenes", "train_objects", "test_objects", "chosen", "t")
        blocks = {name: _values(getattr(found.blocks, name), pool.space) for name in ("validation", "test")}
        made = pool.provenance(info, seed=request.seed)
        return {
            "id": None,
            "model": request.model,
            "repaired": None,
            "space": pool.space.name,
            "coverage": request.coverage,
            "seed": request.seed,
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
            "text_probe": asdict(_text_probe(data, request.seed)),
            "provenance": made.model_dump(mode="json"),
        }


def _key(repair_id: str) -> MeasurementKey:
    return measurement_key("repair", [repair_id])


def _model(found: Fields) -> RepairModel:
    snippet = "" if found["id"] is None else _SNIPPET.format(id=found["id"], model=found["model"])
    return RepairModel.model_validate({**found, "snippet": snippet})


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
