from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.analysis.binding import StrictChance, strict_chance
from bindscope.analysis.verdict import chance
from bindscope.scenes.labels import SceneLabels


def labelled(scenes, values=None):
    scenes = np.asarray(scenes, dtype=np.int64)
    values = values or tuple(scenes.max((0, 1)) + 1)
    return SceneLabels(scenes, tuple(map(int, values)), tuple("abcd"[: len(values)]))


def one_scene(*columns):
    return labelled([list(zip(*([ord(value) - 97 for value in column] for column in columns), strict=True))])


@given(st.integers(1, 4), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_levels_are_those_of_the_reference(reference_score, slots, values, seed) -> None:
    scenes = np.random.default_rng(seed).integers(0, values, (6, slots, len(values)))
    labels = labelled(scenes, values)
    given_bag, ceiling = np.mean([reference_score.strict_chance(scene) for scene in scenes], axis=0)
    found = strict_chance(labels)
    assert (found.given_bag, found.ceiling_bag) == pytest.approx((given_bag, ceiling), abs=1e-12)
    assert found.unconditional == pytest.approx(chance(values, labels.names, scenes=scenes)["object"], abs=1e-12)


@pytest.mark.parametrize(
    ("columns", "given_bag", "ceiling"),
    [
        (("ab", "ab"), 1 / 6, 1 / 2),
        (("ab", "ab", "ab"), 1 / 28, 1 / 4),
        (("aab", "abc"), 1 / 20, 1 / 3),
        (("abc", "abc"), 1 / 84, 1 / 6),
        (("abcd", "abcd"), 1 / 1820, 1 / 24),
        (("aa", "ab"), 1.0, 1.0),
        (("a", "a"), 1.0, 1.0),
    ],
)
def test_levels_of_known_scenes(columns, given_bag, ceiling) -> None:
    found = strict_chance(one_scene(*columns))
    assert (found.given_bag, found.ceiling_bag) == pytest.approx((given_bag, ceiling))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("values", "slots"), [((3, 3), 2), ((3, 2), 3), ((2, 2, 2), 2), ((2, 2), 4)])
def test_naming_the_most_frequent_pairing_of_the_bag_reaches_the_ceiling(values, slots, seed) -> None:
    # Over all ordered scenes of a space: each bag's most frequent multiset of objects is right that often.
    grid = np.array(list(product(range(int(np.prod(values))), repeat=slots)))
    objects = np.indices(values).reshape(len(values), -1).T
    labels = labelled(objects[np.random.default_rng(seed).permutation(grid)], values)
    counted = {}
    for scene, ids in zip(labels.scenes, labels.object_ids, strict=True):
        bag = tuple(np.sort(scene, axis=0).reshape(-1).tolist())
        own = counted.setdefault(bag, {})
        pairing = tuple(sorted(ids.tolist()))
        own[pairing] = own.get(pairing, 0) + 1
    reached = sum(max(own.values()) for own in counted.values()) / len(labels)
    assert strict_chance(labels).ceiling_bag == pytest.approx(reached)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("values", "slots"), [((3, 3), 2), ((3, 2), 3)])
def test_random_scores_over_what_the_bag_allows_reach_given_bag(values, slots, seed) -> None:
    rng = np.random.default_rng(seed)
    scenes = rng.integers(0, values, (6000, slots, len(values)))
    labels = labelled(scenes, values)
    allowed = np.ones((6000, labels.object_count), dtype=bool)
    for k in range(len(values)):
        allowed &= (labels.objects[None, :, None, k] == scenes[:, None, :, k]).any(2)
    scores = np.where(allowed, rng.random(allowed.shape), -1.0)
    present = (labels.object_ids[:, :, None] == np.arange(labels.object_count)).any(1)
    hits = np.where(present, scores, np.inf).min(1) > np.where(present, -np.inf, scores).max(1)
    level = strict_chance(labels).given_bag
    assert abs(hits.mean() - level) < 4 * np.sqrt(level * (1 - level) / 6000)


def test_levels_rise_with_what_is_known() -> None:
    found = strict_chance(labelled(np.random.default_rng(0).integers(0, 4, (300, 3, 2)), (4, 4)))
    assert found.unconditional < found.given_bag < found.ceiling_bag < 1


def test_levels_are_means_over_scenes() -> None:
    scenes = [[[0, 0], [1, 1]], [[0, 0], [0, 1]]]
    found = strict_chance(labelled(scenes * 5, (2, 2)))
    assert found.given_bag == pytest.approx((1 / 6 + 1) / 2)
    assert found.ceiling_bag == pytest.approx((1 / 2 + 1) / 2)
    assert found.unconditional == pytest.approx(1 / comb(4, 2))


def test_no_scene_has_no_level() -> None:
    assert strict_chance(labelled(np.zeros((0, 2, 2)), (2, 2))) == StrictChance(None, None, None)


@pytest.mark.parametrize(("values", "slots"), [((8, 8), 8), ((2, 2), 8), ((3, 3, 3), 6), ((2, 2, 2, 2), 6)])
def test_many_objects_are_no_hindrance(values, slots) -> None:
    labels = labelled(np.random.default_rng(0).integers(0, values, (100, slots, len(values))), values)
    found = strict_chance(labels)
    assert 0 < found.given_bag <= 1
    assert 0 < found.ceiling_bag < 1


def test_eight_different_objects_are_dealt_out_by_luck_once_in_8_factorial() -> None:
    assert strict_chance(one_scene("abcdefgh", "abcdefgh")).ceiling_bag == pytest.approx(1 / 40320)
