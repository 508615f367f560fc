"""The noise floor: how far a score moves when the same inputs are encoded in other batch sizes."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.metrics import cosines
from bindscope.analysis.verdict import RESOLUTION
from bindscope.encoders.protocol import Vectors
from bindscope.scenes.render import RENDERER_VERSION
from bindscope.services.embedder import Embedder, Inputs
from bindscope.services.judging import Judged
from bindscope.store.keys import measurement_key
from bindscope.store.measurements import Measurements

BATCH_SIZES = (1, 32)
#: Captions of each kind that are measured again: all of them up to two objects, the leading ones above.
LEADING = 4
#: Scenes on which the floor of many is measured.
SCENES = 4

#: Vectors of inputs, encoded again.
Encode = Callable[[Inputs], Vectors]


def noise_floor(
    embedder: Embedder,
    model: str,
    score: Callable[[Encode], ArrayLike],
    *,
    before: ArrayLike,
    batches: Sequence[int] = BATCH_SIZES,
) -> float:
    """Largest change of ``score`` from what it was ``before``, when it encodes its inputs in batches of these sizes."""
    again = [np.asarray(score(partial(embedder.reencode, model, batch=batch))) for batch in batches]
    return max(float(np.abs(scores - before).max()) for scores in again)


class NoiseMeter:
    """Measures once per input and remembers the result."""

    def __init__(self, embedder: Embedder, measurements: Measurements) -> None:
        self._embedder = embedder
        self._measurements = measurements

    def floor(self, judged: Judged, row: int) -> float:
        """Largest change of the margin of scene ``row`` between the stored vectors and fresh ones.

        At least RESOLUTION; 0 without a valid swap.
        """
        if not judged.contest.has_swap[row]:
            return 0.0
        own = judged.candidates[row]
        true = _leading(own.true, judged.true_scores[row])
        swaps = _leading(own.swap_texts, judged.swap_scores[row])
        scene = judged.scenes[row].canonical()
        pixels = str(judged.info.pixels)
        parts = [
            judged.info.fingerprint.digest,
            RENDERER_VERSION,
            pixels,
            own.anchor,
            scene,
            str(len(true)),
            *true,
            *swaps,
        ]
        floor = self._measurements.read_through(
            measurement_key("noise", parts), lambda: self._measure(judged, row, true=true, swaps=swaps)
        )
        if not isinstance(floor, float):
            raise TypeError(f"a noise floor is a float, got {floor!r}")
        return max(floor, RESOLUTION)

    def floor_of(self, judged: Judged) -> float:
        """For many scenes: the largest floor of the first few of ``judged`` that have a valid swap."""
        rows = np.flatnonzero(judged.contest.has_swap)[:SCENES].tolist()
        return max((self.floor(judged, row) for row in rows), default=0.0)

    def _measure(self, judged: Judged, row: int, *, true: Sequence[str], swaps: Sequence[str]) -> float:
        anchor: Inputs = [judged.candidates[row].anchor] if judged.text_only else [judged.scenes[row]]

        def margin(encode: Encode) -> float:
            return _margin(cosines(encode(anchor), encode([*true, *swaps]))[0], len(true))

        before = float(judged.contest.margin[row])
        return noise_floor(self._embedder, judged.info.id, margin, before=before)


def _margin(scores: NDArray[np.float64], true: int) -> float:
    return float(scores[:true].max() - scores[true:].max())


def _leading(texts: Sequence[str], scores: NDArray[np.float64]) -> list[str]:
    order = np.argsort(-scores[: len(texts)], kind="stable")[:LEADING]
    return [texts[i] for i in sorted(order)]
