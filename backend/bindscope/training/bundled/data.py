"""Training scenes as arrays: objects, places, pictures and captions as token ids. No Python loop over captions.

A batch holds groups of scenes with equally many objects, so that the captions of a group have one length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bindscope.scenes.captions import TEMPLATES
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.render import render_arrays
from bindscope.scenes.scene import random_layout, slots
from bindscope.training.bundled.config import PIXELS, SPACE, BundledSpec
from bindscope.training.bundled.vocabulary import END, PAD, START, WORD_IDS

Ids = NDArray[np.int64]
#: Share of steps in a template other than the plain one, and of steps with ``an`` before a vowel.
_TEMPLATE_SHARE, _AN_SHARE = 0.15, 0.15
#: How often the third group has 3, 4, 5 and 6 objects.
_MANY = ((3, 4, 5, 6), (0.7, 0.14, 0.08, 0.08))
_MAX_OBJECTS = max(_MANY[0])


@dataclass(frozen=True)
class Wording:
    """A template as token ids around the objects, and whether ``a orange`` is said ``an orange``."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    an: bool


@dataclass(frozen=True)
class Group:
    """Scenes with equally many objects.

    ``objects`` [scene, object, concept], ``places`` [scene, object, (x, y, size)], ``captions`` [scene, token],
    ``swaps`` [swap, token] are captions after a valid swap, ``swap_keys`` [swap, object] and ``keys``
    [scene, object] the sorted object ids that each tells (padded with -1).
    """

    objects: Ids
    places: NDArray[np.float64]
    captions: Ids
    swaps: Ids
    keys: Ids
    swap_keys: Ids

    def pictures(self, space: ConceptSpace = SPACE) -> NDArray[np.uint8]:
        """RGB [scene, pixels, pixels, 3]."""
        color, shape = (np.array(space.concept(name).values) for name in ("color", "shape"))
        index = [space.names.index(name) for name in ("color", "shape")]
        colors, shapes = color[self.objects[..., index[0]]], shape[self.objects[..., index[1]]]
        return render_arrays(colors.tolist(), shapes.tolist(), places=self.places, pixels=PIXELS)


def held_out_objects(spec: BundledSpec, seed: int) -> tuple[int, ...]:
    """Ids of the objects that training never shows: a random permutation diagonal keeps every value in training."""
    rng = np.random.default_rng([seed, 11])
    colors, shapes = SPACE.values
    rows, columns = rng.permutation(colors), rng.permutation(shapes)
    return tuple(sorted(int(r) * shapes + int(c) for r, c in zip(rows, columns, strict=True))[: spec.held_out])


