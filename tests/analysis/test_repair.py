from functools import cache

import numpy as np
import pytest

from bindscope.analysis.binding import Pairs
from bindscope.analysis.repair import (
    Captions,
    RepairData,
    blocks_of_scenes,
    blocks_of_space,
    repair,
    scenes_with_blocks,
)
from bindscope.core.errors import InvalidInput
from bindscope.core.specs import LEAST_BLOCK_BAGS, REPAIR_LEVEL, RepairSpec
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.labels import SceneLabels

NAMES = ("color", "shape", "size", "texture")


def some_scenes(values, count, *, seed=0):
    every = int(np.prod(values)) ** 2
    rng = np.random.default_rng([seed, 5])
    codes = np.sort(rng.choice(every, min(count, every), replace=False))
    objects = SceneLabels(np.zeros((1, 2, len(values)), dtype=np.int64), values, NAMES[: len(values)]).objects
    ids = np.stack(np.unravel_index(codes, [len(objects)] * 2), axis=1)
    return SceneLabels(objects[ids], values, NAMES[: len(values)])


def told(image, text, labels, *, noise=0.05, seed=0):
    """Scenes as sums of ``image`` [object, dim], captions as sums of ``text`` [object, dim], each with noise."""
    rng = np.random.default_rng([seed, 6])
    captions = Captions.of(labels)
    codes = np.unique(captions.codes(labels.object_count))
    texts = [text[codes // labels.object_count] + text[codes % labels.object_count]]
    queries, count = [], len(codes)
    for k, size in enumerate(labels.values):
        texts.append(np.stack([text[labels.objects[:, k] == value].mean(0) for value in range(size)]))
        queries.append(np.arange(count, count + size))
        count += size
    rows, dim = [image[labels.object_ids].sum(1), np.concatenate(texts)], image.shape[1]
    rows = [own + noise * rng.standard_normal(own.shape) / np.sqrt(dim) for own in rows]
    return RepairData.of(*rows, labels, captions=captions, codes=codes, queries=tuple(queries))


def world(kind, *, values=(10, 10), dim=32, rank=10, scenes=1500, seed=0, spec=None):
    """Both sides share the concepts. What they hold beside them of who owns what:

    shared   one product code, in other directions on either side
    tables   a table of the side's own
    bag      nothing
    picture  a product code on the side of the pictures, nothing on that of the texts
    noise    nothing at all: vectors that have nothing to do with the scenes
    """
    rng = np.random.default_rng([seed, 7])
    blocks = blocks_of_space(values, spec or RepairSpec(seed=seed))
    labels = scenes_with_blocks(some_scenes(values, scenes, seed=seed), blocks, limit=scenes, seed=seed)
    objects = labels.objects

    def gauss(count, width=dim):
        return rng.standard_normal((count, width)) / np.sqrt(width)

    concepts = sum(gauss(size)[objects[:, k]] for k, size in enumerate(values))
    factors = [own - own.mean(0) for own in (gauss(size, rank) for size in values)]
    code = np.prod([own[objects[:, k]] for k, own in enumerate(factors)], axis=0)
    code = code / np.linalg.norm(code, axis=1).mean()
    turns = [np.linalg.qr(gauss(dim))[0][:rank] for _ in range(2)]
    bound = {
        "shared": [code @ turn for turn in turns],
        "tables": [gauss(len(objects)) for _ in turns],
        "picture": [code @ turns[0], 0 * concepts],
    }.get(kind, [0 * concepts] * 2)
    image, text = (concepts + 0.7 * own for own in bound)
    if kind == "noise":
        data = told(0 * image, 0 * text, labels, noise=1.0, seed=seed)
    else:
        data = told(image, text, labels, seed=seed)
    return data, blocks


@cache
def repaired(kind, *, seed=0):
    data, blocks = world(kind, seed=seed)
    return repair(data, blocks, RepairSpec(seed=seed))


def score(figures):
    return figures.binding.forced_choice


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("seed", range(4))
def test_a_shared_code_in_other_directions_is_brought_back(seed):
    found = repaired("shared", seed=seed)
    assert found.t > 0
    assert found.confirmation.p < REPAIR_LEVEL
    assert score(found.before.figures).value < 0.65
    assert found.gain.value > 0.3
    assert found.gain.low > 0
    assert found.after.figures.recall_at_1.value >= found.before.figures.recall_at_1.value - 0.03
    assert found.strata[0].gain == found.gain
    assert found.strata[2].gain.value > 0.2


@pytest.mark.parametrize("seed", range(6))
def test_two_unrelated_tables_are_never_repaired(seed):
    found = repaired("tables", seed=seed)
    assert found.t == 0
    assert not found.confirmation.kept
    assert found.after == found.before
    assert (found.gain.value, found.gain.low, found.gain.high) == (0.0, 0.0, 0.0)


def test_a_memorised_table_gains_on_familiar_objects_only():
    tried = [found for seed in range(6) if (found := repaired("tables", seed=seed)).confirmation.t > 0]
    assert len(tried) > 2
    unseen, _, familiar = np.mean([[own.gain.value for own in found.strata] for found in tried], axis=0)
    assert familiar > 0.2
    assert abs(unseen) < 0.1


@pytest.mark.parametrize("kind", ["bag", "picture", "noise"])
@pytest.mark.parametrize("seed", range(2))
def test_what_the_text_side_does_not_hold_is_never_brought_back(kind, seed):
    found = repaired(kind, seed=seed)
    assert found.t == 0
    assert 0.35 < score(found.before.figures).value < 0.65


def test_a_pure_bag_scores_one_half_whatever_the_map():
    data, blocks = world("bag")
    image = np.random.default_rng(1).standard_normal((10, 32))[data.labels.objects[:, 0]]
    exact = told(image, image, data.labels, noise=0.0)
    found = repair(exact, blocks, RepairSpec())
    assert found.t == 0
    for point in found.path:
        assert score(point.figures).value == pytest.approx(0.5)


def test_a_bag_of_pictures_beside_bound_texts_scores_exactly_one_half():
    data, blocks = world("shared", seed=1)
    by_bag = np.random.default_rng(0).standard_normal((Pairs.of(data.labels).bags, 32))[Pairs.of(data.labels).bag]
    blind = RepairData(by_bag, data.texts, data.labels, data.true, data.swaps, data.swap_objects, data.queries)
    found = repair(blind, blocks, RepairSpec())
    assert score(found.before.figures).value == pytest.approx(0.5, abs=1e-12)
    assert found.t == 0


def test_a_path_starts_at_the_model_and_ends_at_the_map():
    data, blocks = world("shared")
    found = repair(data, blocks, RepairSpec())
    assert [point.t for point in found.path] == [round(0.1 * n, 1) for n in range(11)]
    assert found.path[0].distance == 0.0
    assert np.all(np.diff([point.distance for point in found.path]) >= 0)
    matrix = found.map.matrix()
    assert np.allclose(found.map.apply(data.texts, 1.0), data.texts @ matrix.T)
    assert np.allclose(found.map.matrix(0.3), 0.7 * np.eye(32) + 0.3 * matrix)
    assert found.path[-1].distance == pytest.approx(np.linalg.norm(matrix - np.eye(32)) / 32**0.5)


def test_the_map_does_not_depend_on_any_vector_of_a_test_object():
    data, blocks = world("shared")
    test = blocks.test.objects(data.labels.objects)
    touched = test[data.labels.object_ids].any(1)
    images, texts = data.images.copy(), data.texts.copy()
    images[touched] = 1.0
    texts[np.unique(data.true[touched])] = 1.0
    spoiled = RepairData(images, texts, data.labels, data.true, data.swaps, data.swap_objects, data.queries)
    one, other = (repair(own, blocks, RepairSpec()) for own in (data, spoiled))
    assert np.array_equal(one.map.inner, other.map.inner)
    assert one.confirmation == other.confirmation


def test_figures_are_of_held_out_objects_and_count_them():
    found = repaired("bag")
    assert found.train_objects == 60
    assert found.test_objects == 20
    assert score(found.before.figures).n == found.gain.n == 20


def test_a_long_vector_is_mapped_within_the_directions_that_vary(monkeypatch):
    monkeypatch.setattr("bindscope.analysis.repair.learning._MOST_DIRECTIONS", 12)
    found = repaired.__wrapped__("bag")
    assert found.map.basis.shape == (32, 12)
    assert np.allclose(found.map.basis.T @ found.map.basis, np.eye(12))
    assert found.map.matrix().shape == (32, 32)


def test_the_same_request_gives_the_same_map():
    one, other = (repaired.__wrapped__("bag") for _ in range(2))
    assert np.array_equal(one.map.inner, other.map.inner)
    assert one.after == other.after


@pytest.mark.parametrize(
    ("coverage", "sizes", "bags"), [(0.5, (5, 5), 100), (0.6, (4, 5), 60), (0.7, (3, 5), 30), (0.95, (3, 5), 30)]
)
def test_coverage_sets_the_size_of_the_blocks_as_far_as_there_are_bags_enough(coverage, sizes, bags):
    blocks = blocks_of_space((10, 10), RepairSpec(coverage))
    for block in (blocks.validation, blocks.test):
        assert tuple(map(len, block.values)) == sizes
    every = some_scenes((10, 10), 10_000)
    inside = np.flatnonzero(blocks.test.objects(every.objects)[every.object_ids].all(1))
    assert len(np.unique(Pairs.of(every).trials(inside).bag)) == bags


@pytest.mark.parametrize("values", [(10, 10), (8, 8), (10, 6), (14, 4), (20, 20), (10, 3, 8)])
@pytest.mark.parametrize("seed", range(3))
def test_blocks_share_no_value_and_leave_half_of_the_objects_of_each(values, seed):
    blocks = blocks_of_space(values, RepairSpec(seed=seed))
    objects = some_scenes(values, 10).objects
    masks = [own.objects(objects) for own in (blocks.validation, blocks.test)]
    assert not (masks[0] & masks[1]).any()
    left = objects[~masks[0] & ~masks[1]]
    for k, size in enumerate(values):
        assert np.bincount(left[:, k], minlength=size).min() * 2 >= len(objects) / size


@pytest.mark.parametrize("values", [(8, 3), (4, 3), (7, 7), (9, 6), (13, 4), (2, 100), (40,), (3, 3, 3)])
def test_a_space_with_too_few_values_is_refused_with_the_numbers(values):
    with pytest.raises(InvalidInput, match=f"at least {LEAST_BLOCK_BAGS} sets of values .* has .* at most"):
        blocks_of_space(values, RepairSpec())


def test_an_upload_is_refused_where_swapped_scenes_do_not_occur():
    every = some_scenes((10, 10), 10_000)
    assert blocks_of_scenes(every, RepairSpec()).test.concepts == (0, 1)
    ids = every.object_ids
    one_of_each_bag = np.unique(Pairs.of(every).bag, return_index=True)[1]
    for labels in (every.take(one_of_each_bag), every.take(np.arange(2)), every.take(ids[:, 0] == ids[:, 1])):
        with pytest.raises(InvalidInput, match="upload with more scenes"):
            blocks_of_scenes(labels, RepairSpec())


def test_a_small_limit_is_refused_with_the_numbers_that_it_leaves():
    data, blocks = world("bag", scenes=200)
    with pytest.raises(InvalidInput, match=r"12 sets of values for validation and 12 for the test.*Raise the limit"):
        repair(data, blocks, RepairSpec())


@pytest.mark.parametrize("values", [(10, 10), (8, 10, 4)])
def test_scenes_of_the_blocks_come_with_their_swaps_and_within_the_limit(values):
    blocks = blocks_of_space(values, RepairSpec())
    labels = scenes_with_blocks(some_scenes(values, 2000), blocks, limit=2000, seed=0)
    assert len(labels) == 2000
    assert len(np.unique(labels.object_ids, axis=0)) == 2000
    pairs = Pairs.of(labels)
    for block in (blocks.validation, blocks.test):
        inside = np.flatnonzero(block.objects(labels.objects)[labels.object_ids].all(1))
        assert len(np.unique(pairs.trials(inside).bag)) >= 60


@pytest.mark.parametrize("values", [(4, 3), (3, 2, 3), (2, 2, 2, 2)])
def test_captions_are_those_of_all_valid_swaps(values):
    labels = some_scenes(values, 400)
    captions = Captions.of(labels)
    for scene, ids, swaps in zip(labels.scenes.tolist(), labels.object_ids, captions.swaps, strict=True):
        found = {tuple(sorted(own)) for own in swaps[:, 0].tolist() if own[0] >= 0}
        radix = np.cumprod([1, *values[:0:-1]])[::-1]
        wanted = [
            tuple(sorted(int(np.dot(o, radix)) for o in s.objects)) for s in valid_swaps([tuple(o) for o in scene])
        ]
        assert found == set(wanted)
        assert len(wanted) == (swaps[:, 0, 0] >= 0).sum()
        assert np.array_equal(swaps[:, 1], swaps[:, 0, ::-1])
        assert tuple(sorted(ids)) not in found


@pytest.mark.parametrize("coverage", [0.0, 1.0, -1.0])
def test_a_coverage_that_is_no_share_is_refused(coverage):
    with pytest.raises(InvalidInput, match="coverage"):
        RepairSpec(coverage)


def test_whitening_makes_the_principal_variances_alike():
    from bindscope.analysis.repair.figures import _whitening

    rng = np.random.default_rng(0)
    rows = (
        rng.standard_normal((400, 6))
        * np.array([5.0, 3.0, 2.0, 1.0, 1.0, 0.5])
        @ np.linalg.qr(rng.standard_normal((6, 6)))[0]
    )
    covariance = np.cov(_whitening(rows)(rows), rowvar=False, bias=True)
    assert np.allclose(covariance, np.eye(6), atol=0.15)
