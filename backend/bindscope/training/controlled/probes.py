"""The queries of a finished run as probes of scene embeddings: no fitting, what the run itself would answer."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.probes import ProbeScores
from bindscope.encoders.checksummed import unpack
from bindscope.encoders.trained_runs import CONFIG, MODEL
from bindscope.models.controlled import build_model
from bindscope.scenes.controlled import read_definition
from bindscope.store.artifacts import ArtifactFolder
from bindscope.training.controlled.evaluation import encode_all_queries


@dataclass(frozen=True, eq=False)
class QueryProbes:
    """Unit vectors of the concept queries [value, dim], one array a concept, and of the object queries [object, dim].

    Scores are dot products: of unit scene vectors, cosines.
    """

    concepts: tuple[NDArray[np.float32], ...]
    objects: NDArray[np.float32]

    def predict(self, embeddings: NDArray[np.floating], /) -> ProbeScores:
        """Scores of embeddings [scene, dim]."""
        rows = np.asarray(embeddings, dtype=np.float32)
        heads = [(rows @ queries.T).astype(np.float64) for queries in self.concepts]
        return ProbeScores(heads, (rows @ self.objects.T).astype(np.float64))


def query_probes(folder: ArtifactFolder) -> QueryProbes:
    """The queries of the run in ``folder``. Raises ModelUnavailable for damaged files."""
    config, space = read_definition(json.loads(folder.read(CONFIG)))
    model = build_model(config, space.values)
    model.load_state_dict(dict(unpack(folder.read(MODEL), what="model of this run").tensors))
    queries = encode_all_queries(model, tick=lambda: None)
    values = np.split(queries.values.numpy(), np.cumsum(space.values)[:-1])
    return QueryProbes(tuple(values), queries.objects.numpy())
