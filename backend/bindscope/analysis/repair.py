"""Repair of a text tower by one linear map (METHODS section 9).

A [dim, dim] is learned on the text side so that an image is nearer to its scene's captions than to those of its swaps:
from the identity, or from the regression of images on their captions (closed form), by cross-entropy over the batch's
captions and the scene's own swaps as hard negatives, held near the start. Training
sees scenes of some objects, and as negatives only swaps of the same objects; how many steps, how strongly A is held and
how much of it is used (t) is chosen on scenes with some held-out training objects; all figures are of scenes made only
of unseen objects.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.complexity.splits import ObjectSplit, object_split
from bindscope.analysis.metrics import Interval, recognised, unit, wilson
from bindscope.analysis.verdict import RESOLUTION, caption_scores, contest, presence
from bindscope.domain.labels import SceneLabels
from bindscope.domain.repairs import RepairSpec
from bindscope.errors import InvalidInput

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

#: Parts of A that are looked at.
PATH = tuple(round(0.1 * step, 1) for step in range(11))
#: Loss of ordinary retrieval that the chosen part of A may cost on validation scenes.
MOST_LOST = 0.03
STRENGTHS = (0.01, 0.1, 1.0)
#: Strengths of the regression that a map may start from, in units of the captions' own spread.
RIDGES = (1.0, 0.1, 0.01)
_STEPS, _EVERY, _BATCH = 240, 20, 256
#: Cosines are multiplied by this before the softmax; the step of Adam for one dimension.
_SCALE, _RATE = 50.0, 0.03
#: A longer vector is mapped inside the directions in which the training vectors vary most, so many at most.
_MOST_DIRECTIONS = 512
_HELD_OUT = 0.25
#: Looks without anything better, one after the other, before a strength is given up.
_PATIENCE = 5
#: A map has to be better on validation by twice the standard error of a coin: the best of many is often luck.
_SURE = 4.0


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


@dataclass(frozen=True)
class PathPoint:
    """``distance`` is ||A_t - I|| / sqrt(dim), Frobenius."""

    t: float
    figures: Figures
    distance: float


@dataclass(frozen=True, eq=False)
class TextMap:
    """A = I + basis (inner - I) basis^T, with orthonormal columns ``basis`` [dim, direction]."""

    basis: Array
    inner: Array

    def apply(self, texts: Array, t: float) -> Array:
        """Texts [text, dim] times A_t = (1 - t) I + t A, not scaled."""
        inside = texts @ self.basis
        mapped: Array = texts + t * ((inside @ self.inner.T - inside) @ self.basis.T)
        return mapped

    def matrix(self, t: float = 1.0) -> Array:
        """A_t [dim, dim]."""
        return self.apply(np.eye(len(self.basis)), t).T

    @property
    def distance(self) -> float:
        """||A - I|| / sqrt(dim), Frobenius."""
        return float(np.linalg.norm(self.inner - np.eye(len(self.inner))) / len(self.basis) ** 0.5)


@dataclass(frozen=True, eq=False)
class Repair:
    """``map`` is A: a repaired text is text @ A_t.T with A_t = (1 - t) I + t A at the chosen ``t``."""

    map: TextMap
    t: float
    path: list[PathPoint]
    baselines: Mapping[str, Figures]
    train_scenes: int
    test_scenes: int
    train_objects: int
    chosen: dict[str, float]

    @property
    def before(self) -> PathPoint:
        """As the model is."""
        return self.path[0]

    @property
    def after(self) -> PathPoint:
        """At the chosen t."""
        return next(point for point in self.path if point.t == self.t)


@dataclass(frozen=True)
class _Recipe:
    """Where a map starts (``ridge`` None: the identity), how strongly it is held there, and for how many steps."""

    ridge: float | None
    strength: float
    steps: int


def repair(data: RepairData, spec: RepairSpec, *, tick: Callable[[], None] = lambda: None) -> Repair:
    """Learns the map and measures it. Raises InvalidInput where no scene is left to train on, or to test."""
    split = object_split(data.labels, coverage=spec.coverage, seed=spec.seed)
    seen = np.zeros(data.labels.object_count, dtype=bool)
    seen[split.train_objects] = True
    allowed = _among(data, seen)
    train = split.train[allowed[split.train].any(1)]
    test = split.test[(data.swaps[split.test] >= 0).any(1)]
    _check(train, test, spec)
    basis = _directions(data, split.train)
    recipe, t = _chosen(data, split, seen, basis, spec, tick)
    mapping = _Lesson(data, split.train, train, allowed, basis, spec.seed, tick).followed(recipe)
    path = []
    for part in PATH:
        tick()
        path.append(_point(data, mapping, part, split.test))
    chosen = {"strength": recipe.strength, "steps": float(recipe.steps)}
    chosen |= {} if recipe.ridge is None else {"ridge": recipe.ridge}
    return Repair(
        mapping,
        t,
        path,
        _baselines(data, split.train, split.test),
        len(train),
        len(split.test),
        len(split.train_objects),
        chosen,
    )


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


def _check(train: Rows, test: Rows, spec: RepairSpec) -> None:
    if len(train) < 2:
        raise InvalidInput(
            f"At coverage {spec.coverage:g} too few scenes of seen objects have a swap of seen objects: choose a "
            "larger one, or a space with more objects."
        )
    if not len(test):
        raise InvalidInput(
            f"At coverage {spec.coverage:g} no scene of unseen objects has a valid swap: choose a smaller one, or a "
            "space with more objects."
        )


def _among(data: RepairData, objects: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which swaps [scene, swap caption] hold only the ``objects`` [object]."""
    return np.asarray((data.swaps >= 0) & objects[data.swap_objects].all(-1))


