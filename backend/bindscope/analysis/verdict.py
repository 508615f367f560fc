"""The verdict: caption contest, recognition and diagnosis, on arrays.

Everything is strict: a margin inside the noise floor is *undecided*, a tie among scores is *not recognised*,
and a scene without a valid swap is neither right nor wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import comb, prod
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bindscope.analysis.binding import share_over_bags
from bindscope.analysis.metrics import Interval, recognised, unit

Outcome = Literal["binds", "swaps", "undecided", "no_valid_swap"]
Diagnosis = Literal["binds", "bag_of_concepts", "blind", "undecided"]

#: Cosines of float32 vectors are not trusted below this, whatever the measured floor.
RESOLUTION = 1e-6


@dataclass(frozen=True)
class Contest:
    """Margins [scene] (0 where there is no valid swap) and whether there is one [scene]."""

    margin: NDArray[np.float64]
    has_swap: NDArray[np.bool_]


def caption_scores(anchors: ArrayLike, table: ArrayLike, index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosines [scene, caption] between each scene's anchor and its own captions.

    ``anchors`` [scene, dim]; ``table`` [text, dim]; ``index`` [scene, caption] rows of the table, -1 for none
    (scored -inf).
    """
    texts = unit(table)
    own = texts[np.maximum(index, 0)]
    scores = np.clip(np.einsum("sd,scd->sc", unit(anchors), own), -1.0, 1.0)
    return np.where(index >= 0, scores, -np.inf)


def contest(true_scores: NDArray[np.float64], swap_scores: NDArray[np.float64]) -> Contest:
    """Best true caption minus best swapped caption, from scores [scene, caption] with -inf for none."""
    best_true, best_swap = true_scores.max(-1, initial=-np.inf), swap_scores.max(-1, initial=-np.inf)
    has_swap = np.isfinite(best_true) & np.isfinite(best_swap)
    margin = np.where(has_swap, np.where(has_swap, best_true, 0.0) - np.where(has_swap, best_swap, 0.0), 0.0)
    return Contest(margin, has_swap)


def outcome(margin: float, *, noise_floor: float, has_swap: bool) -> Outcome:
    """Who wins the contest of one scene; inside the floor nobody does."""
    if not has_swap:
        return "no_valid_swap"
    floor = max(noise_floor, RESOLUTION)
    if margin > floor:
        return "binds"
    return "swaps" if margin < -floor else "undecided"


def diagnose(result: Outcome, *, concepts: bool, objects: bool) -> Diagnosis:
    """Joins the contest with recognition of all concepts and of the objects.

    Blind: not even the concepts. Bag of concepts: the concepts, but contest or objects lost. Undecided: concepts
    and objects are recognised and the captions tie, or nothing can be exchanged, which is neither right nor wrong.
    """
    if not concepts:
        return "blind"
    if result == "swaps" or not objects:
        return "bag_of_concepts"
    return "binds" if result == "binds" else "undecided"


def presence(values: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """Which of ``size`` values each scene holds: [scene, size], from indices [scene, object]."""
    mask = np.zeros((len(values), size), dtype=bool)
    mask[np.arange(len(values))[:, None], values] = True
    return mask


@dataclass(frozen=True)
class Recognition:
    """Whether each scene is recognised: per concept [scene, concept], all concepts [scene], objects [scene]."""

    by_concept: NDArray[np.bool_]
    concepts: NDArray[np.bool_]
    object: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Iterable["Recognition"], *, concepts: int) -> "Recognition":
        """The scenes of all parts, one after the other; ``concepts`` counts for no part at all."""
        own = [cls(np.zeros((0, concepts), dtype=bool), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)), *parts]
        return cls(
            np.concatenate([part.by_concept for part in own]),
            np.concatenate([part.concepts for part in own]),
            np.concatenate([part.object for part in own]),
        )


def recognise(
    concept_scores: Sequence[NDArray[np.float64]],
    object_scores: NDArray[np.float64],
    *,
    scenes: NDArray[np.int64],
    object_ids: NDArray[np.int64],
) -> Recognition:
    """Strict recognition from cosines [scene, value] of each concept and [scene, object].

    ``scenes`` [scene, object, concept] value indices; ``object_ids`` [scene, object].
    """
    heads = [
        recognised(scores, presence(scenes[:, :, k], scores.shape[1]), resolution=RESOLUTION)
        for k, scores in enumerate(concept_scores)
    ]
    by_concept = np.stack(heads, axis=1)
    whole = recognised(object_scores, presence(object_ids, object_scores.shape[1]), resolution=RESOLUTION)
    return Recognition(by_concept, np.asarray(by_concept.all(1)), whole)


def recognition_intervals(
    result: Recognition, names: Sequence[str], *, has_swap: NDArray[np.bool_], bags: NDArray[np.int64] | None = None
) -> dict[str, Interval]:
    """The wire's *recognition*: each concept, all concepts at once, objects, objects where a valid swap exists.

    Intervals over ``bags`` [scene], which n counts; None: every scene is a bag of its own.
    """
    own = np.arange(len(has_swap)) if bags is None else bags
    hits = {name: result.by_concept[:, k] for k, name in enumerate(names)}
    hits |= {"concepts": result.concepts, "object": result.object}
    out = {name: share_over_bags(hit, own) for name, hit in hits.items()}
    out["object_on_valid_swaps"] = share_over_bags(result.object[has_swap], own[has_swap])
    return out


def chance(values: Sequence[int], names: Sequence[str], *, scenes: NDArray[np.int64]) -> dict[str, float]:
    """Recognition that random scores would reach on these scenes: mean over scenes of 1 / C(V, present)."""

    def expected(indices: NDArray[np.int64], size: int) -> NDArray[np.float64]:
        present = presence(indices, size).sum(1)
        return np.array([1.0 / comb(size, int(p)) for p in present])

    single = [expected(scenes[:, :, k], v) for k, v in enumerate(values)]
    ids = np.zeros(scenes.shape[:2], dtype=np.int64)
    for k, size in enumerate(values):
        ids = ids * size + scenes[:, :, k]
    out = {name: float(s.mean()) for name, s in zip(names, single, strict=True)}
    out["concepts"] = float(np.prod(single, axis=0).mean())
    out["object"] = float(expected(ids, prod(values)).mean())
    return out
