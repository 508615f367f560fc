"""Contrast of pictures with captions and queries (docs/methods/trainings.md). Everything here takes unit vectors."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import log_softmax


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over rows of the cross-entropy with ``targets`` [row, column], each row summing to one."""
    return -(targets * log_softmax(logits, dim=-1)).sum(-1).mean()


def uniform_over_present(ids: NDArray[np.int64], columns: int) -> NDArray[np.float32]:
    """Targets [scene, column], uniform over the distinct ``ids`` [scene, object]; -1 stands for no object."""
    present = np.zeros((len(ids), columns + 1), dtype=np.float32)
    np.put_along_axis(present, ids, 1.0, axis=1)
    present = present[:, :columns]
    return np.asarray(present / present.sum(1, keepdims=True))


def value_targets(keys: NDArray[np.int64], sizes: Sequence[int]) -> list[Tensor]:
    """For each concept the targets [scene, value] of the objects that ``keys`` [scene, object] name; -1 is none."""
    values = np.unravel_index(np.maximum(keys, 0), sizes)
    return [
        torch.from_numpy(uniform_over_present(np.where(keys >= 0, value, -1), size))
        for value, size in zip(values, sizes, strict=True)
    ]


def same_objects(keys: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float32]:
    """1 where two rows of sorted object ids are equal: [row, other]."""
    return np.asarray((keys[:, None] == others[None]).all(-1), dtype=np.float32)


def caption_loss(pictures: Tensor, captions: Tensor, swaps: Tensor, *, scale: Tensor, same: Tensor) -> Tensor:
    """Contrast in both directions; swapped captions are further candidates for every picture.

    ``pictures`` and ``captions`` are [scene, dim], ``swaps`` [swap, dim]; ``same`` [scene, caption + swap] is 1 where
    a candidate tells the scene's own objects, so that no true caption is ever a negative.
    """
    logits = scale * pictures @ torch.cat([captions, swaps]).T
    forward = soft_cross_entropy(logits, same / same.sum(1, keepdim=True))
    own = same[:, : len(captions)].T
    backward = soft_cross_entropy(logits[:, : len(captions)].T, own / own.sum(1, keepdim=True))
    return (forward + backward) / 2


def query_loss(pictures: Tensor, queries: Sequence[Tensor], *, scale: Tensor, targets: Sequence[Tensor]) -> Tensor:
    """Mean over sets of queries [query, dim] of the soft cross-entropy over that set."""
    losses = [
        soft_cross_entropy(scale * pictures @ query.T, target) for query, target in zip(queries, targets, strict=True)
    ]
    return torch.stack(losses).mean()
