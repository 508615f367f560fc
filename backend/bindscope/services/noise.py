"""What must not decide a contest: the noise floor (how far a score moves when the same inputs are encoded in other
batch sizes), and a change by a hair, which a winner must survive."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.metrics import cosines
from bindscope.analysis.verdict import RESOLUTION, outcome
from bindscope.core.errors import InvalidInput
from bindscope.core.hashing import content_hash
from bindscope.encoders.protocol import Vectors
from bindscope.scenes.captions import Captioner
from bindscope.scenes.contests import exchanged
from bindscope.scenes.render import RENDERER_VERSION
from bindscope.scenes.scene import MAX_SIZE, MIN_SIZE, Placed, Scene
from bindscope.services.embedder import Embedder, Inputs
from bindscope.services.judging import Contested, Judged, Wording, contested
from bindscope.store.keys import measurement_key
from bindscope.store.measurements import Measurements

#: Copies of a picture; how far each object moves at most, as a share of the canvas; how much its size changes at most.
COPIES, MOVED, RESIZED = 20, 0.01, 0.02
#: What captions are put into, where there is no picture to move.
TEMPLATES = ("{}", "a photo of {}", "a picture of {}", "an image of {}", "There is {}.", "This is {}.")
#: Share of the copies that must keep the winner: 16 of 20 pictures, 5 of 6 templates.
LEAST_SAME = 0.8
_TRIES = 12

Kind = Literal["places", "templates"]


@dataclass(frozen=True)
class Robustness:
    """``same`` of ``copies`` have the outcome of the scene itself; ``kind``: what was changed."""

    same: int
    copies: int
    kind: Kind

    @property
    def stable(self) -> bool:
        """Whether the winner may be named."""
        return self.same >= LEAST_SAME * self.copies


def jittered(scene: Scene, *, copies: int = COPIES) -> list[Scene]:
    """Copies, seeded by the scene itself: places moved by up to 1 % of the side, sizes changed by up to 2 %, inside the
    canvas and without overlap. Objects that touch move less."""
    seed = int.from_bytes(content_hash(scene.canonical(), size=8), "big")
    return [_copy(scene, np.random.default_rng([seed, number])) for number in range(copies)]


def _copy(scene: Scene, rng: np.random.Generator) -> Scene:
    reach = 1.0
    for _ in range(_TRIES):
        shift = reach * rng.uniform(-1, 1, (len(scene.objects), 3))
        try:
            return Scene(scene.space, tuple(_moved(o, *row) for o, row in zip(scene.objects, shift, strict=True)))
        except InvalidInput:
            reach *= 0.7
    return scene


def _moved(placed: Placed, right: float, down: float, larger: float) -> Placed:
    size = min(max(placed.size * (1 + RESIZED * larger), MIN_SIZE), MAX_SIZE)
    size = round(size, 4)
    low, high = np.ceil(size / 2 * 1e4) / 1e4, np.floor((1 - size / 2) * 1e4) / 1e4
    x, y = np.clip([placed.x + MOVED * right, placed.y + MOVED * down], low, high)
    return replace(placed, x=float(x), y=float(y), size=size)


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


def surroundings(
    embedder: Embedder, judged: Contested, row: int, *, wording: Wording, floor: float
) -> tuple[Robustness | None, float | None]:
    """Robustness of scene ``row`` of ``judged`` and the margin of its twin, encoded in one batch.

    Drawn scenes that a model sees are moved by a hair; captions, and pictures that were uploaded, meet in other
    templates. The twin is the scene that the best swapped caption describes. None where there is no valid swap, for
    vectors that were uploaded (there is nothing else to ask) and for the twin of a scene that was uploaded.
    """
    if not judged.contest.has_swap[row] or judged.info.family == "precomputed":
        return None, None
    scene = judged.scenes[row]
    moved = scene.origin is None and not judged.text_only
    scenes = jittered(scene) if moved else [scene] * len(TEMPLATES)
    wordings = [wording] * len(scenes) if moved else _templates(wording)
    twin = [] if scene.origin is not None else [_twin(judged, row)]
    found = contested(
        embedder, judged.info.id, scenes=[*twin, *scenes], wordings=[*[wording] * len(twin), *wordings]
    ).contest
    own = outcome(float(judged.contest.margin[row]), noise_floor=floor, has_swap=True)
    copies = [outcome(float(margin), noise_floor=floor, has_swap=True) for margin in found.margin[len(twin) :]]
    robust = Robustness(copies.count(own), len(copies), "places" if moved else "templates")
    return robust, float(found.margin[0]) if twin else None


def _templates(wording: Wording) -> Sequence[Wording]:
    return [Wording(Captioner(template, wording.captioner.articles), wording.orders) for template in TEMPLATES]


def _twin(judged: Contested, row: int) -> Scene:
    """The same places, with the objects that the best swapped caption names."""
    own = judged.candidates[row]
    best = own.swap_texts[int(judged.swap_scores[row].argmax())]
    swap = next(swap for swap, texts in own.swaps if best in texts)
    return exchanged(judged.scenes[row], swap)
