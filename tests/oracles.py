"""Small synthetic worlds whose binding function, and so the right answer, is known.

    bag       sum of concept vectors over the objects: who owns what is not in the embedding
    additive  sum of object vectors, each in its slot: concept part, conjunction, slot effect
    product   elementwise product of one factor for each slot and concept

A world is a *signal* with variance near one over ``dim`` in each direction, plus noise of a known size.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bindscope.scenes.labels import SceneLabels

KINDS = ("bag", "additive", "product")
_MOST_SCENES = 4096


@dataclass(frozen=True, eq=False)
class World:
    """``embeddings`` = ``signal`` + noise, [scene, dim]."""

    embeddings: NDArray[np.float64]
    signal: NDArray[np.float64]
    labels: SceneLabels


def make_labels(values: tuple[int, ...], slots: int, *, seed: int = 0, scenes: int | None = None) -> SceneLabels:
    """All ordered scenes of ``slots`` objects, or a seeded sample of them without repetition."""
    count = int(np.prod(values)) ** slots
    objects = np.array(list(product(*(range(v) for v in values))))
    numbers = np.arange(count)
    if scenes is not None or count > _MOST_SCENES:
        numbers = np.random.default_rng(seed).choice(count, min(count, scenes or _MOST_SCENES), replace=False)
    ids = np.stack(np.unravel_index(numbers, (len(objects),) * slots), axis=1)
    names = tuple(f"concept{k}" for k in range(len(values)))
    return SceneLabels(objects[ids].astype(np.int64), values, names)


def make_world(
    kind: str,
    values: tuple[int, ...] = (5, 4),
    *,
    slots: int = 2,
    dim: int = 96,
    noise: float = 0.3,
    seed: int = 0,
    scenes: int | None = None,
) -> World:
    """A world of the given kind. ``noise`` is relative to the length of one concept vector."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    labels = make_labels(values, slots, seed=seed, scenes=scenes)

    def gauss(*shape: int) -> NDArray[np.float64]:
        return rng.standard_normal((*shape, dim)) / np.sqrt(dim)

    concepts = [gauss(v) for v in values]
    mean = gauss()
    if kind == "product":
        factors = [[1 + 0.6 * np.sqrt(dim) * gauss(v) for v in values] for _ in range(slots)]
        parts = [factors[s][k][labels.scenes[:, s, k]] for s in range(slots) for k in range(len(values))]
        signal = mean + np.prod(parts, axis=0) / np.sqrt(dim)
    else:
        owned = sum(table[labels.objects[:, k]] for k, table in enumerate(concepts))
        vectors = np.repeat(np.asarray(owned)[None], slots, axis=0)
        if kind == "additive":
            vectors = vectors + 0.7 * gauss(labels.object_count) + 0.3 * gauss(slots, labels.object_count)
        signal = mean + sum(vectors[s][labels.object_ids[:, s]] for s in range(slots))
    return World(signal + noise * gauss(len(labels)), np.asarray(signal), labels)


FUNCTIONS = ("sum", "object_products", "scene_product", "turned_product")


def make_function_world(
    kind: str,
    values: tuple[int, ...] = (6, 4),
    *,
    slots: int = 2,
    dim: int = 48,
    noise: float = 0.2,
    rank: int = 6,
    seed: int = 0,
) -> World:
    """A world whose embeddings are a known function of the value in each slot-and-concept column, plus noise.

    sum               one vector for each column's value
    object_products   for each object the elementwise product of its columns' factors, summed over objects
    scene_product     the elementwise product of all columns' factors
    turned_product    ``rank`` such products mixed by a random linear map: no axis of the embedding is a product

    All signals are scaled to a mean squared deviation of one in each dimension, so R2 can reach 1 / (1 + noise^2).
    """
    rng = np.random.default_rng([seed, FUNCTIONS.index(kind)])
    labels = make_labels(values, slots)
    width = rank if kind == "turned_product" else dim
    columns = [(slot, k) for slot in range(slots) for k in range(len(values))]
    tables = {(slot, k): 1 + 0.6 * rng.standard_normal((values[k], width)) for slot, k in columns}
    parts = {column: tables[column][labels.scenes[:, column[0], column[1]]] for column in columns}
    if kind == "sum":
        signal = np.sum([parts[column] for column in columns], axis=0)
    elif kind == "object_products":
        signal = np.sum([np.prod([parts[s, k] for k in range(len(values))], axis=0) for s in range(slots)], axis=0)
    else:
        signal = np.prod([parts[column] for column in columns], axis=0)
    if kind == "turned_product":
        signal = signal @ rng.standard_normal((rank, dim))
    signal = (signal - signal.mean(0)) / np.sqrt(((signal - signal.mean(0)) ** 2).mean())
    signal = signal + 3 * rng.standard_normal(dim)
    return World(signal + noise * rng.standard_normal(signal.shape), signal, labels)
