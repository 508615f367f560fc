"""Learning the map: a start in closed form, then contrastive steps held near it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import unit
from bindscope.analysis.repair.data import Array, RepairData, Rows

if TYPE_CHECKING:
    import torch

_STEPS, _EVERY, _BATCH = 240, 20, 256
#: Cosines are multiplied by this before the softmax; the step of Adam for one dimension.
_SCALE, _RATE = 50.0, 0.03
#: A longer vector is mapped inside the directions in which the training vectors vary most, so many at most.
_MOST_DIRECTIONS = 512


@dataclass(frozen=True, eq=False)
class TextMap:
    """A = I + basis (inner - I) basis^T, with orthonormal columns ``basis`` [dim, direction]."""

    basis: Array
    inner: Array

    def apply(self, texts: Array, t: float) -> Array:
        """Texts [text, dim] times A_t = (1 - t) I + t A, not scaled."""
        inside = texts @ self.basis
        mapped: Array = texts + t * ((inside @ self.inner.T - inside) @ self.basis.T)
        return mapped

    def matrix(self, t: float = 1.0) -> Array:
        """A_t [dim, dim]."""
        return self.apply(np.eye(len(self.basis)), t).T

    @property
    def distance(self) -> float:
        """||A - I|| / sqrt(dim), Frobenius."""
        return float(np.linalg.norm(self.inner - np.eye(len(self.inner))) / len(self.basis) ** 0.5)


@dataclass(frozen=True)
class Recipe:
    """Where a map starts (``ridge`` None: the identity), how strongly it is held there, and for how many steps."""

    ridge: float | None
    strength: float
    steps: int


def directions(data: RepairData, train: Rows) -> Array:
    """Orthonormal columns [dim, direction]: all directions, or those in which training vectors vary most."""
    dim = data.texts.shape[1]
    if dim <= _MOST_DIRECTIONS:
        return np.eye(dim)
    rows = unit(np.concatenate([data.images[train], data.texts[data.true[train, 0]]]))
    rows = rows - rows.mean(0)
    _, size, turned = np.linalg.svd(rows, full_matrices=False)
    kept = int((size > 1e-6 * size[0]).sum()) if size[0] > 0 else 1
    return np.ascontiguousarray(turned[: min(_MOST_DIRECTIONS, max(kept, 1))].T)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a map is learned from: ``pairs``, scenes with their captions, and ``fights``, those with an allowed swap.

    ``allowed`` [scene, swap]: those that hold no held-out object.
    """

    data: RepairData
    pairs: Rows
    fights: Rows
    allowed: NDArray[np.bool_]
    basis: Array
    seed: int
    tick: Callable[[], None]

    def start(self, ridge: float | None) -> TextMap:
        """The identity, or the linear regression of images on their captions, drawn to the identity."""
        eye = np.eye(self.basis.shape[1])
        if ridge is None:
            return TextMap(self.basis, eye)
        true = self.data.true[self.pairs]
        scenes, orders = np.nonzero(true >= 0)
        texts = unit(self.data.texts)[true[scenes, orders]] @ self.basis
        images = (unit(self.data.images)[self.pairs] @ self.basis)[scenes]
        held = ridge * float((texts**2).sum()) / len(eye)
        square, cross = texts.T @ texts + held * eye, texts.T @ images + held * eye
        return TextMap(self.basis, np.asarray(np.linalg.solve(square, cross), dtype=np.float64).T)

    def maps(self, start: TextMap, strength: float) -> Iterator[tuple[int, TextMap]]:
        """Steps of contrastive training and the map after each so many of them, held near its start."""
        import torch

        data, dim = self.data, self.basis.shape[1]
        rng = np.random.default_rng([self.seed, 43])
        first = torch.from_numpy(start.inner.astype(np.float32))
        matrix = first.clone().requires_grad_()
        optimizer = torch.optim.Adam([matrix], lr=_RATE / dim**0.5)
        images = torch.from_numpy((unit(data.images) @ self.basis).astype(np.float32))
        texts = torch.from_numpy((unit(data.texts) @ self.basis).astype(np.float32))
        for step in range(1, _STEPS + 1):
            self.tick()
            scenes = rng.choice(self.fights, min(_BATCH, len(self.fights)), replace=False)
            orders = rng.integers(0, (data.true[scenes] >= 0).sum(1))
            loss = _loss(matrix, images, texts, data, self.allowed, scenes, data.true[scenes, orders])
            loss = loss + strength * ((matrix - first) ** 2).sum() / dim
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % _EVERY == 0:
                yield step, TextMap(self.basis, matrix.detach().numpy().astype(np.float64))


def _loss(
    matrix: "torch.Tensor",
    images: "torch.Tensor",
    texts: "torch.Tensor",
    data: RepairData,
    allowed: NDArray[np.bool_],
    scenes: Rows,
    captions: Rows,
) -> "torch.Tensor":
    """Cross-entropy of each image's own caption among those of the batch and its own swaps."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    own = images[torch.from_numpy(scenes)]
    mapped = normalize(texts[torch.from_numpy(captions)] @ matrix.T, dim=1)
    among = own @ mapped.T
    meaning = np.unique(np.sort(data.labels.object_ids[scenes], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    same = torch.from_numpy(meaning[:, None] == meaning[None]) & ~torch.eye(len(scenes), dtype=torch.bool)
    swaps = data.swaps[scenes]
    rows = torch.from_numpy(np.maximum(swaps.reshape(len(scenes), -1), 0))
    against = torch.einsum("sd,swd->sw", own, normalize(texts[rows] @ matrix.T, dim=2))
    logits = _SCALE * torch.cat([among, against], dim=1)
    hidden = torch.cat([same, ~torch.from_numpy(np.repeat(allowed[scenes], swaps.shape[2], axis=1))], dim=1)
    return cross_entropy(logits.masked_fill(hidden, -torch.inf), torch.arange(len(scenes)))
