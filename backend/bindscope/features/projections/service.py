"""Maps of a pool's scenes, with what colours them, and new scenes placed on them."""

import numpy as np

from bindscope.analysis.probes import fit_probes
from bindscope.analysis.projection import Projection, project
from bindscope.analysis.readings import recognise_with
from bindscope.analysis.splits import split_bags
from bindscope.analysis.verdict import outcome
from bindscope.core.errors import InvalidInput
from bindscope.features.projections.schemas import PROJECTION, ProjectionRequest, ProjectionResponse
from bindscope.scenes.captions import Captioner
from bindscope.services.container import Services
from bindscope.services.judging import Wording, judged_in_chunks
from bindscope.services.pools import EmbeddedScenes, ScenePool
from bindscope.services.recent import Recent

#: Maps that stay in memory, so that a scene can be placed without fitting anew.
KEPT = 4


class Projections:
    """Fits each map once while it is in memory."""

    def __init__(self, parts: Services) -> None:
        self._parts = parts
        self._kept: Recent[Projection] = Recent(KEPT)

    def answer(self, asked: ProjectionRequest) -> ProjectionResponse:
        """Raises as ``ScenePool.digest``; InvalidInput for a colour or a place that the scenes cannot have."""
        pool = self._parts.pools.of(asked.source)
        return self._parts.analyses.answer(
            PROJECTION, asked, numbers=pool.digest(), compute=lambda: self._computed(pool, asked)
        )

    def _computed(self, pool: ScenePool, asked: ProjectionRequest) -> ProjectionResponse:
        data = pool.embedded()
        scenes = [self._parts.pools.scene(scene) for scene in asked.place]
        vectors, colors = pool.vectors_of(scenes) if scenes else None, self._colors(pool, data, asked)
        found = self._fitted(data, asked)
        placed = [] if vectors is None else [[float(n) for n in row] for row in found.place(vectors)]
        return ProjectionResponse(
            points=found.points.round(6).tolist(),
            labels=data.labels.scenes.tolist(),
            concepts={name: list(data.value_names(k)) for k, name in enumerate(data.labels.names)},
            colors=colors,
            placed=placed,
            explained=found.explained,
            stress=found.stress,
            provenance=data.made_with(asked.seed),
        )

    def _fitted(self, data: EmbeddedScenes, asked: ProjectionRequest) -> Projection:
        name = f"{data.digest} {asked.method} {asked.dims} {asked.seed}"
        return self._kept.read_through(
            lambda: name,
            lambda _: project(data.embeddings, method=asked.method, dims=asked.dims, seed=asked.seed),
        )

    def _colors(self, pool: ScenePool, data: EmbeddedScenes, asked: ProjectionRequest) -> list[str] | None:
        """One word a scene: the outcome of its caption contest, or whether probes that never saw it read its objects;
        None for ``concepts``, which the labels tell."""
        if asked.color_by == "probe":
            return _read(data)
        return self._outcomes(pool) if asked.color_by == "verdict" else None

    def _outcomes(self, pool: ScenePool) -> list[str]:
        if pool.model is None:
            raise InvalidInput("An upload has no captions to choose from: colour it by probe or by concepts.")
        wording = Wording(Captioner(pool.template), "all")
        out: list[str] = []
        floor = 0.0
        for part in judged_in_chunks(self._parts.embedder, pool.model, scenes=pool.scenes(), wording=wording):
            floor = floor if out else self._parts.noise.floor_of(part)
            out += [
                outcome(float(margin), noise_floor=floor, has_swap=bool(has))
                for margin, has in zip(part.contest.margin, part.contest.has_swap, strict=True)
            ]
        return out


def _read(data: EmbeddedScenes) -> list[str]:
    """Two halves by bag; the probes of one read the other. Raises InvalidInput where all scenes show equal values."""
    one, two = split_bags(data.labels, train_ratio=0.5, seed=0)
    read = np.zeros(len(data.labels), dtype=bool)
    for own, other in ((one, two), (two, one)):
        probes = fit_probes(data.embeddings[other], data.labels.take(other))
        read[own] = recognise_with(probes, data.embeddings[own], data.labels.take(own)).object
    return ["read" if hit else "missed" for hit in read]
