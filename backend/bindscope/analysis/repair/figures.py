"""What is measured of a repair: scenes with their captions, and the figures of images and texts on some of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import Interval, recognised, unit, wilson
from bindscope.analysis.verdict import RESOLUTION, caption_scores, contest, presence
from bindscope.domain.labels import SceneLabels

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RepairData:
    """``images`` [scene, dim]; ``texts`` [text, dim]; rows of texts: ``true`` [scene, order] and ``swaps``
    [scene, swap caption], padded with -1; ``swap_objects`` [scene, swap caption, object] ids; ``queries``, one array a
    concept, of the query for each value.
    """

    images: Array
    texts: Array
    labels: SceneLabels
    true: Rows
    swaps: Rows
    swap_objects: Rows
    queries: tuple[Rows, ...]


@dataclass(frozen=True)
class Figures:
    """Of scenes of unseen objects: the true caption wins against its swaps; the right picture comes first where twins
    are left out; all concepts are recognised."""

    swap_accuracy: Interval
    recall_at_1: Interval
    concepts: Interval


def figures(data: RepairData, images: Array, texts: Array, scenes: Rows) -> Figures:
    """Figures of some scenes by ``images`` [scene, dim] and ``texts`` [text, dim] in place of the data's own."""
    own, labels = images[scenes], data.labels.take(scenes)
    fight = contest(
        caption_scores(own, texts, data.true[scenes]),
        caption_scores(own, texts, data.swaps[scenes]),
    )
    right = fight.has_swap & (fight.margin > RESOLUTION)
    hits = np.ones(len(scenes), dtype=bool)
    pictures = unit(own)
    for k, rows in enumerate(data.queries):
        scores = pictures @ unit(texts[rows]).T
        hits &= recognised(scores, presence(labels.scenes[:, :, k], len(rows)), resolution=RESOLUTION)
    return Figures(
        wilson(int(right.sum()), int(fight.has_swap.sum())),
        _recall(pictures, unit(texts[data.true[scenes, 0]]), labels),
        wilson(int(hits.sum()), len(scenes)),
    )


def _recall(pictures: Array, captions: Array, labels: SceneLabels) -> Interval:
    """Captions find their scene among the pictures of scenes that are not twins of it."""
    scores = captions @ pictures.T
    meaning = np.unique(np.sort(labels.object_ids, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    words = np.sort(labels.scenes, axis=1).reshape(len(labels), -1)
    same_words = np.unique(words, axis=0, return_inverse=True)[1].reshape(-1)
    same = meaning[:, None] == meaning[None]
    twin = (same_words[:, None] == same_words[None]) & ~same
    best = np.where(same, scores, -np.inf).max(1)
    other = np.where(same | twin, -np.inf, scores).max(1, initial=-np.inf)
    return wilson(int((best > other + RESOLUTION).sum()), len(scores))


def baselines(data: RepairData, train: Rows, test: Rows) -> dict[str, Figures]:
    """What costs nothing: both means taken away, and both sides whitened, fitted on training scenes."""
    images, texts = data.images[train], data.texts[data.true[train, 0]]
    out = {}
    for name, fit in (("mean_removed", _centring), ("whitened", _whitening)):
        of_images, of_texts = fit(images), fit(texts)
        out[name] = figures(data, of_images(data.images), of_texts(data.texts), test)
    return out


def _centring(rows: Array) -> Callable[[Array], Array]:
    mean = rows.mean(0)
    return lambda vectors: vectors - mean


def _whitening(rows: Array) -> Callable[[Array], Array]:
    """Variances on the principal axes made equal, those next to nothing held back."""
    mean = rows.mean(0)
    _, sizes, axes = np.linalg.svd(rows - mean, full_matrices=False)
    spread = sizes**2 / len(rows)
    least = max(1e-3 * float(spread[0]), np.finfo(float).tiny)
    rest = 1.0 / np.sqrt(least)
    gain = 1.0 / np.sqrt(spread + least) - rest

    def whitened(vectors: Array) -> Array:
        centred = vectors - mean
        out: Array = rest * centred + ((centred @ axes.T) * gain) @ axes
        return out

    return whitened
