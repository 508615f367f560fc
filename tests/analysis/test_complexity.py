import time
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bindscope.analysis.binding import Pairs, binding_of
from bindscope.analysis.complexity import fit_cells, grouped, object_split
from bindscope.analysis.complexity.objects import object_vectors, shared_product
from bindscope.analysis.probes import fit_probes
from bindscope.analysis.readings import recognise_with
from bindscope.analysis.splits import split_bags
from bindscope.core.errors import Cancelled, InvalidInput
from bindscope.core.specs import ComplexityCell
from bindscope.scenes.labels import SceneLabels

FAMILIES = (
    "additive",
    "per_object_product",
    "global_product",
    "mlp:32",
    "random_forest",
    "gradient_boosting",
)
CLOSED = ("additive", "per_object_product", "global_product")


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def world(oracles):
    return oracles.make_function_world


@pytest.fixture
def small(world):
    return world("scene_product", (4, 3), dim=10)


def fitted(embeddings, labels, cells, *, calibrated=False):
    probes = fit_probes(embeddings, labels, strength=1e-3)
    return list(fit_cells(embeddings, labels, cells, probes=probes, calibrated=calibrated))


def r2_of(made, kind, coverage=0.6, seeds=(0, 1)):
    cells = [ComplexityCell(kind, coverage, seed) for seed in seeds]
    return [result.test_r2 for result in fitted(made.embeddings, made.labels, cells)]


def numbers(result):
    """Everything but the seconds."""
    plain = {name: value for name, value in vars(result).items() if name not in ("seconds", "scores", "unseen")}
    return plain | {"scores": result.scores.scores.tolist(), "unseen": result.unseen.tolist()}


@pytest.mark.parametrize("shape", [{}, {"values": (4, 3), "slots": 3, "dim": 24}, {"values": (4, 3, 2)}])
def test_the_additive_family_finds_a_sum_up_to_its_noise(world, shape) -> None:
    made = world("sum", **shape)
    assert r2_of(made, "additive", 0.75) == pytest.approx([1 / 1.04] * 2, abs=0.05)


def test_products_behind_a_linear_map_are_found_on_unseen_objects_and_sums_do_not_find_them(world) -> None:
    made = world("turned_product", (8, 6), noise=0.2)
    assert min(r2_of(made, "global_product")) > 0.85
    assert max(r2_of(made, "additive")) < 0.6


@pytest.mark.parametrize("kind", ["per_object_product", "global_product"])
def test_product_families_contain_the_sum(world, kind) -> None:
    made = world("sum")
    assert np.mean(r2_of(made, kind)) > np.mean(r2_of(made, "additive")) - 0.03


@pytest.mark.parametrize("shape", [{"dim": 24}, {"values": (5, 3), "slots": 3, "dim": 8}])
def test_products_of_each_object_are_found_on_unseen_objects_and_sums_do_not_find_them(world, shape) -> None:
    made = world("object_products", **shape)
    product, total = (np.mean(r2_of(made, kind, 0.75)) for kind in ("per_object_product", "additive"))
    assert product > 0.88
    assert total < product - 0.12


def test_a_product_over_the_whole_scene_is_found_on_unseen_objects(world) -> None:
    made = world("scene_product", dim=24)
    product, per_object, total = (np.mean(r2_of(made, kind)) for kind in CLOSED[::-1])
    assert product > 0.8
    assert max(per_object, total) < 0.7


@pytest.mark.parametrize("kind", FAMILIES)
def test_noise_is_answered_by_the_mean(oracles, kind) -> None:
    labels = oracles.make_labels((5, 4), 2)
    z = np.random.default_rng(0).standard_normal((len(labels), 20))
    cells = [ComplexityCell(kind, coverage) for coverage in (0.15, 0.75)]
    for result in fitted(z, labels, cells):
        assert -0.1 < result.test_r2 < 0.1


@pytest.mark.parametrize("kind", FAMILIES)
def test_shuffled_labels_are_answered_by_the_mean(world, kind) -> None:
    made = world("sum", dim=20)
    z = made.embeddings[np.random.default_rng(1).permutation(len(made.labels))]
    (result,) = fitted(z, made.labels, [ComplexityCell(kind, 0.5)])
    assert -0.1 < result.test_r2 < 0.1


@pytest.mark.slow
def test_neither_the_order_of_cells_nor_their_company_changes_a_bit(small) -> None:
    cells = [ComplexityCell("additive", 0.5, 1), *(ComplexityCell(kind, 0.7, 1) for kind in FAMILIES)]
    together = {r.cell: numbers(r) for r in fitted(small.embeddings, small.labels, cells)}
    backwards = {r.cell: numbers(r) for r in fitted(small.embeddings, small.labels, cells[::-1])}
    alone = {r.cell: numbers(r) for group in grouped(cells) for r in fitted(small.embeddings, small.labels, group)}
    assert together == backwards == alone
    assert sorted(map(str, alone)) == sorted(map(str, cells))


