"""How evenly embeddings fill their space: mean cosine of pairs, and the number of directions that hold the variance.

A narrow cone makes every cosine high, whatever a scene shows (Ethayarajh 2019); the participation ratio of the
eigenvalues counts the directions (Gao et al. 2017).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import unit
from bindscope.core.errors import InvalidInput


@dataclass(frozen=True)
class Isotropy:
    """``mean_cosine`` of all pairs of scenes; ``directions``: participation ratio of the centred embeddings."""

    scenes: int
    mean_cosine: float
    directions: float


def isotropy(embeddings: NDArray[np.floating]) -> Isotropy:
    """Of embeddings [scene, dim]. Raises InvalidInput for fewer than two scenes, and for scenes that are all alike."""
    count = len(embeddings)
    if count < 2:
        raise InvalidInput("Isotropy needs at least two scenes.")
    rows = unit(embeddings.astype(np.float64))
    mean = (float(np.square(rows.sum(0)).sum()) - count) / (count * (count - 1))
    spread = np.linalg.svd(embeddings - embeddings.mean(0), compute_uv=False) ** 2
    if not spread.sum() > 0:
        raise InvalidInput("All scenes have one vector: there is no direction in which they differ.")
    return Isotropy(count, mean, float(spread.sum() ** 2 / np.square(spread).sum()))
