import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.analysis.binding import Pairs
from bindscope.analysis.probes import fit_probes
from bindscope.analysis.probing import probe
from bindscope.analysis.readings import recognise_with
from bindscope.analysis.ridge import Head, fit_ridge
from bindscope.analysis.splits import halves, split_bags, split_scenes
from bindscope.core import cancellation
from bindscope.core.errors import CallerLeft, InvalidInput
from bindscope.core.specs import PROBE_ESTIMATORS, ProbeSpec
from bindscope.scenes.labels import SceneLabels


def values_of(intervals):
    return {name: interval.value for name, interval in intervals.items()}


def labelled(scenes, values):
    return SceneLabels(np.asarray(scenes, dtype=np.int64), values, tuple("abc"[: len(values)]))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_in_an_additive_world_everything_is_there(oracles, seed) -> None:
    world = oracles.make_world("additive", seed=seed)
    result = probe(world.embeddings, world.labels, ProbeSpec(seed=seed))
    assert all(value >= 0.95 for value in values_of(result.test).values()), result.test
    assert result.binding.says == "present"
    assert result.binding.forced_choice.value > 0.97


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_in_a_bag_world_concepts_are_there_and_owners_are_guessed(oracles, seed) -> None:
    world = oracles.make_world("bag", seed=seed)
    result = probe(world.embeddings, world.labels, ProbeSpec(seed=seed))
    assert result.test["concepts"].value > 0.95
    assert result.binding.forced_choice.value == pytest.approx(0.5, abs=0.05)
    assert result.binding.says == "not found"
    assert result.test["object_on_valid_swaps"].value <= result.object_chance.ceiling_bag == 0.5
    assert result.object_chance.given_bag == pytest.approx(1 / 6)


@pytest.mark.parametrize("seed", [0, 1])
def test_in_a_product_world_probes_do_well(published_worlds, seed) -> None:
    embeddings, scenes = published_worlds.make_world("product", seed=seed)
    result = probe(embeddings, labelled(scenes, (8, 3)), ProbeSpec(seed=seed))
    assert result.test["concepts"].value > 0.95
    assert result.test["object"].value > 0.9
    assert result.binding.forced_choice.value > 0.97


@pytest.mark.parametrize("kind", ["additive", "product"])
def test_three_objects_and_three_concepts_are_read_as_well(oracles, kind) -> None:
    three_objects = oracles.make_world(kind, (3, 3), slots=3, dim=256, noise=0.1)
    three_concepts = oracles.make_world(kind, (3, 3, 2), slots=2, dim=256, noise=0.1)
    for world in (three_objects, three_concepts):
        result = probe(world.embeddings, world.labels, ProbeSpec(train_ratio=0.6))
        assert min(values_of(result.test).values()) > 0.85, result.test


@pytest.mark.parametrize("seed", [0, 1])
def test_permuted_labels_give_chance(oracles, seed) -> None:
    world = oracles.make_world("additive", (6, 5), seed=seed)
    shuffled = world.labels.take(np.random.default_rng(seed).permutation(len(world.labels)))
    result = probe(world.embeddings, shuffled, ProbeSpec(seed=seed))
    for name in ("concept0", "concept1", "concepts", "object"):
        measured, chance = result.test[name], result.chance[name].value
        # A probe may learn which values are common, hence twice the interval.
        assert measured.value < chance + 2 * (measured.high - measured.value) + 0.02, (name, measured, chance)


def test_a_constant_vector_and_the_order_of_scenes_change_nothing(oracles) -> None:
    world = oracles.make_world("product", noise=1.0)
    spec = ProbeSpec(seed=3)

    def figures(result):
        return [result.binding.forced_choice, *result.test.values()]

    def same(one, other):
        for first, second in zip(figures(one), figures(other), strict=True):
            assert first.n == second.n
            assert (first.value, first.low) == pytest.approx((second.value, second.low), abs=1e-9)

    plain = probe(world.embeddings, world.labels, spec)
    moved = probe(world.embeddings + 5.0, world.labels, spec)
    order = np.random.default_rng(0).permutation(len(world.labels))
    reordered = probe(world.embeddings[order], world.labels.take(order), spec)
    same(plain, moved)
    same(plain, reordered)
    assert plain.strengths == moved.strengths == reordered.strengths
    assert np.allclose(plain.probes.weights, reordered.probes.weights, atol=1e-3 * np.abs(plain.probes.weights).max())


