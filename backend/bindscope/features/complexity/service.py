"""Complexity of the binding function as a job: one cell a fit (docs/methods/complexity.md)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bindscope import __version__
from bindscope.core.specs import ComplexityCell, ProbeSpec
from bindscope.jobs.kind import Desk, Fields, Plan, counted, digest, plain
from bindscope.jobs.worker import Cell, Workplace
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.sources import SourceModel
from bindscope.services.container import Services
from bindscope.services.pools import ScenePool
from bindscope.store.artifacts import ArtifactFolder, Artifacts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bindscope.analysis.complexity import ComplexityResult
    from bindscope.analysis.probes import LinearProbes

_ARRAYS, _FACTS, _PROBES = "arrays.safetensors", "facts.json", "probes.safetensors"
#: Goes up when the fits change their numbers.
_VERSION = 4
#: Bags of one fit that are kept for the figure over all seeds: a seeded sample where there are more.
_KEPT_BAGS = 600


class ComplexitySweep:
    """Requests hold ``source`` (its wire form), ``kinds``, ``coverages``, ``seeds``."""

    name = "complexity"
    work = "bindscope.features.complexity.service:fit"
    gpu = False

    def __init__(self, parts: Services) -> None:
        self._pools = parts.pools

    def _pool(self, request: Fields) -> ScenePool:
        return self._pools.of(SourceModel(**request["source"]))

    def title(self, request: Fields) -> str:
        """A line for people."""
        pool = self._pool(request)
        what = pool.title if pool.model is None else f"{pool.model} on {pool.title} ({pool.modality})"
        kinds = counted(request["kinds"], "family", "families")
        sizes = f"{counted(request['coverages'], 'coverage')}, {counted(request['seeds'], 'seed')}"
        return f"Complexity of {what}: {kinds}, {sizes}"

    def identity(self, request: Fields) -> Fields:
        """The numbers of the source and the fits. Raises UnknownName, UnsupportedModality, InvalidInput."""
        cells = [asdict(cell) for cell in cells_of(request)]
        source = self._pool(request).digest()
        return {"source": source, "cells": cells, "version": [__version__, _VERSION]}

    def prepare(self, request: Fields, desk: Desk) -> Plan:
        """Embeds the source, fits the probes that read the predictions, and lists the fits."""
        desk.stage("Embedding the scenes")
        data = self._pool(request).embedded(
            lambda done, total: desk.stage(f"Embedding the scenes: {done:,} of {total:,}")
        )
        desk.stage("Fitting the probes")
        _write_inputs(desk.folder, data.embeddings, data.labels)
        inputs = {"folder": list(desk.folder.path)}
        desk.compute("bindscope.features.complexity.service:fit_probes", inputs)
        cells = [
            Cell(digest("complexity", __version__, _VERSION, data.digest, asdict(cell)), asdict(cell))
            for cell in cells_of(request)
        ]
        return Plan(cells, inputs, {"provenance": data.made_with(None).model_dump(mode="json")})

    def grouped(self, cells: Sequence[Cell]) -> list[tuple[Cell, ...]]:
        """Fits that are solved together."""
        from bindscope.analysis.complexity import grouped

        by_spec = {ComplexityCell(**cell.spec): cell for cell in cells}
        return [tuple(by_spec[spec] for spec in group) for group in grouped(list(by_spec))]

    def result(self, facts: Fields, cells: Sequence[tuple[Fields, Fields]]) -> Fields:
        """``cells`` in the order of the request, ``points`` over the seeds of each family and coverage, and the
        provenance of the embeddings."""
        shown = [
            {**spec, **{name: value for name, value in result.items() if name != "bags"}} for spec, result in cells
        ]
        return {"cells": shown, "points": _points(cells), "provenance": facts.get("provenance")}


def _points(cells: Sequence[tuple[Fields, Fields]]) -> list[Fields]:
    """The binding score over all seeds of a family and coverage: each bag once, n from the objects unseen in any."""
    from bindscope.analysis.binding import BagScores, binding_of

    groups: dict[tuple[str, float], list[Fields]] = {}
    for spec, result in cells:
        groups.setdefault((spec["kind"], spec["coverage"]), []).append(result)
    points = []
    for (kind, coverage), found in groups.items():
        parts = [
            BagScores(
                np.array(own["bags"]["bags"], dtype=np.int64),
                *(np.array(own["bags"][name], dtype=np.float64) for name in ("scores", "undecided")),
            )
            for own in found
        ]
        objects = {one for own in found for one in own["bags"]["objects"]}
        r2 = [own["test_r2"] for own in found if own["test_r2"] is not None]
        binding = binding_of(parts, units=len(objects), at_edge=any(own["at_edge"] for own in found))
        points.append(
            {
                "kind": kind,
                "coverage": coverage,
                "seeds": len(found),
                "binding": plain(binding),
                "test_r2": float(np.mean(r2)) if r2 else None,
            }
        )
    return points


def cells_of(request: Fields) -> list[ComplexityCell]:
    """Each fit once, kinds slowest. Raises InvalidInput, UnknownName."""
    every = (
        ComplexityCell(kind, coverage, seed)
        for kind in request["kinds"]
        for coverage in request["coverages"]
        for seed in request["seeds"]
    )
    return list(dict.fromkeys(every))


def fit_probes(place: Workplace, cells: Sequence[Cell]) -> Iterator[Fields]:
    """Work: ridge probes, fitted on training scenes of their own and laid beside the arrays."""
    from safetensors.numpy import save

    from bindscope.analysis.probes import OBJECT, fit_probes
    from bindscope.analysis.splits import split_bags

    folder = _folder(place)
    embeddings, labels = _arrays(place.call.artifacts, folder.path)
    spec = ProbeSpec()
    train, _ = split_bags(labels, train_ratio=spec.train_ratio, seed=spec.seed)
    probes = fit_probes(embeddings[train], labels.take(train), seed=spec.seed)
    tensors: dict[str, NDArray[Any]] = {"mean": probes.mean, "weights": probes.weights, "offset": probes.offset}
    tensors["learned_from"] = np.asarray(train)
    tensors["at_edge"] = np.array([OBJECT in probes.edges])
    folder.write(_PROBES, save(tensors))
    yield {}


def fit(place: Workplace, cells: Sequence[Cell]) -> Iterator[Fields]:
    """Work: the fits of one group."""
    from bindscope.analysis.complexity import fit_cells

    folder = _folder(place)
    embeddings, labels = _arrays(place.call.artifacts, folder.path)
    probes, learned_from, at_edge = _probes(place.call.artifacts, folder.path)
    specs = [ComplexityCell(**cell.spec) for cell in cells]
    results = fit_cells(
        embeddings, labels, specs, probes=probes, learned_from=learned_from, at_edge=at_edge, tick=place.tick
    )
    for result in results:
        yield {**_fields_of(result), "at_edge": at_edge}


def _fields_of(result: "ComplexityResult") -> Fields:
    """A result as JSON, without its cell; ``bags`` holds what a figure over several seeds takes."""
    fields = asdict(result)
    del fields["cell"], fields["scores"], fields["unseen"]
    kept = np.arange(len(result.scores))
    if len(kept) > _KEPT_BAGS:
        kept = np.sort(np.random.default_rng(0).choice(kept, _KEPT_BAGS, replace=False))
    fields["bags"] = {
        "bags": result.scores.bags[kept].tolist(),
        "scores": result.scores.scores[kept].tolist(),
        "undecided": result.scores.undecided[kept].tolist(),
        "objects": result.unseen.tolist(),
    }
    return plain(fields)


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
def _probes(url: str, path: tuple[str, ...]) -> "tuple[LinearProbes, NDArray[np.int64], bool]":
    """The probes, the scenes that they learned from, and whether their strength for objects is at an edge."""
    from safetensors.numpy import load

    from bindscope.analysis.probes import LinearProbes

    tensors = load(Artifacts(url).folder(*path).read(_PROBES))
    _, labels = _arrays(url, path)
    sizes = (*labels.values, labels.object_count)
    probes = LinearProbes(tensors["mean"], tensors["weights"], tensors["offset"], sizes, strengths={})
    return probes, tensors["learned_from"], bool(tensors["at_edge"][0])


def start(parts: Services) -> None:
    """Says how this work is done."""
    parts.jobs.register(ComplexitySweep(parts))