@pytest.mark.parametrize("kind", FAMILIES)
def test_the_order_of_scenes_changes_nothing(small, kind) -> None:
    order = np.random.default_rng(1).permutation(len(small.labels))
    probes = fit_probes(small.embeddings, small.labels, strength=1e-3)
    run = partial(fit_cells, cells=[ComplexityCell(kind, 0.6)], probes=probes, calibrated=False)
    (one,), (other,) = (
        list(run(small.embeddings[rows], small.labels.take(rows))) for rows in (np.arange(len(order)), order)
    )
    assert numbers(one) == numbers(other)


@pytest.mark.parametrize("kind", FAMILIES)
def test_neither_a_constant_nor_a_scale_changes_r2(small, kind) -> None:
    probes = fit_probes(small.embeddings, small.labels, strength=1e-3)
    run = partial(fit_cells, cells=[ComplexityCell(kind, 0.6)], probes=probes, calibrated=False)
    first, moved, grown = (
        next(iter(run(z, small.labels))).test_r2
        for z in (small.embeddings, small.embeddings + 7, 1e6 * small.embeddings)
    )
    tolerance = 0.02 if kind not in CLOSED else 1e-5
    assert moved == pytest.approx(first, abs=tolerance)
    assert grown == pytest.approx(first, abs=tolerance)


def test_recognition_stands_beside_its_ceiling_and_chance(world) -> None:
    made = world("scene_product", dim=96, noise=0.1)
    (result,) = fitted(made.embeddings, made.labels, [ComplexityCell("global_product", 0.6)])
    heads = {"concept0", "concept1", "concepts", "object", "object_on_valid_swaps"}
    for part in (result.train, result.test, result.ceiling, result.chance):
        assert set(part) == heads
    assert (result.train_scenes, result.test_scenes) == (196, 100)
    # n counts objects where they are fewer than sets of values, and these where scenes are counted otherwise.
    assert result.test["object"].n == result.unseen_objects == 10
    assert result.train["object"].n == 14
    assert result.ceiling["object"].n == Pairs.of(made.labels).bags == 210
    assert result.ceiling["object"].value > 0.8
    assert result.test["object"].value > result.ceiling["object"].value - 0.1
    assert result.chance["object"].value < 0.05


def test_the_ceiling_is_of_scenes_that_the_probes_did_not_learn_from(world) -> None:
    made = world("sum", noise=0.3)
    shuffled = np.random.default_rng(0).permutation(len(made.labels))
    learned, held = shuffled[:460], shuffled[460:]
    probes = fit_probes(made.embeddings[learned], made.labels.take(learned), strength=1e-3)
    cells = [ComplexityCell("additive", 0.6)]
    (alone,) = fit_cells(made.embeddings, made.labels, cells, probes=probes, learned_from=learned)
    truth = recognise_with(probes, made.embeddings[held], made.labels.take(held))
    assert alone.ceiling["object"].n == len(np.unique(Pairs.of(made.labels).bag[held]))
    assert alone.ceiling["object"].value == truth.object.mean()
    (nobody,) = fit_cells(made.embeddings, made.labels, cells, probes=probes, learned_from=shuffled)
    assert nobody.ceiling["object"].n == 0
    assert nobody.ceiling["object"].value is None
    assert nobody.ceiling_binding is None


def test_scenes_that_come_twice_tell_noise_from_binding(world) -> None:
    made = world("sum", noise=0.5)
    rng = np.random.default_rng(0)
    twice = made.labels.take(np.repeat(np.arange(len(made.labels)), 2))
    z = np.repeat(made.signal, 2, axis=0) + 0.5 * rng.standard_normal((len(twice), made.signal.shape[1]))
    (result,) = fitted(z, twice, [ComplexityCell("additive", 0.6)])
    assert result.r2_ceiling == pytest.approx(0.8, abs=0.05)
    assert result.test_r2 == pytest.approx(result.r2_ceiling, abs=0.03)
    (once,) = fitted(made.embeddings, made.labels, [ComplexityCell("additive", 0.6)])
    assert once.r2_ceiling is None


