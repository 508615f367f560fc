"""What is measured of a repair: the paired forced choice of pictures among captions, and what it costs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bindscope.analysis.binding import BagScores, Binding, Pairs, Trials, binding_of, forced_choice, share_over_bags
from bindscope.analysis.metrics import Interval, recognised, unit
from bindscope.analysis.repair.data import Array, RepairData, Rows
from bindscope.analysis.verdict import RESOLUTION, caption_scores, contest, presence

Change = Callable[[Array], Array]


@dataclass(frozen=True)
class Figures:
    """``binding``: the paired forced choice. ``swap_accuracy``: the best true caption beats all swapped ones, which a
    coin does in ``swap_accuracy_chance``. ``recall_at_1``: the right picture comes first where twins are left out.
    ``concepts``: all are recognised. Intervals over bags."""

    binding: Binding
    swap_accuracy: Interval
    swap_accuracy_chance: float | None
    recall_at_1: Interval
    concepts: Interval


@dataclass(frozen=True, eq=False)
class Bench:
    """Some ``scenes`` of the data, ready to be measured many times.

    ``trials``: each scene against each of its partners, in each order of mention ([trial]; both partners are among the
    scenes); the texts ``own`` and ``other`` [trial, order]. ``units``: held-out objects, where they count.
    """

    data: RepairData
    scenes: Rows
    pairs: Pairs
    trials: Trials
    own: Rows
    other: Rows
    units: int | None

    @classmethod
    def of(cls, data: RepairData, pairs: Pairs, scenes: Rows, *, units: int | None = None) -> "Bench":
        """``pairs`` of all scenes of the data."""
        trials = pairs.trials(scenes)
        at = scenes[trials.row]
        own, other = data.true[at], data.swaps[at, data.swap_of(scenes, trials)] if len(at) else data.true[at]
        return cls(data, scenes, pairs, trials, own, other, units)

    def scores(self, texts: Change | None = None, images: Change | None = None) -> BagScores:
        """The paired scores of the bags; ``texts`` and ``images`` [row, dim] are changed first."""
        used, place = np.unique(np.stack([self.own, self.other]), return_inverse=True)
        table = _changed(self.data.texts[used], texts)
        own, other = place.reshape(2, -1, 2)
        pictures = _changed(self.data.images[self.scenes], images)[self.trials.row]
        leads = np.einsum("td,tod->to", pictures, table[own] - table[other])
        orders = np.repeat(np.arange(len(self.trials)), 2)
        return forced_choice(self.trials.take(orders), leads.reshape(-1), resolution=RESOLUTION)

    def recall(self, texts: Change | None = None, images: Change | None = None) -> Array:
        """1 [scene] where the caption finds its scene among the pictures of scenes that are not twins of it."""
        labels = self.data.labels.take(self.scenes)
        pictures = _changed(self.data.images[self.scenes], images)
        scores = _changed(self.data.texts[self.data.true[self.scenes, 0]], texts) @ pictures.T
        meaning, words = self.pairs.pairing[self.scenes], self.pairs.bag[self.scenes]
        same = meaning[:, None] == meaning[None]
        twin = (words[:, None] == words[None]) & ~same
        best = np.where(same, scores, -np.inf).max(1, initial=-np.inf)
        other = np.where(same | twin, -np.inf, scores).max(1, initial=-np.inf)
        return np.asarray(best > other + RESOLUTION, dtype=np.float64) if len(labels) else np.zeros(0)

    def figures(self, texts: Change | None = None, images: Change | None = None) -> tuple[Figures, BagScores]:
        """All of it, and the scores of the bags behind ``binding``."""
        scores = self.scores(texts, images)
        bags = self.pairs.bag[self.scenes]
        won, chance = self._contests(texts, images)
        found = Figures(
            binding_of([scores], units=self.units),
            share_over_bags(won, bags),
            chance,
            share_over_bags(self.recall(texts, images), bags),
            share_over_bags(self._concepts(texts, images), bags),
        )
        return found, scores

    def _contests(self, texts: Change | None, images: Change | None) -> tuple[Array, float | None]:
        """1 [scene] where the best true caption beats all swapped ones, NaN without a swap; and what a coin does."""
        data, scenes = self.data, self.scenes
        swaps = data.swaps[scenes].reshape(len(scenes), -1)
        used = np.unique(np.concatenate([data.true[scenes].reshape(-1), swaps[swaps >= 0]]))
        table = _changed(data.texts[used], texts)
        place = np.full(len(data.texts), -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        pictures = _changed(data.images[scenes], images)
        true, swapped = place[data.true[scenes]], np.where(swaps >= 0, place[swaps], -1)
        fight = contest(caption_scores(pictures, table, true), caption_scores(pictures, table, swapped))
        count = (swapped >= 0).sum(1)[fight.has_swap]
        coin = float((true.shape[1] / (true.shape[1] + count)).mean()) if len(count) else None
        return np.where(fight.has_swap, fight.margin > RESOLUTION, np.nan), coin

    def _concepts(self, texts: Change | None, images: Change | None) -> Array:
        """1 [scene] where the queries of all present values lead those of all absent ones, for each concept."""
        labels = self.data.labels.take(self.scenes)
        pictures = _changed(self.data.images[self.scenes], images)
        hits = np.ones(len(self.scenes), dtype=bool)
        for k, rows in enumerate(self.data.queries):
            scores = pictures @ _changed(self.data.texts[rows], texts).T
            hits &= recognised(scores, presence(labels.scenes[:, :, k], len(rows)), resolution=RESOLUTION)
        return hits.astype(np.float64)


def _changed(vectors: Array, change: Change | None) -> Array:
    """Unit vectors [row, dim], after a change."""
    return unit(vectors if change is None else change(vectors))


def baselines(bench: Bench, train: Rows) -> dict[str, Figures]:
    """What costs nothing: both means taken away, and both sides whitened, fitted on training scenes."""
    data = bench.data
    images, texts = data.images[train], data.texts[data.true[train, 0]]
    fits = {"mean_removed": _centring, "whitened": _whitening}
    return {name: bench.figures(fit(texts), fit(images))[0] for name, fit in fits.items()}


def _centring(rows: Array) -> Change:
    mean = rows.mean(0)
    return lambda vectors: vectors - mean


def _whitening(rows: Array) -> Change:
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
