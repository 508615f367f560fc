"""Principal components of targets: families that predict many numbers at once work in fewer of them."""

import numpy as np

from bindscope.analysis.complexity.problem import Array


def principal_components(targets: Array, *, most: int, spread_left: float) -> Array:
    """Principal axes [component, dim] of centred targets, from the widest on.

    At most ``most``, and no more than it takes to carry all but ``spread_left`` of the spread.
    """
    count, dim = targets.shape
    square, turn = np.linalg.eigh(targets @ targets.T if count < dim else targets.T @ targets)
    square, turn = np.maximum(square[::-1], 0.0), turn[:, ::-1]
    share = np.cumsum(square) / max(float(square.sum()), np.finfo(float).tiny)
    kept = min(most, int((share < 1 - spread_left).sum()) + 1, int((square > 1e-12 * square[:1]).sum()) or 1)
    if count >= dim:
        return np.ascontiguousarray(turn[:, :kept].T)
    length = np.sqrt(square[:kept])
    axes = np.divide(turn[:, :kept].T @ targets, length[:, None], out=np.zeros((kept, dim)), where=length[:, None] > 0)
    return np.asarray(axes)