def test_a_unit_of_measure_changes_nothing(oracles) -> None:
    world = oracles.make_world("product", noise=1.0)
    plain = probe(world.embeddings, world.labels, ProbeSpec())
    larger = probe(world.embeddings * 1000, world.labels, ProbeSpec())
    assert plain.test == larger.test


def test_the_same_input_gives_the_same_bits(oracles) -> None:
    world = oracles.make_world("product")
    first, second = (probe(world.embeddings.astype(np.float32), world.labels, ProbeSpec(seed=1)) for _ in range(2))
    assert np.array_equal(first.probes.weights, second.probes.weights)
    assert first.test == second.test


def test_the_held_out_scenes_do_not_touch_the_fit(oracles) -> None:
    world = oracles.make_world("additive")
    _, test = split_bags(world.labels, train_ratio=0.4, seed=0)
    spoilt = world.embeddings.copy()
    spoilt[test] += 100 * np.random.default_rng(0).standard_normal(spoilt[test].shape)
    before, after = (probe(z, world.labels, ProbeSpec(splits=1)).probes for z in (world.embeddings, spoilt))
    assert np.array_equal(before.weights, after.weights)
    assert np.array_equal(before.mean, after.mean)


def test_every_value_has_its_own_bar_and_they_add_up(oracles) -> None:
    world = oracles.make_world("product", noise=1.0)
    result = probe(world.embeddings, world.labels, ProbeSpec())
    for k, name in enumerate(world.labels.names):
        bars = result.per_value[name]
        assert len(bars) == world.labels.values[k]
        assert min(b.test.value for b in bars) <= result.test[name].value <= max(b.test.value for b in bars)
    assert result.train_scenes + result.test_scenes == len(world.labels)
    bags = len(np.unique(np.sort(world.labels.scenes, axis=1).reshape(len(world.labels), -1), axis=0))
    assert result.train["object"].n <= bags
    assert result.test["object"].n <= bags


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(4, 12), st.integers(1, 3), st.integers(1, 8), st.sampled_from(["bag", "scene"])
)
def test_tiny_inputs_give_numbers_or_a_sentence_and_never_nan_or_a_claim(seed, count, slots, dim, split) -> None:
    rng = np.random.default_rng(seed)
    labels = labelled(rng.integers(0, (3, 2), (count, slots, 2)), (3, 2))
    try:
        spec = ProbeSpec(train_ratio=0.5, seed=seed, split=split, splits=2)
        result = probe(rng.standard_normal((count, dim)), labels, spec)
    except InvalidInput as error:
        assert "different sets of values" in str(error) or "at least two" in str(error)
        return
    assert np.isfinite(result.probes.weights).all()
    assert result.binding.says == "too few"
    for part in (result.train, result.test, result.chance):
        assert all(i.value is None if i.n == 0 else 0 <= i.value <= 1 for i in part.values())


@pytest.mark.parametrize("estimator", PROBE_ESTIMATORS)
def test_equal_vectors_fit_nothing_and_give_no_figure(estimator) -> None:
    labels = labelled(np.random.default_rng(0).integers(0, (4, 3), (400, 2, 2)), (4, 3))
    result = probe(np.full((400, 7), 0.1, dtype=np.float32), labels, ProbeSpec(estimator=estimator))
    assert set(result.strengths.values()) == {None}
    assert result.binding.forced_choice is None
    assert result.binding.says == "too few"
    for part in (result.train, result.test):
        assert all((i.value, i.n) == (None, 0) for i in part.values())
    assert all(bar.test.value is None for bars in result.per_value.values() for bar in bars)


