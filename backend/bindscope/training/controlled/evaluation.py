"""Recognition of a model in controlled training: scenes of some objects against all queries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bindscope.analysis.verdict import Recognition, recognise
from bindscope.models.controlled import ControlledModel
from bindscope.scenes.labels import SceneLabels
from bindscope.training.controlled.scenes import SceneInputs

#: Scenes, or queries, in one forward pass; scores in one chunk.
_PASS = 1024
_SCORES = 4_000_000

Tick = Callable[[], None]


@dataclass(frozen=True, eq=False)
class QueryVectors:
    """Unit vectors of all queries: ``values`` [value of all concepts, dim], ``objects`` [object, dim]."""

    values: Tensor
    objects: Tensor


def encode_all_queries(model: ControlledModel, *, tick: Tick) -> QueryVectors:
    """Every concept value and every object of the space, in chunks; ``tick`` is called after each."""
    alphabet, device = model.alphabet, model.log_scale.device
    with torch.no_grad():
        values = model.encode_queries([alphabet.concept_queries(torch.arange(alphabet.value_count, device=device))])
        parts = []
        for begin in range(0, alphabet.object_count, _PASS):
            ids = torch.arange(begin, min(begin + _PASS, alphabet.object_count), device=device)
            parts.append(model.encode_queries([alphabet.object_queries(ids)]).float())
            tick()
    return QueryVectors(values.float(), torch.cat(parts))


def encode_scenes(model: ControlledModel, inputs: SceneInputs, *, tick: Tick) -> Tensor:
    """Unit vectors [scene, dim] of scenes with one number of objects (one token group, or pictures), in chunks."""
    device = model.log_scale.device
    whole = inputs if isinstance(inputs, Tensor) else inputs[0]
    parts = []
    with torch.no_grad():
        for begin in range(0, len(whole), _PASS):
            placed = whole[begin : begin + _PASS].to(device)
            parts.append(model.encode_scenes(placed if isinstance(inputs, Tensor) else [placed]).float())
            tick()
    return torch.cat(parts)


def recognition(vectors: Tensor, queries: QueryVectors, labels: SceneLabels, *, tick: Tick) -> Recognition:
    """Strict recognition of scenes with unit ``vectors`` [scene, dim] against all values and all |O| objects."""
    found = []
    step = max(1, _SCORES // len(queries.objects))
    for begin in range(0, len(vectors), step):
        part = labels.take(np.arange(begin, min(begin + step, len(vectors))))
        own = vectors[begin : begin + step]
        values = _scores(own, queries.values)
        heads = np.split(values, np.cumsum(labels.values)[:-1], axis=1)
        found.append(recognise(heads, _scores(own, queries.objects), scenes=part.scenes, object_ids=part.object_ids))
        tick()
    return Recognition.joined(found, concepts=len(labels.names))


def _scores(vectors: Tensor, queries: Tensor) -> NDArray[np.float64]:
    return (vectors @ queries.T).cpu().numpy().astype(np.float64)


def labels_of(ids: NDArray[np.int64], values: Sequence[int], names: Sequence[str]) -> SceneLabels:
    """Labels of scenes given as object ids [scene, object]."""
    indices = np.stack(np.unravel_index(ids, tuple(values)), axis=-1).astype(np.int64)
    return SceneLabels(indices, tuple(values), tuple(names))
