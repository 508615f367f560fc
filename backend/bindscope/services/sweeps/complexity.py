"""Complexity of the binding function (METHODS section 7) as a job: one cell a fit."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bindscope import __version__
from bindscope.compute.work import Cell, Workplace
from bindscope.domain.complexity import ComplexityCell
from bindscope.domain.labels import SceneLabels
from bindscope.domain.specs import ProbeSpec
from bindscope.services.sources import DatasetSource, ModelSource, Sources
from bindscope.services.sweeps.kind import Desk, Fields, Plan, counted, digest
from bindscope.store.artifacts import ArtifactFolder, Artifacts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bindscope.analysis.complexity import ComplexityResult
    from bindscope.analysis.probes import LinearProbes

_ARRAYS, _FACTS, _PROBES = "arrays.safetensors", "facts.json", "probes.safetensors"
#: Goes up when the fits change their numbers.
_VERSION = 3


class ComplexitySweep:
    """Requests hold ``source`` (fields of a ModelSource or a DatasetSource), ``kinds``, ``coverages``, ``seeds``."""

    name = "complexity"
    work = "bindscope.services.sweeps.complexity:fit"
    gpu = False

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def title(self, request: Fields) -> str:
        """A line for people."""
        source = request["source"]
        what = source.get("model") or f"dataset {source['dataset']}"
        where = f" on {source.get('space') or 'dataset ' + source['dataset']} ({source['modality']})"
        where = where if source.get("model") else ""
        kinds = counted(request["kinds"], "family", "families")
        sizes = f"{counted(request['coverages'], 'coverage')}, {counted(request['seeds'], 'seed')}"
        return f"Complexity of {what}{where}: {kinds}, {sizes}"

    def identity(self, request: Fields) -> Fields:
        """The numbers of the source and the fits. Raises UnknownName, UnsupportedModality, InvalidInput."""
        cells = [asdict(cell) for cell in cells_of(request)]
        source = self._sources.digest(source_of(request["source"]))
        return {"source": source, "cells": cells, "version": [__version__, _VERSION]}

    def prepare(self, request: Fields, desk: Desk) -> Plan:
        """Embeds the source, fits the probes that read the predictions, and lists the fits."""
        source = source_of(request["source"])
        desk.stage("Embedding the scenes")
        data = self._sources.resolve(
            source, progress=lambda done, total: desk.stage(f"Embedding the scenes: {done:,} of {total:,}")
        )
        desk.stage("Fitting the probes")
        _write_inputs(desk.folder, data.embeddings, data.labels)
        inputs = {"folder": list(desk.folder.path)}
        desk.compute("bindscope.services.sweeps.complexity:fit_probes", inputs)
        cells = [
            Cell(digest("complexity", __version__, _VERSION, data.digest, asdict(cell)), asdict(cell))
            for cell in cells_of(request)
        ]
        made = replace(data.provenance, seed=None)
        return Plan(cells, inputs, {"provenance": json.loads(json.dumps(asdict(made)))})

    def grouped(self, cells: Sequence[Cell]) -> list[tuple[Cell, ...]]:
        """Fits that are solved together."""
        from bindscope.analysis.complexity import grouped

        by_spec = {ComplexityCell(**cell.spec): cell for cell in cells}
        return [tuple(by_spec[spec] for spec in group) for group in grouped(list(by_spec))]

    def result(self, facts: Fields, cells: Sequence[tuple[Fields, Fields]]) -> Fields:
        """``cells`` in the order of the request, and the provenance of the embeddings."""
        return {"cells": [{**spec, **result} for spec, result in cells], "provenance": facts.get("provenance")}


def cells_of(request: Fields) -> list[ComplexityCell]:
    """Each fit once, kinds slowest. Raises InvalidInput, UnknownName."""
    every = (
        ComplexityCell(kind, coverage, seed)
        for kind in request["kinds"]
        for coverage in request["coverages"]
        for seed in request["seeds"]
    )
    return list(dict.fromkeys(every))


def source_of(fields: Fields) -> ModelSource | DatasetSource:
    """The source of a request."""
    return DatasetSource(**fields) if "dataset" in fields else ModelSource(**fields)


def fit_probes(place: Workplace, cells: Sequence[Cell]) -> Iterator[Fields]:
    """Work: the probes of METHODS section 4, fitted on their training scenes and laid beside the arrays."""
    from safetensors.numpy import save

    from bindscope.analysis.probes import fit_probes
    from bindscope.analysis.splits import split_bags

    folder = _folder(place)
    embeddings, labels = _arrays(place.call.artifacts, folder.path)
    spec = ProbeSpec()
    train, _ = split_bags(labels, train_ratio=spec.train_ratio, seed=spec.seed)
    probes = fit_probes(embeddings[train], labels.take(train), seed=spec.seed)
    tensors: dict[str, NDArray[Any]] = {"mean": probes.mean, "weights": probes.weights, "offset": probes.offset}
    tensors["learned_from"] = np.asarray(train)
    folder.write(_PROBES, save(tensors))
    yield {}


def fit(place: Workplace, cells: Sequence[Cell]) -> Iterator[Fields]:
    """Work: the fits of one group."""
    from bindscope.analysis.complexity import fit_cells

    folder = _folder(place)
    embeddings, labels = _arrays(place.call.artifacts, folder.path)
    probes, learned_from = _probes(place.call.artifacts, folder.path)
    specs = [ComplexityCell(**cell.spec) for cell in cells]
    for result in fit_cells(embeddings, labels, specs, probes=probes, learned_from=learned_from, tick=place.tick):
        yield plain(result)


def plain(result: "ComplexityResult") -> Fields:
    """A result as JSON, without its cell."""
    fields = asdict(result)
    del fields["cell"]
    kept: Fields = json.loads(json.dumps(fields, allow_nan=False))
    return kept


def _write_inputs(folder: ArtifactFolder, embeddings: "NDArray[np.float32]", labels: SceneLabels) -> None:
    from safetensors.numpy import save

    folder.write(_ARRAYS, save({"embeddings": np.ascontiguousarray(embeddings), "scenes": labels.scenes}))
    folder.write(_FACTS, json.dumps({"values": labels.values, "names": labels.names}).encode())


def _folder(place: Workplace) -> ArtifactFolder:
    return place.artifacts.folder(*place.call.inputs["folder"])


@lru_cache(maxsize=1)
def _arrays(url: str, path: tuple[str, ...]) -> tuple[Any, SceneLabels]:
    """Kept between the groups that one worker fits."""
    from safetensors.numpy import load

    folder = Artifacts(url).folder(*path)
    arrays, facts = load(folder.read(_ARRAYS)), json.loads(folder.read(_FACTS))
    return arrays["embeddings"], SceneLabels(arrays["scenes"], tuple(facts["values"]), tuple(facts["names"]))


@lru_cache(maxsize=1)
def _probes(url: str, path: tuple[str, ...]) -> "tuple[LinearProbes, NDArray[np.int64]]":
    """The probes, and the scenes that they learned from."""
    from safetensors.numpy import load

    from bindscope.analysis.probes import LinearProbes

    tensors = load(Artifacts(url).folder(*path).read(_PROBES))
    _, labels = _arrays(url, path)
    sizes = (*labels.values, labels.object_count)
    probes = LinearProbes(tensors["mean"], tensors["weights"], tensors["offset"], sizes, strengths={})
    return probes, tensors["learned_from"]