def test_two_bags_fit_nothing_and_one_bag_is_refused_with_a_reason(oracles) -> None:
    rng = np.random.default_rng(0)
    one = [[[0, 0], [1, 1]], [[0, 1], [1, 0]]] * 10
    two = one + [[[2, 0], [3, 1]], [[2, 1], [3, 0]]] * 10
    result = probe(rng.standard_normal((40, 5)), labelled(two, (4, 2)), ProbeSpec())
    assert set(result.strengths.values()) == {None}
    assert (result.binding.forced_choice, result.binding.says) == (None, "too few")
    assert result.test["object"].value is None
    with pytest.raises(InvalidInput, match="at least two different sets of values"):
        probe(rng.standard_normal((20, 5)), labelled(one, (4, 2)), ProbeSpec())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "shape",
    [
        {"values": (8, 3)},
        {"values": (4, 3, 2), "scenes": 576},
        {"values": (3, 3), "slots": 3, "dim": 64},
        {"values": (2, 2), "slots": 4, "dim": 48},
    ],
    ids=["pairs", "three concepts", "three objects", "four objects"],
)
def test_a_pure_bag_scores_one_half_whatever_its_shape(oracles, shape, seed) -> None:
    world = oracles.make_world("bag", seed=seed, **shape)
    binding = probe(world.embeddings, world.labels, ProbeSpec(seed=seed)).binding
    assert binding.forced_choice.value == pytest.approx(0.5, abs=0.06)
    assert binding.says != "present"


@pytest.mark.parametrize("seed", range(4))
def test_what_depends_on_the_bag_alone_scores_exactly_one_half(oracles, seed) -> None:
    # Unbalanced on purpose: rare values, rare pairings, scenes that come several times.
    rng = np.random.default_rng(seed)
    odds = np.array([8, 4, 2, 1, 1]) / 16
    values = rng.choice(5, size=(600, 2, 2), p=odds)
    labels = labelled(values, (5, 5))
    pairs = Pairs.of(labels)
    vectors = rng.standard_normal((pairs.bags, 60))[pairs.bag]
    binding = probe(vectors, labels, ProbeSpec(seed=seed)).binding
    assert binding.forced_choice.n >= 10
    assert binding.forced_choice.value == 0.5


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_not_found_and_nothing_is_recognised(oracles, seed) -> None:
    labels = oracles.make_labels((8, 3), 2)
    vectors = np.random.default_rng(seed).standard_normal((len(labels), 96))
    result = probe(vectors, labels, ProbeSpec(seed=seed))
    assert result.binding.says in ("not found", "too few")
    assert result.binding.forced_choice.value == pytest.approx(0.5, abs=0.08)
    assert result.test["object_on_valid_swaps"].value < 0.05


@pytest.mark.parametrize("kind", ["bag", "additive"])
@pytest.mark.parametrize("seed", range(3))
def test_correlated_labels_without_swaps_are_never_present_nor_absent(kind, seed) -> None:
    # Each bag shows one pairing only, and most objects are the usual ones: yellow bananas, red apples.
    rng = np.random.default_rng(seed)
    color = rng.integers(0, 6, (500, 2))
    shape = np.where(rng.random((500, 2)) < 0.85, color, rng.integers(0, 6, (500, 2)))
    scenes = np.stack([color, shape], axis=2)
    bags = np.sort(scenes, axis=1).reshape(500, -1)
    _, first = np.unique(bags, axis=0, return_index=True)
    labels = labelled(scenes[np.sort(first)], (6, 6))
    tables = rng.standard_normal((2, 6, 80))
    vectors = sum(tables[k][labels.scenes[:, :, k]].sum(1) for k in range(2))
    if kind == "additive":
        vectors = vectors + rng.standard_normal((36, 80))[labels.object_ids].sum(1)
    binding = probe(vectors + 0.3 * rng.standard_normal(vectors.shape), labels, ProbeSpec(seed=seed)).binding
    assert binding.forced_choice is None
    assert binding.unpaired is not None
    assert binding.says in ("weak", "too few")
    if kind == "bag":
        assert binding.unpaired.forced_choice.value > 0.6
        assert binding.says == "too few"