def _directions(data: RepairData, train: Rows) -> Array:
    """Orthonormal columns [dim, direction]: all directions, or those in which training vectors vary most."""
    dim = data.texts.shape[1]
    if dim <= _MOST_DIRECTIONS:
        return np.eye(dim)
    rows = unit(np.concatenate([data.images[train], data.texts[data.true[train, 0]]]))
    rows = rows - rows.mean(0)
    _, size, turned = np.linalg.svd(rows, full_matrices=False)
    kept = int((size > 1e-6 * size[0]).sum()) if size[0] > 0 else 1
    return np.ascontiguousarray(turned[: min(_MOST_DIRECTIONS, max(kept, 1))].T)


def _chosen(
    data: RepairData,
    split: ObjectSplit,
    seen: NDArray[np.bool_],
    basis: Array,
    spec: RepairSpec,
    tick: Callable[[], None],
) -> tuple[_Recipe, float]:
    """The recipe and the t that are best on scenes with any of a quarter of the training objects.

    Maps are learned without these. Where none is better beyond chance, t is 0: the model stays as it is.
    """
    rng = np.random.default_rng([spec.seed, 41])
    held = rng.permutation(split.train_objects)[: max(1, round(_HELD_OUT * len(split.train_objects)))]
    kept = seen.copy()
    kept[held] = False
    inside = kept[data.labels.object_ids[split.train]].all(1)
    validation, pairs, allowed = split.train[~inside], split.train[inside], _among(data, kept)
    lesson = _Lesson(data, pairs, pairs[allowed[pairs].any(1)], allowed, basis, spec.seed, tick)

    def score(mapping: TextMap) -> float:
        return _score(figures(data, data.images, mapping.apply(data.texts, 1.0), validation))

    starts = {ridge: lesson.start(ridge) for ridge in ((None, *RIDGES) if len(pairs) else (None,))}
    values = {ridge: score(start) for ridge, start in starts.items()}
    first = max(starts, key=lambda ridge: values[ridge])
    best, found, mapping = values[first], _Recipe(first, STRENGTHS[-1], 0), starts[first]
    for ridge, strength in product(dict.fromkeys((None, first)), STRENGTHS if len(lesson.fights) >= 2 else ()):
        misses = 0
        for step, trial in lesson.maps(starts[ridge], strength):
            value = score(trial)
            misses = 0 if value > best else misses + 1
            if value > best:
                best, found, mapping = value, _Recipe(ridge, strength, step), trial
            if misses == _PATIENCE:
                break
    trials = figures(data, data.images, data.texts, validation).swap_accuracy.n
    sure = best - values[None] >= (_SURE * 0.25 / max(trials, 1)) ** 0.5
    return found, _part(data, mapping, validation) if sure else 0.0


def _score(found: Figures) -> float:
    return (found.swap_accuracy.value or 0.0) + (found.recall_at_1.value or 0.0)


