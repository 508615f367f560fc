"""What a repair is learned from and measured on: scenes of two objects with their captions and those of their swaps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.binding import Trials
from bindscope.scenes.labels import SceneLabels

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Captions:
    """Captions as objects in order of mention: ``true`` [scene, order, object] and ``swaps`` [scene, swap, order,
    object] object ids, -1 where a scene has no such swap. Order 0 is as listed, order 1 the other way round.

    A swap keeps the order in which all concepts but the swapped one are named, so that captions of one order are alike
    in all but the owners.
    """

    true: Rows
    swaps: Rows

    @classmethod
    def of(cls, labels: SceneLabels) -> "Captions":
        """Of scenes of two objects; each distinct swapped scene once, lowest concept first."""
        scenes, concepts = labels.scenes, len(labels.values)
        differ = scenes[:, 0] != scenes[:, 1]
        count = differ.sum(1)
        # Where two concepts differ, exchanging the one or the other makes the same scene.
        again = (count == 2)[:, None] & (np.cumsum(differ, axis=1) == 2)
        valid = differ & (count >= 2)[:, None] & ~again
        swaps = np.full((len(scenes), concepts, 2), -1, dtype=np.int64)
        radix = np.cumprod([1, *labels.values[:0:-1]])[::-1]
        for k in range(concepts):
            step = (scenes[:, 1, k] - scenes[:, 0, k]) * radix[k]
            swaps[:, k] = labels.object_ids + np.stack([step, -step], axis=1)
        swaps[~valid] = -1
        kept = np.argsort(~valid, axis=1, kind="stable")
        swaps = np.take_along_axis(swaps, kept[:, :, None], axis=1)[:, : int(valid.sum(1).max(initial=0))]
        return cls(_both_orders(labels.object_ids), _both_orders(swaps))

    def codes(self, objects: int) -> Rows:
        """All captions as first object * ``objects`` + second object: those of ``true``, then those of ``swaps``."""
        every = np.concatenate([self.true.reshape(-1, 2), self.swaps.reshape(-1, 2)])
        return np.asarray(every[every[:, 0] >= 0] @ np.array([objects, 1]), dtype=np.int64)


def _both_orders(objects: Rows) -> Rows:
    return np.stack([objects, objects[..., ::-1]], axis=-2)


@dataclass(frozen=True, eq=False)
class RepairData:
    """``images`` [scene, dim]; ``texts`` [text, dim]; rows of texts: ``true`` [scene, order] and ``swaps``
    [scene, swap, order], padded with -1; ``swap_objects`` [scene, swap, object] ids; ``queries``, one array a concept,
    of the query for each value.
    """

    images: Array
    texts: Array
    labels: SceneLabels
    true: Rows
    swaps: Rows
    swap_objects: Rows
    queries: tuple[Rows, ...]

    @classmethod
    def of(
        cls,
        images: Array,
        texts: Array,
        labels: SceneLabels,
        *,
        captions: Captions,
        codes: Rows,
        queries: tuple[Rows, ...],
    ) -> "RepairData":
        """The first ``texts`` are the captions with these ascending ``codes`` (first object * objects + second)."""

        def rows(objects: Rows) -> Rows:
            own = objects @ np.array([labels.object_count, 1])
            return np.where(own >= 0, np.searchsorted(codes, own), -1)

        return cls(images, texts, labels, rows(captions.true), rows(captions.swaps), captions.swaps[:, :, 0], queries)

    def swap_of(self, scenes: Rows, trials: Trials) -> Rows:
        """Which swap [trial] of its scene leads to the partner of each trial; ``trials.row`` counts in ``scenes``."""
        after = np.sort(self.swap_objects[scenes[trials.row]], axis=-1)
        return np.asarray((after == trials.other[:, None]).all(-1).argmax(1), dtype=np.int64)