def test_an_unseen_object_scores_its_training_mean_which_is_nought(oracles) -> None:
    world = oracles.make_world("additive")
    holds = (world.labels.object_ids == 7).any(1)
    rest = np.flatnonzero(~holds)
    probes = fit_probes(world.embeddings[rest], world.labels.take(rest))
    scores = probes.predict(world.embeddings).objects
    assert scores.shape == (len(world.labels), world.labels.object_count)
    assert np.abs(scores[:, 7]).max() == 0
    assert recognise_with(probes, world.embeddings, world.labels).object[rest].all()


def test_an_object_seen_once_is_no_obstacle(oracles) -> None:
    world = oracles.make_world("additive")
    holds = np.flatnonzero((world.labels.object_ids == 7).any(1))
    rows = np.setdiff1d(np.arange(len(world.labels)), holds[1:])
    probes = fit_probes(world.embeddings[rows], world.labels.take(rows))
    assert recognise_with(probes, world.embeddings[rows], world.labels.take(rows)).object.all()


@pytest.mark.parametrize("estimator", PROBE_ESTIMATORS)
def test_more_dimensions_than_scenes_have_finite_weights(oracles, estimator) -> None:
    world = oracles.make_world("additive", dim=600, scenes=80)
    probes = fit_probes(world.embeddings, world.labels, strength=1e-4, estimator=estimator)
    assert np.isfinite(probes.weights).all()
    assert recognise_with(probes, world.embeddings, world.labels).object.all()


def test_the_published_probe_ends_at_the_minimum_of_its_loss_where_there_is_one() -> None:
    rng = np.random.default_rng(0)
    labels = labelled(rng.integers(0, (3, 2), (80, 2, 2)), (3, 2))
    rows = rng.standard_normal((80, 6)).astype(np.float32)
    scores = fit_probes(rows, labels, estimator="published").predict(rows)
    held = [*np.moveaxis(labels.scenes, 2, 0), labels.object_ids]
    for logits, ids in zip([*scores.concepts, scores.objects], held, strict=True):
        wanted = np.zeros(logits.shape)
        np.add.at(wanted, (np.arange(80)[:, None], ids), 0.5)
        odds = np.exp(logits - logits.max(1, keepdims=True))
        assert np.abs((odds / odds.sum(1, keepdims=True) - wanted).T @ rows / 80).max() < 1e-4


def test_the_ridge_fit_solves_its_normal_equations(oracles) -> None:
    world = oracles.make_world("product", (3, 2), slots=2, dim=20)
    strength = 1e-2
    probes = fit_probes(world.embeddings, world.labels, strength=strength)
    centred = world.embeddings - world.embeddings.mean(0)
    square = centred.T @ centred
    alpha = strength * np.trace(square) / 20
    shown = np.zeros((len(world.labels), world.labels.object_count))
    np.put_along_axis(shown, world.labels.object_ids, 1.0, axis=1)
    expected = np.linalg.solve(square + alpha * np.eye(20), centred.T @ (shown - shown.mean(0)))
    assert np.abs(probes.weights[5:].T - expected).max() < 1e-10


@pytest.mark.parametrize("kind", ["bag", "additive", "product"])
def test_leaving_a_bag_out_is_what_fitting_without_it_gives(reference_ridge, oracles, kind) -> None:
    world = oracles.make_world(kind, (5, 4), dim=40)
    pairs = Pairs.of(world.labels)
    head = Head(world.labels.object_ids, world.labels.object_count)
    shown = np.zeros((len(world.labels), head.size))
    np.put_along_axis(shown, head.ids, 1.0, axis=1)
    predict, strength, _ = reference_ridge.fit(world.embeddings, shown, pairs.bag)
    found = fit_ridge(world.embeddings, [head], pairs.bag)
    assert found.heads[0].strength == strength
    mine = (world.embeddings - found.mean) @ found.heads[0].weights.T + found.heads[0].offset
    assert mine == pytest.approx(predict(world.embeddings), abs=1e-8)