def _part(data: RepairData, mapping: TextMap, validation: Rows) -> float:
    """The t with most swaps told apart, among those that cost ordinary retrieval little."""
    found = [figures(data, data.images, mapping.apply(data.texts, t), validation) for t in PATH]
    least = (found[0].recall_at_1.value or 0.0) - MOST_LOST
    able = [n for n, own in enumerate(found) if (own.recall_at_1.value or 0.0) >= least]
    return PATH[max(able, key=lambda n: (found[n].swap_accuracy.value or 0.0, -n))]


def _point(data: RepairData, mapping: TextMap, t: float, scenes: Rows) -> PathPoint:
    return PathPoint(t, figures(data, data.images, mapping.apply(data.texts, t), scenes), t * mapping.distance)


def _baselines(data: RepairData, train: Rows, test: Rows) -> dict[str, Figures]:
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


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What a map is learned from: ``pairs``, scenes with their captions, and ``fights``, those with an allowed swap."""

    data: RepairData
    pairs: Rows
    fights: Rows
    allowed: NDArray[np.bool_]
    basis: Array
    seed: int
    tick: Callable[[], None]

    def followed(self, recipe: _Recipe) -> TextMap:
        """The map that a recipe leads to."""
        start = self.start(recipe.ridge)
        if not recipe.steps:
            return start
        return next(found for step, found in self.maps(start, recipe.strength) if step == recipe.steps)

    def start(self, ridge: float | None) -> TextMap:
        """The identity, or the linear regression of images on their captions, drawn to the identity."""
        eye = np.eye(self.basis.shape[1])
        if ridge is None:
            return TextMap(self.basis, eye)
        true = self.data.true[self.pairs]
        scenes, orders = np.nonzero(true >= 0)
        texts = unit(self.data.texts)[true[scenes, orders]] @ self.basis
        images = (unit(self.data.images)[self.pairs] @ self.basis)[scenes]
        held = ridge * float((texts**2).sum()) / len(eye)
        square, cross = texts.T @ texts + held * eye, texts.T @ images + held * eye
        return TextMap(self.basis, np.asarray(np.linalg.solve(square, cross), dtype=np.float64).T)

    def maps(self, start: TextMap, strength: float) -> Iterator[tuple[int, TextMap]]:
        """Steps of contrastive training and the map after each so many of them, held near its start."""
        import torch

        data, dim = self.data, self.basis.shape[1]
        rng = np.random.default_rng([self.seed, 43])
        first = torch.from_numpy(start.inner.astype(np.float32))
        matrix = first.clone().requires_grad_()
        optimizer = torch.optim.Adam([matrix], lr=_RATE / dim**0.5)
        images = torch.from_numpy((unit(data.images) @ self.basis).astype(np.float32))
        texts = torch.from_numpy((unit(data.texts) @ self.basis).astype(np.float32))
        for step in range(1, _STEPS + 1):
            self.tick()
            scenes = rng.choice(self.fights, min(_BATCH, len(self.fights)), replace=False)
            orders = rng.integers(0, (data.true[scenes] >= 0).sum(1))
            loss = _loss(matrix, images, texts, data, self.allowed, scenes, data.true[scenes, orders])
            loss = loss + strength * ((matrix - first) ** 2).sum() / dim
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % _EVERY == 0:
                yield step, TextMap(self.basis, matrix.detach().numpy().astype(np.float64))


def _loss(
    matrix: "torch.Tensor",
    images: "torch.Tensor",
    texts: "torch.Tensor",
    data: RepairData,
    allowed: NDArray[np.bool_],
    scenes: Rows,
    captions: Rows,
) -> "torch.Tensor":
    """Cross-entropy of each image's own caption among those of the batch and its own swaps."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    own = images[torch.from_numpy(scenes)]
    mapped = normalize(texts[torch.from_numpy(captions)] @ matrix.T, dim=1)
    among = own @ mapped.T
    meaning = np.unique(np.sort(data.labels.object_ids[scenes], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    same = torch.from_numpy(meaning[:, None] == meaning[None]) & ~torch.eye(len(scenes), dtype=torch.bool)
    rows = torch.from_numpy(np.maximum(data.swaps[scenes], 0))
    against = torch.einsum("sd,swd->sw", own, normalize(texts[rows] @ matrix.T, dim=2))
    logits = _SCALE * torch.cat([among, against], dim=1)
    hidden = torch.cat([same, ~torch.from_numpy(allowed[scenes])], dim=1)
    return cross_entropy(logits.masked_fill(hidden, -torch.inf), torch.arange(len(scenes)))
