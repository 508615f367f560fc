"""Which scenes of a concept space a repair looks at: those of its blocks with their swaps, then some of the rest."""

from math import comb

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.repair.blocks import Block, Blocks
from bindscope.analysis.repair.data import Captions
from bindscope.scenes.labels import SceneLabels

Ids = NDArray[np.int64]
#: Up to so many pairs of a block's objects are all looked at; of more, so many are drawn.
_MOST_PAIRS = 1 << 18


def scenes_with_blocks(sample: SceneLabels, blocks: Blocks, *, limit: int, seed: int) -> SceneLabels:
    """At most ``limit`` ordered scenes of two objects: bags of each block with all their pairings, up to a quarter of
    the limit for either block, then as many scenes of the ``sample`` as have room."""
    count = sample.object_count
    held = [_block_codes(sample, own, most=limit // 4, seed=seed) for own in (blocks.validation, blocks.test)]
    first = np.unique(np.concatenate(held))
    rest = sample.object_ids @ np.array([count, 1])
    rest = rest[~np.isin(rest, first)]
    room = max(0, limit - len(first))
    rest = rest if len(rest) <= room else np.random.default_rng([seed, 53]).choice(rest, room, replace=False)
    codes = np.sort(np.concatenate([first, rest]))
    ids = np.stack([codes // count, codes % count], axis=1)
    return SceneLabels(sample.objects[ids], sample.values, sample.names)


def _block_codes(sample: SceneLabels, block: Block, *, most: int, seed: int) -> Ids:
    """Scenes, as first object * objects + second object, of bags drawn without repetition."""
    objects, count = np.flatnonzero(block.objects(sample.objects)), sample.object_count
    rng = np.random.default_rng([seed, 59])
    if comb(len(objects), 2) <= _MOST_PAIRS:
        places = np.stack(np.triu_indices(len(objects), 1), axis=1)
    else:
        places = rng.integers(0, len(objects), (_MOST_PAIRS, 2))
    pairs = SceneLabels(sample.objects[objects[places]], sample.values, sample.names)
    pairs = pairs.take(pairs.has_valid_swap)
    words = np.sort(pairs.scenes, axis=1).reshape(len(pairs), -1)
    _, bags = np.unique(words, axis=0, return_index=True)
    captions = Captions.of(pairs.take(rng.permutation(bags)))
    scenes = np.concatenate([captions.true[:, None], captions.swaps], axis=1)
    codes = np.where(scenes[..., 0] >= 0, scenes[..., 0] * count + scenes[..., 1], -1).reshape(len(scenes), -1)
    fitting = np.cumsum((codes >= 0).sum(1)) <= most
    taken = codes[fitting]
    return np.asarray(taken[taken >= 0], dtype=np.int64)