def test_the_published_split_follows_what_scenes_hold_and_not_their_order(oracles) -> None:
    labels = oracles.make_labels((4, 3), 2)
    order = np.random.default_rng(1).permutation(len(labels))
    train, test = split_scenes(labels, train_ratio=0.4, seed=5)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(len(labels)))
    assert len(train) == int(0.4 * len(labels))
    shuffled = order[split_scenes(labels.take(order), train_ratio=0.4, seed=5)[0]]
    assert set(shuffled) == set(train)
    assert set(split_scenes(labels, train_ratio=0.4, seed=6)[0]) != set(train)


@pytest.mark.parametrize("seed", range(3))
def test_a_split_by_bag_keeps_a_scene_and_its_swaps_on_one_side_whatever_their_order(oracles, seed) -> None:
    labels = oracles.make_labels((4, 3), 2)
    pairs = Pairs.of(labels)
    train, test = split_bags(labels, train_ratio=0.4, seed=seed)
    assert not set(pairs.bag[train]) & set(pairs.bag[test])
    assert len(train) + len(test) == len(labels)
    assert len(train) / len(labels) == pytest.approx(0.4, abs=0.03)
    order = np.random.default_rng(1).permutation(len(labels))
    assert set(order[split_bags(labels.take(order), train_ratio=0.4, seed=seed)[0]]) == set(train)
    one, other = halves(train, seed=seed, pairs=pairs)
    assert not set(pairs.bag[one]) & set(pairs.bag[other])
    assert set(one) | set(other) == set(train)


def test_without_a_valid_swap_there_is_no_number_for_it() -> None:
    labels = labelled([[[i % 3], [(i + 1) % 3]] for i in range(12)], (3,))
    result = probe(np.random.default_rng(0).standard_normal((12, 4)), labels, ProbeSpec(train_ratio=0.5))
    assert result.test["object_on_valid_swaps"].value is None
    assert result.chance["object_on_valid_swaps"].value is None


@pytest.mark.parametrize(
    ("embeddings", "part"),
    [
        (np.zeros((3, 2)), "at least two different sets of values"),
        (np.zeros((4, 2)), "one row for each"),
        (np.zeros(3), "one row for each"),
        (np.full((3, 2), np.nan), "NaN"),
        (np.full((3, 2), 1e200), "above 1e"),
    ],
)
def test_embeddings_that_cannot_be_probed_are_refused(embeddings, part) -> None:
    labels = labelled(np.zeros((3, 1, 1)), (2,))
    with pytest.raises(InvalidInput, match=part):
        probe(embeddings, labels, ProbeSpec())


def test_fits_that_mean_nothing_are_refused(oracles) -> None:
    world = oracles.make_world("bag", (2, 2), dim=4)
    with pytest.raises(InvalidInput, match="two scenes"):
        fit_probes(world.embeddings[:1], world.labels.take(np.array([0])))
    for strength in (0.0, -1.0, float("nan")):
        with pytest.raises(InvalidInput, match="above zero"):
            fit_probes(world.embeddings, world.labels, strength=strength)
    with pytest.raises(InvalidInput, match="read embeddings"):
        fit_probes(world.embeddings, world.labels).predict(np.zeros((2, 5)))


def test_a_fit_that_nobody_waits_for_stops_at_its_next_step() -> None:
    rng = np.random.default_rng(0)
    labels = SceneLabels(rng.integers(0, 3, (60, 2, 2)), (3, 3), ("color", "shape"))
    token = cancellation.Token()
    token.cancel("left")
    with cancellation.carrying(token), pytest.raises(CallerLeft):
        fit_probes(rng.standard_normal((60, 8)), labels, seed=0)
