"""Held-out scenes, and probes that read them: what decomposition, removal and surgery ask of linear probes."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.incidence import BLOCK
from bindscope.analysis.metrics import Interval
from bindscope.analysis.probes import split_scenes
from bindscope.analysis.verdict import Recognition, recognise, recognition_intervals
from bindscope.domain.labels import SceneLabels
from bindscope.errors import InvalidInput

_SCORES = 1 << 23


class Scores(Protocol):
    """Scores of each concept's values [scene, value] and of objects [scene, object]."""

    @property
    def concepts(self) -> Sequence[NDArray[np.float64]]: ...

    @property
    def objects(self) -> NDArray[np.float64]: ...


class Probes(Protocol):
    """Fitted probes."""

    def predict(self, embeddings: NDArray[np.floating], /) -> Scores: ...


#: Fits probes on embeddings [scene, dim] and their labels.
ProbeFit = Callable[[NDArray[np.floating], SceneLabels], Probes]


def split(labels: SceneLabels, *, train_ratio: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and held-out rows, the split of the probes: the same scenes for the same ratio and seed."""
    count = len(labels)
    cut = int(train_ratio * count)
    if cut < 2 or count - cut < 2:
        raise InvalidInput(
            f"At least two training and two held-out scenes are needed: {count} scenes at a training share of "
            f"{train_ratio:g} give {cut} and {count - cut}. Add scenes or change the share."
        )
    return split_scenes(labels, train_ratio=train_ratio, seed=seed)


def recognition_of(probes: Probes, embeddings: NDArray[np.floating], labels: SceneLabels) -> dict[str, Interval]:
    """Recognition intervals of ``labels`` in embeddings [scene, dim] under fitted probes, block by block."""
    step = min(BLOCK, max(1, _SCORES // (labels.object_count + sum(labels.values))))
    parts: list[Recognition] = []
    for first in range(0, max(1, len(labels)), step):
        scores = probes.predict(embeddings[first : first + step])
        scenes, ids = labels.scenes[first : first + step], labels.object_ids[first : first + step]
        parts.append(recognise(scores.concepts, scores.objects, scenes=scenes, object_ids=ids))
    whole = Recognition(
        np.concatenate([part.by_concept for part in parts]),
        np.concatenate([part.concepts for part in parts]),
        np.concatenate([part.object for part in parts]),
    )
    return recognition_intervals(whole, labels.names, has_swap=labels.has_valid_swap)
