"""Data of controlled training, made on the fly with integer operations on object ids: no Python loop over scenes.

Everything is drawn on the CPU from one generator, so that a run sees the same scenes on every device.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bindscope.core.errors import InvalidInput
from bindscope.models.tokens import TokenAlphabet
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.controlled import ControlledConfig

Ids = NDArray[np.int64]

#: Most objects of a space: their ids are held and shuffled.
MOST_OBJECTS = 2**28
_VALIDATION_SHARE, _MOST_VALIDATION = 0.25, 1024
#: Most test objects that form a block; 5 x 5 of them make 100 bags.
_MOST_IN_BLOCK = 25


@dataclass(frozen=True, eq=False)
class ObjectPartition:
    """Object ids, each part sorted: ``train`` makes scenes, ``validation`` chooses the checkpoint, ``test`` is for the
    final figures only. Every concept value has a training object."""

    train: Ids
    validation: Ids
    test: Ids


def object_partition(space: ConceptSpace, *, coverage: float, seed: int) -> ObjectPartition:
    """A random partition with round(coverage |O|) training objects.

    A quarter of the others (at least one, at most 1024) are for validation. Random diagonals, one object for each
    value of the largest concept, keep every value in training. Among the test objects is a random block, all pairs of
    some values of two concepts: objects held out at random almost never close under swaps, and a binding score of
    unseen objects needs scenes whose swaps are unseen too. Raises InvalidInput where the diagonals take more objects
    than the coverage gives, or where no two objects are left unseen.
    """
    count = check_partition(space, coverage=coverage)
    total, largest = space.object_count, max(space.values)
    rng = np.random.default_rng([seed, 23])
    columns = [np.resize(rng.permutation(size), largest) for size in space.values]
    kept = np.ravel_multi_index(tuple(columns), space.values).astype(np.int64)
    unseen = total - count
    validation = min(max(1, int(_VALIDATION_SHARE * unseen)), _MOST_VALIDATION)
    block = _block(space.values, columns, most=min(_MOST_IN_BLOCK, unseen - validation))
    order = rng.permutation(total)
    rest = order[~np.isin(order, np.concatenate([kept, block]))]
    order = np.concatenate([kept, rest, block])
    first, second = count, count + validation
    return ObjectPartition(np.sort(order[:first]), np.sort(order[first:second]), np.sort(order[second:]))


def _block(values: Sequence[int], columns: Sequence[Ids], *, most: int) -> Ids:
    """Ids of a nearly square block of objects over the two largest concepts, the others held at one value.

    ``columns`` hold the values of the objects that training keeps, none of which is in the block. Empty where it would
    have fewer than two values of either concept.
    """
    none = np.zeros(0, dtype=np.int64)
    if len(values) < 2:
        return none
    *_, fewer, larger = np.argsort(values, kind="stable").tolist()
    count = max(2, min(math.isqrt(most), values[fewer] // 2))
    rows = columns[fewer][:count]
    free = columns[larger][~np.isin(columns[fewer], rows)]
    across = free[: min(most // count, count + 1)]
    if len(across) < 2:
        return none
    block = [np.full((len(rows), len(across)), column[0]) for column in columns]
    block[fewer], block[larger] = np.meshgrid(rows, across, indexing="ij")
    return np.ravel_multi_index(tuple(block), tuple(values)).astype(np.int64).reshape(-1)


def check_partition(space: ConceptSpace, *, coverage: float) -> int:
    """The number of training objects, without making the partition. Raises InvalidInput as ``object_partition``."""
    if not 0 < coverage < 1:
        raise InvalidInput(f"coverage must lie between 0 and 1, both excluded, got {coverage}.")
    total, largest = space.object_count, max(space.values)
    count = round(coverage * total)
    if count < largest:
        raise InvalidInput(
            f"Coverage {coverage} of space {space.name!r} is {count} of {total} objects, too few to show each of "
            f"{largest} values: take at least {largest / total:.3g}."
        )
    if total - count < 2:
        raise InvalidInput(
            f"Coverage {coverage} of space {space.name!r} leaves {total - count} of {total} objects unseen, but "
            f"validation and test need one each: take at most {(total - 2) / total:.3g}."
        )
    if total > MOST_OBJECTS:
        raise InvalidInput(
            f"Space {space.name!r} has {total:,} objects, which takes {total * 24 / 2**30:,.0f} GiB to split alone: "
            f"take one with at most {MOST_OBJECTS:,}."
        )
    return count


def scenes_of(objects: Ids, count: int, *, number: int, seed: int) -> Ids:
    """Scenes [scene, object] of ``count`` objects each: all ordered ones, or ``number`` different ones where there
    are more."""
    total = len(objects) ** count
    if total <= number:
        return objects[np.stack(np.unravel_index(np.arange(total), (len(objects),) * count), axis=1)]
    rng = np.random.default_rng([seed, 29])
    if total <= 4 * number:
        chosen = rng.choice(total, number, replace=False)
        return objects[np.stack(np.unravel_index(chosen, (len(objects),) * count), axis=1)]
    drawn = np.unique(objects[rng.integers(len(objects), size=(2 * number, count))], axis=0)
    return drawn[rng.permutation(len(drawn))[:number]]


@dataclass(frozen=True, eq=False)
class Batch:
    """One step: scenes, what is asked about them, and how often each stands in the batch.

    ``groups`` object ids [scene, object], one array for each number of objects; ``weights`` [scene of all groups];
    ``values`` value tokens [value] and ``objects`` object ids [object] that are queried.
    """

    groups: list[Tensor]
    weights: Tensor
    values: Tensor
    objects: Tensor


class SceneSampler:
    """Batches of training scenes; every draw comes from ``generator``, whose state is the sampler's whole state."""

    def __init__(self, config: ControlledConfig, alphabet: TokenAlphabet, train: Ids) -> None:
        self.config = config
        self.alphabet = alphabet
        self.train = torch.from_numpy(train)
        self.seen = torch.zeros(alphabet.object_count, dtype=torch.bool)
        self.seen[self.train] = True
        self.generator = torch.Generator().manual_seed(config.seed)

    def draw(self) -> Batch:
        """The batch of the next step."""
        groups = [self._draw_objects(size, n + 1) for n, size in enumerate(self.config.group_sizes)]
        objects = self._queried_objects(groups)
        values = self._queried_values(groups)
        merged = [merge_equal(group, self.alphabet.object_count) for group in groups]
        weights = torch.cat([weight for _, weight in merged])
        return Batch([group for group, _ in merged], weights, values, objects)

    def _draw_objects(self, size: int, count: int) -> Tensor:
        return self.train[torch.randint(len(self.train), (size, count), generator=self.generator)]

    def _queried_objects(self, groups: Sequence[Tensor]) -> Tensor:
        config = self.config
        present = torch.cat([group.flatten() for group in groups])
        present = distinct(present[torch.randperm(len(present), generator=self.generator)])[: config.queries]
        parts = [present]
        for group in groups:
            if group.shape[1] > 1 and config.swap_negatives:
                parts.append(self._drawn_swaps(group))
            if config.perturbed_negatives:
                parts.append(self._drawn_perturbations(group))
        if config.random_negatives:
            parts.append(self._drawn_at_random(config.batch * config.random_negatives))
        queried = torch.cat(parts)
        if config.negatives == "seen":
            queried = queried[self.seen[queried]]
        return distinct(queried)

    def _queried_values(self, groups: Sequence[Tensor]) -> Tensor:
        if self.alphabet.value_count <= self.config.queries:
            return torch.arange(self.alphabet.value_count)
        present = torch.cat([self.alphabet.value_tokens(group).flatten() for group in groups])
        present = distinct(present[torch.randperm(len(present), generator=self.generator)])
        return present[: self.config.queries]

    def _drawn_swaps(self, group: Tensor) -> Tensor:
        draws = torch.rand((3, len(group), self.config.swap_negatives), generator=self.generator)
        return swap_negatives(group, draws, self.alphabet).flatten()

    def _drawn_perturbations(self, group: Tensor) -> Tensor:
        draws = torch.rand((3, len(group), self.config.perturbed_negatives), generator=self.generator)
        return perturbed_negatives(group, draws, self.alphabet).flatten()

    def _drawn_at_random(self, number: int) -> Tensor:
        if self.config.negatives == "seen":
            return self._draw_objects(number, 1).flatten()
        return torch.randint(self.alphabet.object_count, (number,), generator=self.generator)


