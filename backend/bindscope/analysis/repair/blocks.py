"""Which objects a repair never learns from: a block of values for the choice of the map, another one for its test.

A block is all objects with some values of one concept and some values of another, at most half of either. Its objects
close under swaps, so that a scene of them and its swapped scene can both be unseen; objects held out at random hardly
ever do. Two concepts of 8 values are the least, or 10 and 6, or 14 and 4.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, product
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Pairs
from bindscope.core.errors import InvalidInput
from bindscope.core.specs import LEAST_BLOCK_BAGS, RepairSpec
from bindscope.scenes.labels import SceneLabels

Mask = NDArray[np.bool_]
#: Placements of each size of block that are tried on an upload, whose scenes are as they are.
_PLACEMENTS = 8


@dataclass(frozen=True)
class Block:
    """All objects with one of ``values[0]`` of concept ``concepts[0]`` and one of ``values[1]`` of ``concepts[1]``."""

    concepts: tuple[int, int]
    values: tuple[tuple[int, ...], tuple[int, ...]]

    def objects(self, objects: NDArray[np.int64]) -> Mask:
        """Which of ``objects`` [object, concept] lie in the block: [object]."""
        inside = [np.isin(objects[:, k], own) for k, own in zip(self.concepts, self.values, strict=True)]
        return np.asarray(inside[0] & inside[1])


@dataclass(frozen=True)
class Blocks:
    """``validation`` chooses and confirms the map, ``test`` measures it. They share no value."""

    validation: Block
    test: Block


@dataclass(frozen=True)
class _Candidate:
    """``bags``: those of the block that has fewer of them."""

    blocks: Blocks
    objects: int
    bags: int


def blocks_of_space(values: tuple[int, ...], spec: RepairSpec) -> Blocks:
    """The blocks of a concept space, of which every scene can be drawn. Raises InvalidInput where it is too small."""

    def bags(block: Block) -> int:
        """Two different values of both concepts, and any two of each other one."""
        sizes = [comb(len(own), 2) for own in block.values]
        sizes += [comb(size + 1, 2) for k, size in enumerate(values) if k not in block.concepts]
        return prod(sizes)

    return _nearest(values, spec, bags, placements=1)


def blocks_of_scenes(labels: SceneLabels, spec: RepairSpec) -> Blocks:
    """The blocks of scenes as they are: only bags that occur with a swap of theirs count. Raises InvalidInput."""
    trials = Pairs.of(labels).trials()
    _, first = np.unique(trials.bag, return_index=True)
    paired = labels.scenes[trials.row[first]]

    def bags(block: Block) -> int:
        inside = np.ones(len(paired), dtype=bool)
        for k, own in zip(block.concepts, block.values, strict=True):
            inside &= np.isin(paired[:, :, k], own).all(1)
        return int(inside.sum())

    return _nearest(labels.values, spec, bags, placements=_PLACEMENTS)


def _nearest(values: tuple[int, ...], spec: RepairSpec, bags: Callable[[Block], int], *, placements: int) -> Blocks:
    """The blocks with bags enough whose size is nearest to the asked one, and of these those with the most bags."""
    wanted = (1 - spec.coverage) / 2 * prod(values)
    found = [
        _Candidate(own, _size(own, values), min(bags(own.validation), bags(own.test)))
        for own in _candidates(values, spec.seed, placements)
    ]
    able = [own for own in found if own.bags >= LEAST_BLOCK_BAGS]
    if not able:
        most = max((own.bags for own in found), default=0)
        raise InvalidInput(
            f"Too few combinations of values to repair and to know that it worked: two blocks of values are held out, "
            f"each with at least {LEAST_BLOCK_BAGS} sets of values that occur together with a swap of theirs, and here "
            f"a block has {most} at most. Take a space with more values, such as shapes2d with 10 colors and 10 "
            "shapes, or an upload with more scenes and their swaps."
        )
    return min(able, key=lambda own: (abs(own.objects - wanted), -own.bags)).blocks


def _size(blocks: Blocks, values: tuple[int, ...]) -> int:
    """Objects of a block."""
    first, second = blocks.test.concepts
    return prod(map(len, blocks.test.values)) * prod(values) // (values[first] * values[second])


def _candidates(values: tuple[int, ...], seed: int, placements: int) -> Iterator[Blocks]:
    """Blocks of all sizes, placed at random, that share no value; of each value half of the objects stay for training.

    The concepts are those with the most combinations of values.
    """
    pairs = sorted(combinations(range(len(values)), 2), key=lambda pair: -values[pair[0]] * values[pair[1]])
    rng = np.random.default_rng([seed, 41])
    for pair in pairs[:1]:
        for _ in range(placements):
            one, two = (rng.permutation(values[k]).tolist() for k in pair)
            for m, n in product(*(range(2, values[k] // 2 + 1) for k in pair)):
                test = tuple(sorted(one[:m])), tuple(sorted(two[:n]))
                validation = tuple(sorted(one[m : 2 * m])), tuple(sorted(two[n : 2 * n]))
                yield Blocks(Block(pair, validation), Block(pair, test))