@pytest.mark.parametrize("kind", FAMILIES)
def test_work_stops_soon_after_it_is_asked_to(world, small, kind) -> None:
    fitted(small.embeddings, small.labels, [ComplexityCell(kind, 0.7)])  # what the family imports is not its work
    made = world("scene_product", (8, 3), dim=64)
    probes = fit_probes(made.embeddings, made.labels, strength=1e-3)
    last, longest, left = time.process_time(), 0.0, 25

    def tick():
        nonlocal last, longest, left
        now = time.process_time()
        longest, last, left = max(longest, now - last), now, left - 1
        if left == 0:
            raise Cancelled("stop")

    cells = [ComplexityCell(kind, 0.7, seed) for seed in range(9)]
    with pytest.raises(Cancelled):
        list(fit_cells(made.embeddings, made.labels, cells, probes=probes, tick=tick))
    assert left == 0
    assert longest < 0.5


def test_constant_embeddings_have_no_r2(oracles) -> None:
    labels = oracles.make_labels((4, 3), 2)
    z = np.full((len(labels), 5), 0.1, dtype=np.float32)
    for result in fitted(z, labels, [ComplexityCell(kind, 0.5) for kind in FAMILIES]):
        assert (result.train_r2, result.test_r2) == (None, None)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 20),
    st.integers(1, 3),
    st.integers(1, 6),
    st.sampled_from(FAMILIES),
    st.floats(0.1, 1),
    st.sampled_from([1e-20, 1.0, 1e15]),
    st.integers(0, 99),
)
@example(10, 3, 3, "global_product", 0.75, 1e-20, 39)
def test_tiny_inputs_give_a_result_or_a_sentence(count, slots, dim, kind, coverage, scale, seed) -> None:
    rng = np.random.default_rng(seed)
    labels = SceneLabels(rng.integers(0, (3, 2), (count, slots, 2)), (3, 2), ("a", "b"))
    z = (scale * rng.standard_normal((count, dim))).astype(np.float32)
    try:
        (result,) = fitted(z, labels, [ComplexityCell(kind, coverage, seed)])
    except InvalidInput as error:
        assert "coverage" in str(error)
        return
    shown = [result.train_r2, result.test_r2, result.seconds, *result.chosen.values()]
    assert all(number is None or np.isfinite(number) for number in shown)


@pytest.mark.slow
def test_fewer_axes_than_dimensions_and_copies_of_dimensions_do_no_harm(world) -> None:
    made = world("scene_product", dim=12)
    wide = np.concatenate([made.embeddings] * 3 + [np.zeros((len(made.labels), 4))], axis=1)
    for kind in (*CLOSED, "gradient_boosting"):
        cells = [ComplexityCell(kind, 0.6)]
        (narrow,), (copied,) = (fitted(z, made.labels, cells) for z in (made.embeddings, wide))
        assert copied.test_r2 == pytest.approx(narrow.test_r2, abs=0.1)


def test_what_cannot_be_fitted_is_refused(world) -> None:
    made = world("sum", dim=8)
    probes = fit_probes(made.embeddings, made.labels, strength=1e-3)
    run = partial(fit_cells, labels=made.labels, cells=[ComplexityCell("additive", 0.5)], probes=probes)
    with pytest.raises(InvalidInput, match="one row for each"):
        list(run(made.embeddings[1:]))
    broken = made.embeddings.copy()
    broken[3, 4] = np.nan
    with pytest.raises(InvalidInput, match="NaN"):
        list(run(broken))
    with pytest.raises(InvalidInput, match="unseen"):
        list(fit_cells(made.embeddings, made.labels, [ComplexityCell("additive", 1.0)], probes=probes))


def test_the_published_worlds_are_answered_as_they_were_made(published_worlds) -> None:
    def mean_r2(name, kind):
        z, scenes = published_worlds.make_world(name)
        labels = SceneLabels(scenes, (8, 3), ("color", "shape"))
        cells = [ComplexityCell(kind, 0.6, seed) for seed in range(2)]
        return np.mean([result.test_r2 for result in fitted(z, labels, cells)])

    assert mean_r2("product", "global_product") > 0.75
    assert mean_r2("product", "additive") < 0.5
    assert mean_r2("bag", "additive") > 0.95


def held_out_score(made, kind, coverage=0.6, seeds=range(3)):
    """The binding score over the seeds, by probes that learned from other scenes."""
    train, _ = split_bags(made.labels, train_ratio=0.4, seed=0)
    probes = fit_probes(made.embeddings[train], made.labels.take(train))
    cells = [ComplexityCell(kind, coverage, seed) for seed in seeds]
    found = list(fit_cells(made.embeddings, made.labels, cells, probes=probes, learned_from=train, calibrated=False))
    units = len(np.unique(np.concatenate([result.unseen for result in found])))
    return binding_of([result.scores for result in found], units=units), found