def distinct(ids: Tensor) -> Tensor:
    """The different ids [id], in the order of their first place."""
    ordered, places = ids.sort(stable=True)
    first = torch.ones_like(ordered, dtype=torch.bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ids[places[first].sort().values]


def merge_equal(group: Tensor, object_count: int) -> tuple[Tensor, Tensor]:
    """Each different scene of a group [scene, object] once, and how often it stands there.

    Nothing is merged where keys would not fit 63 bits, or where repetitions are rare.
    """
    size, count = group.shape
    key = group[:, 0]
    if object_count**count < 2**62:
        for slot in range(1, count):
            key = key * object_count + group[:, slot]
        keys, number = torch.unique(key, return_counts=True)
        if len(keys) < size:
            slots = [keys // object_count ** (count - 1 - slot) % object_count for slot in range(count)]
            return torch.stack(slots, dim=1), number.float()
    return group, torch.ones(size)


def swap_negatives(group: Tensor, draws: Tensor, alphabet: TokenAlphabet) -> Tensor:
    """Objects [scene, negative]: one object of the scene with one concept value of another object of it.

    ``group`` [scene, object] has two objects or more; ``draws`` [3, scene, negative] in [0, 1) choose the object, the
    other one and the concept. The other may hold the same value: the negative is then the object itself, and is
    labelled as such.
    """
    count, concepts = group.shape[1], len(alphabet.values)
    own = (draws[0] * count).long()
    other = (own + 1 + (draws[1] * (count - 1)).long()) % count
    concept = (draws[2] * concepts).long()
    before, given = group.gather(1, own), group.gather(1, other)
    stride, size = alphabet.strides[concept], alphabet.sizes[concept]
    return before + (given // stride % size - before // stride % size) * stride


def perturbed_negatives(group: Tensor, draws: Tensor, alphabet: TokenAlphabet) -> Tensor:
    """Objects [scene, negative]: one object of the scene with one concept at any other value.

    ``draws`` [3, scene, negative] in [0, 1) choose the object, the concept and the value.
    """
    count, concepts = group.shape[1], len(alphabet.values)
    concept = (draws[1] * concepts).long()
    before = group.gather(1, (draws[0] * count).long())
    stride, size = alphabet.strides[concept], alphabet.sizes[concept]
    value = before // stride % size
    shifted = (value + 1 + (draws[2] * (size - 1)).long()) % size
    return before + (shifted - value) * stride