class SceneSource:
    """Batches of training scenes for one spec and seed; every draw comes from ``rng``."""

    def __init__(self, spec: BundledSpec, seed: int) -> None:
        self.spec = spec
        self.rng = np.random.default_rng([seed, 7])
        self.held_out = held_out_objects(spec, seed)
        seen = np.ones(SPACE.object_count, dtype=bool)
        seen[list(self.held_out)] = False
        self.seen = seen
        self.trained = np.flatnonzero(seen)

    @cached_property
    def _layouts(self) -> dict[int, NDArray[np.float64]]:
        most = self.spec.layouts
        counts = {1: most, 2: most, 3: most // 2, 4: most // 4, 5: most // 4, 6: most // 4}
        return {count: _layout_pool(count, number, self.rng) for count, number in counts.items()}

    def batch(self) -> tuple[Wording, list[Group]]:
        """The wording of a step and its groups: one object, two, and more."""
        wording = self._wording()
        many = int(self.rng.choice(_MANY[0], p=_MANY[1]))
        counts = zip((1, 2, many), self.spec.batch, strict=True)
        return wording, [self.group(count, size, wording=wording) for count, size in counts]

    def group(self, count: int, size: int, *, wording: Wording) -> Group:
        """``size`` scenes of ``count`` training objects each."""
        pool = self._layouts[count]
        places = _mirrored(pool[self.rng.integers(len(pool), size=size)], self.rng)
        ids = self.rng.choice(self.trained, size=(size, count))
        objects = _split(ids)
        captions = self._captions(objects, wording)
        swaps, swap_keys = self._swaps(objects, wording)
        return Group(objects, places, captions, swaps, np.sort(ids, axis=1), swap_keys)

    def _wording(self) -> Wording:
        name = "plain"
        if self.rng.random() < _TEMPLATE_SHARE:
            name = str(self.rng.choice([name for name in TEMPLATES if name != "plain"]))
        before, after = TEMPLATES[name].lower().replace(".", " .").split("{}")
        ids = [tuple(WORD_IDS[word] for word in part.split()) for part in (before, after)]
        return Wording(ids[0], ids[1], bool(self.rng.random() < _AN_SHARE))

    def _captions(self, objects: Ids, wording: Wording) -> Ids:
        # Objects are drawn alike and stand anywhere, so the given order is already a random order of mention.
        full = caption_ids(objects, wording)
        if self.spec.captions == "full":
            return full
        if self.spec.captions == "dealt":
            return caption_ids(dealt(objects, self.rng), wording)
        listed = listed_ids(objects, wording, rng=self.rng)
        keep = self.rng.random(len(objects)) < self.spec.full_share
        return np.where(keep[:, None], full, listed)

    def _swaps(self, objects: Ids, wording: Wording) -> tuple[Ids, Ids]:
        size, count, concepts = objects.shape
        length = caption_ids(objects[:0], wording).shape[1]
        if not self.spec.swap_negatives or count < 2:
            return np.zeros((0, length), np.int64), np.zeros((0, count), np.int64)
        pair = np.argsort(self.rng.random((size, count)), axis=1)[:, :2]
        concept, scene = self.rng.integers(concepts, size=size), np.arange(size)
        first, second = objects[scene, pair[:, 0]], objects[scene, pair[:, 1]]
        # Valid only if the two differ in every concept that is exchanged and in another one: here there are two.
        valid = (first != second).sum(1) == concepts
        after = objects.copy()
        after[scene, pair[:, 0], concept] = second[scene, concept]
        after[scene, pair[:, 1], concept] = first[scene, concept]
        ids = _join(after)
        # An unseen object must not be told apart from the truth by its absence: such swaps are left out.
        valid &= self.seen[ids].all(1)
        shuffled = np.take_along_axis(after, np.argsort(self.rng.random((size, count)), axis=1)[..., None], axis=1)
        return caption_ids(shuffled[valid], wording), np.sort(ids[valid], axis=1)


def caption_ids(objects: Ids, wording: Wording) -> Ids:
    """``a red square and a blue circle`` for objects [scene, object, concept] -> ids [scene, token]."""
    size, count, _ = objects.shape
    colors, shapes = (_value_ids(k)[objects[..., k]] for k in range(2))
    block = np.full((size, count, 4), WORD_IDS["a"], dtype=np.int64)
    if wording.an:
        block[..., 0] = np.where(_vowels()[objects[..., 0]], WORD_IDS["an"], WORD_IDS["a"])
    block[..., 1], block[..., 2], block[..., 3] = colors, shapes, WORD_IDS["and"]
    return _wrap(block.reshape(size, count * 4)[:, : 4 * count - 1], wording)


def listed_ids(objects: Ids, wording: Wording, *, rng: np.random.Generator) -> Ids:
    """``blue and square and red and circle``: the same concepts in random order -> ids [scene, token]."""
    size, count, concepts = objects.shape
    words = np.concatenate([_value_ids(k)[objects[..., k]] for k in range(concepts)], axis=1)
    words = rng.permuted(words, axis=1)
    block = np.full((size, count * concepts, 2), WORD_IDS["and"], dtype=np.int64)
    block[..., 0] = words
    return _wrap(block.reshape(size, -1)[:, :-1], wording)


def dealt(objects: Ids, rng: np.random.Generator) -> Ids:
    """The same values with the last concept's dealt out to the objects of each scene at random."""
    after = objects.copy()
    after[..., -1] = rng.permuted(objects[..., -1], axis=1)
    return after


def wide(keys: Ids) -> Ids:
    """Keys [scene, object] padded with -1 to the largest number of objects, so that groups can be stacked."""
    return np.pad(keys, ((0, 0), (0, _MAX_OBJECTS - keys.shape[1])), constant_values=-1)


def concept_query_ids(wording: Wording) -> list[Ids]:
    """One array [value, token] for each concept: the bare word in the wording."""
    return [_wrap(_value_ids(k)[:, None], wording) for k in range(len(SPACE.concepts))]


def object_query_ids(objects: Sequence[int] | NDArray[np.intp], wording: Wording) -> Ids:
    """``a red square`` for each object id -> ids [object, token]."""
    return caption_ids(_split(np.asarray(objects, dtype=np.int64)[:, None]), wording)


def padded(parts: Sequence[Ids]) -> Ids:
    """The arrays [text, token] stacked, short ones filled with the pad id."""
    length = max(part.shape[1] for part in parts)
    fill = WORD_IDS[PAD]
    return np.concatenate([np.pad(p, ((0, 0), (0, length - p.shape[1])), constant_values=fill) for p in parts])


def _layout_pool(count: int, number: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Places [layout, object, (x, y, size)]: mostly as the product draws them, some in slots, some of any size."""
    pool = [random_layout(count, rng) for _ in range(number)]
    for i in range(0, number, 8):
        pool[i] = list(slots(count))
        pool[i + 1] = _any_size(count, rng)
    return np.array(pool)


def _any_size(count: int, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    high = {1: 0.6, 2: 0.45, 3: 0.36, 4: 0.3, 5: 0.26, 6: 0.24}[count]
    for _ in range(100):
        size = rng.uniform(0.14, high, count)
        place = size[:, None] / 2 + rng.random((count, 2)) * (1 - size[:, None])
        gap = np.abs(place[:, None] - place[None]).max(-1) + 9 * np.eye(count)
        if (gap >= (size[:, None] + size[None]) / 2).all():
            return [(float(x), float(y), float(s)) for (x, y), s in zip(place, size, strict=True)]
    return list(slots(count))


def _mirrored(places: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Each layout left-right, upside-down or along the diagonal, by chance: the shapes themselves stay upright."""
    flips = rng.random((len(places), 1, 2)) < 0.5
    spot = np.where(flips, 1 - places[..., :2], places[..., :2])
    turned = rng.random((len(places), 1, 1)) < 0.25
    spot = np.where(turned, spot[..., ::-1], spot)
    return np.concatenate([spot, places[..., 2:]], axis=-1)


def _split(ids: Ids) -> Ids:
    return np.stack(np.unravel_index(ids, SPACE.values), axis=-1).astype(np.int64)


def _join(objects: Ids) -> Ids:
    return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(objects, -1, 0)), SPACE.values), dtype=np.int64)


def _value_ids(concept: int) -> Ids:
    return np.array([WORD_IDS[value] for value in SPACE.concepts[concept].values], dtype=np.int64)


def _vowels() -> NDArray[np.bool_]:
    return np.array([value[0] in "aeiou" for value in SPACE.concepts[0].values])


def _wrap(body: Ids, wording: Wording) -> Ids:
    ends = ((WORD_IDS[START], *wording.before), (*wording.after, WORD_IDS[END]))
    before, after = (np.tile(np.array(end, dtype=np.int64), (len(body), 1)) for end in ends)
    return np.concatenate([before, body, after], axis=1)