@pytest.mark.parametrize("kind", ["additive", "per_object_product", "mlp:32"])
def test_predictions_of_a_bag_hold_no_binding_whatever_their_r2(oracles, kind) -> None:
    made = oracles.make_world("bag", (6, 5), dim=48)
    score, found = held_out_score(made, kind)
    assert score.forced_choice.value == pytest.approx(0.5, abs=0.12)
    assert score.says in ("not found", "too few")
    if kind == "additive":
        assert min(result.test_r2 for result in found) > 0.9
        assert score.forced_choice.value == pytest.approx(0.5, abs=0.02)


def test_predictions_of_a_product_hold_the_binding_and_those_of_a_sum_do_not(oracles) -> None:
    made = oracles.make_world("product", (8, 6))
    product, found = held_out_score(made, "global_product", seeds=(0,))
    assert product.says == "present"
    assert product.forced_choice.n <= 48
    assert found[0].ceiling_binding.says == "present"
    total, _ = held_out_score(made, "additive")
    assert total.forced_choice.value == pytest.approx(0.5, abs=0.1)
    assert total.says in ("not found", "too few")


def test_the_score_counts_unseen_objects_where_they_are_fewer_than_bags(world) -> None:
    made = world("sum", (8, 6))
    (result,) = fitted(made.embeddings, made.labels, [ComplexityCell("additive", 0.6)])
    assert result.binding.forced_choice.n == min(len(result.scores), len(result.unseen))
    seen = object_split(made.labels, coverage=0.6, seed=0).train_objects
    assert set(result.unseen.tolist()).isdisjoint(seen.tolist())
    assert len(result.unseen) <= result.unseen_objects


def test_unseen_objects_without_a_swap_give_no_score_and_no_claim(world) -> None:
    made = world("sum", (4, 3))
    (result,) = fitted(made.embeddings, made.labels, [ComplexityCell("additive", 0.85)])
    assert result.binding.forced_choice is None
    assert result.binding.says == "too few"
    assert result.test_r2 is not None


def shared_world(seed, *, values=10, rank=4, dim=64, noise=0.1):
    """Per-object products with factors that both slots share, behind a linear map."""
    rng = np.random.default_rng(seed)
    objects = np.array([(a, b) for a in range(values) for b in range(values)])
    ids = np.array([(a, b) for a in range(values**2) for b in range(values**2)])
    labels = SceneLabels(objects[ids], (values, values), ("first", "second"))
    tables = rng.standard_normal((2, values, rank))
    terms = sum(tables[0][labels.scenes[:, s, 0]] * tables[1][labels.scenes[:, s, 1]] for s in range(2))
    z = terms @ rng.standard_normal((rank, dim))
    z = (z - z.mean(0)) / z.std()
    return z + noise * rng.standard_normal(z.shape), labels


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rank", [4, 8])
def test_shared_factors_find_per_object_products_behind_a_linear_map(seed, rank) -> None:
    z, labels = shared_world(seed, rank=rank)
    split = object_split(labels, coverage=0.6, seed=seed)
    codes, mean = labels.scenes.reshape(len(labels), -1), z[split.train].mean(0)
    vectors = object_vectors(codes[split.train], z[split.train] - mean, concepts=2, tick=lambda: None)
    fit = shared_product(vectors, labels.values, terms=rank, strength=0.01, seed=0, tick=lambda: None)
    truth, guess = z[split.test] - mean, fit.predict(codes[split.test])
    assert 1 - ((truth - guess) ** 2).sum() / (truth**2).sum() > 0.97


@pytest.mark.slow
def test_cross_validation_finds_the_rank_of_per_object_products_behind_a_linear_map() -> None:
    z, labels = shared_world(0)
    (result,) = fitted(z, labels, [ComplexityCell("per_object_product", 0.6)])
    assert result.test_r2 > 0.97
    assert result.chosen["terms"] == 4
    assert result.chosen["shared"] == 1


def test_the_calibration_is_near_one_where_objects_are_many_and_low_where_they_are_few(world) -> None:
    made = world("object_products", (7, 6), dim=16)
    cells = [ComplexityCell("per_object_product", coverage) for coverage in (0.3, 0.8)]
    few, many = (result.recovery for result in fitted(made.embeddings, made.labels, cells, calibrated=True))
    assert many.test_r2 > few.test_r2
    assert many.test_r2 > many.sum_r2 + 0.05
    assert 0 < many.sum_share < 1
    assert many.rank >= 2
    (total,) = fitted(made.embeddings, made.labels, [ComplexityCell("additive", 0.6)], calibrated=True)
    assert total.recovery is None
