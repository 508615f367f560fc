"""Maps of a source's scenes, with what colours them, and new scenes placed on them."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bindscope.analysis.probes import fit_probes
from bindscope.analysis.projection import Method, Projection, project
from bindscope.analysis.readings import recognise_with
from bindscope.analysis.splits import split_bags
from bindscope.analysis.verdict import outcome
from bindscope.core.errors import InvalidInput
from bindscope.scenes.captions import Captioner
from bindscope.scenes.scene import Scene
from bindscope.services.container import Services
from bindscope.services.embedder import Embedder
from bindscope.services.judging import Wording, judged_in_chunks
from bindscope.services.sources import DatasetSource, ModelSource, SourceData, placed

ColorBy = Literal["concepts", "verdict", "probe"]

#: Maps that stay in memory, so that a scene can be placed without fitting anew.
KEPT = 4


@dataclass(frozen=True)
class MapSpec:
    """``dims`` 2 or 3."""

    method: Method
    dims: int
    seed: int


class Maps:
    """Fits each map once while it is in memory."""

    def __init__(self, parts: Services) -> None:
        self._sources, self._noise = parts.sources, parts.noise
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, MapSpec], Projection] = {}

    def fitted(self, data: SourceData, spec: MapSpec) -> Projection:
        """The map of a source. Raises InvalidInput."""
        key = (data.digest, spec)
        with self._lock:
            found = self._kept.pop(key, None)
            if found is not None:
                self._kept[key] = found
        if found is None:
            found = project(data.embeddings, method=spec.method, dims=spec.dims, seed=spec.seed)
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > KEPT:
                    self._kept.pop(next(iter(self._kept)))
        return found

    def colors(self, source: ModelSource | DatasetSource, data: SourceData, by: ColorBy) -> list[str] | None:
        """One word a scene: the outcome of its caption contest, or whether probes that never saw it read its objects.

        None for ``concepts``, which the labels tell. Raises InvalidInput where there is no verdict.
        """
        if by == "probe":
            return _read(data)
        return self._outcomes(source, data) if by == "verdict" else None

    def place(
        self, source: ModelSource | DatasetSource, fitted: Projection, scenes: Sequence[Scene]
    ) -> list[list[float]]:
        """Where scenes come to lie. Raises InvalidInput for an upload, whose model is not known."""
        if not scenes:
            return []
        if isinstance(source, DatasetSource):
            raise InvalidInput("New scenes can be placed on the map of a model, not on that of an upload.")
        embedder = self._sources.embedder
        if source.modality == "text":
            captioner = Captioner(source.template)
            texts = [captioner.caption(scene.space, scene.values) for scene in scenes]
            vectors = embedder.texts(source.model, texts).vectors
        else:
            vectors = embedder.scenes(source.model, scenes).vectors
        return [[float(number) for number in row] for row in fitted.place(vectors)]

    def _outcomes(self, source: ModelSource | DatasetSource, data: SourceData) -> list[str]:
        embedder: Embedder = self._sources.embedder
        if source.model is None or data.space is None:
            raise InvalidInput("An upload has no captions to choose from: colour it by probe or by concepts.")
        wording = Wording(Captioner(source.template), "all")
        if isinstance(source, DatasetSource):
            scenes = self._sources.scenes(source.dataset)
        else:
            scenes = placed(data.space, [[tuple(o) for o in row] for row in data.labels.scenes.tolist()])
        out: list[str] = []
        floor = 0.0
        for part in judged_in_chunks(embedder, source.model, scenes=scenes, wording=wording):
            floor = floor if out else self._noise.floor_of(part)
            out += [
                outcome(float(margin), noise_floor=floor, has_swap=bool(has))
                for margin, has in zip(part.contest.margin, part.contest.has_swap, strict=True)
            ]
        return out


def _read(data: SourceData) -> list[str]:
    """Two halves by bag; the probes of one read the other. Raises InvalidInput where all scenes show equal values."""
    one, two = split_bags(data.labels, train_ratio=0.5, seed=0)
    read = np.zeros(len(data.labels), dtype=bool)
    for own, other in ((one, two), (two, one)):
        probes = fit_probes(data.embeddings[other], data.labels.take(other))
        read[own] = recognise_with(probes, data.embeddings[own], data.labels.take(own)).object
    return ["read" if hit else "missed" for hit in read]
