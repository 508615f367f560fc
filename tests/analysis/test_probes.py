from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope import cancellation
from bindscope.analysis.pairings import pairings
from bindscope.analysis.probes import fit_probes
from bindscope.analysis.probing import probe
from bindscope.analysis.readings import recognise_with
from bindscope.analysis.softmax import fit_softmax, principal_axes, soft_targets
from bindscope.analysis.splits import split_scenes
from bindscope.domain.labels import SceneLabels
from bindscope.domain.specs import ProbeSpec
from bindscope.errors import CallerLeft, InvalidInput


def values_of(intervals):
    return {name: interval.value for name, interval in intervals.items()}


def labelled(scenes, values):
    return SceneLabels(np.asarray(scenes, dtype=np.int64), values, tuple("abc"[: len(values)]))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_in_an_additive_world_everything_is_there(oracles, seed) -> None:
    world = oracles.make_world("additive", seed=seed)
    result = probe(world.embeddings, world.labels, ProbeSpec(seed=seed))
    assert all(value >= 0.95 for value in values_of(result.test).values()), result.test


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_in_a_bag_world_concepts_are_there_and_owners_are_guessed(oracles, seed) -> None:
    world = oracles.make_world("bag", seed=seed)
    result = probe(world.embeddings, world.labels, ProbeSpec(seed=seed))
    assert result.test["concepts"].value > 0.95
    swappable = result.test["object_on_valid_swaps"]
    assert swappable.low <= result.chance["object_on_valid_swaps"].value == 0.5
    assert result.test["object"].value < 0.8


@pytest.mark.parametrize("seed", [0, 1])
def test_in_a_product_world_probes_do_well(published_worlds, seed) -> None:
    embeddings, scenes = published_worlds.make_world("product", seed=seed)
    result = probe(embeddings, labelled(scenes, (8, 3)), ProbeSpec(seed=seed))
    assert result.test["concepts"].value > 0.95
    assert result.test["object"].value > 0.9


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
    plain = probe(world.embeddings, world.labels, spec)
    moved = probe(world.embeddings + 5.0, world.labels, spec)
    order = np.random.default_rng(0).permutation(len(world.labels))
    reordered = probe(world.embeddings[order], world.labels.take(order), spec)
    assert plain.test == moved.test == reordered.test
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
    _, test = split_scenes(world.labels, train_ratio=0.4, seed=0)
    spoilt = world.embeddings.copy()
    spoilt[test] += 100 * np.random.default_rng(0).standard_normal(spoilt[test].shape)
    before, after = (probe(z, world.labels, ProbeSpec()).probes for z in (world.embeddings, spoilt))
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
    assert result.train["object"].n == result.train_scenes


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 12), st.integers(1, 3), st.integers(1, 8))
def test_tiny_inputs_give_numbers_and_never_nan(seed, count, slots, dim) -> None:
    rng = np.random.default_rng(seed)
    labels = labelled(rng.integers(0, (3, 2), (count, slots, 2)), (3, 2))
    result = probe(rng.standard_normal((count, dim)), labels, ProbeSpec(train_ratio=0.5, seed=seed))
    assert np.isfinite(result.probes.weights).all()
    for part in (result.train, result.test, result.chance):
        assert all(i.value is None if i.n == 0 else 0 <= i.value <= 1 for i in part.values())


def test_constant_embeddings_are_ties_and_recognise_nothing() -> None:
    labels = labelled(np.random.default_rng(0).integers(0, (4, 3), (60, 2, 2)), (4, 3))
    result = probe(np.full((60, 7), 0.1, dtype=np.float32), labels, ProbeSpec())
    assert result.test["object"].value == 0
    assert result.test["a"].value == 0


def test_an_object_never_seen_in_training_is_never_recognised_and_stands_in_nobodys_way(oracles) -> None:
    world = oracles.make_world("additive")
    holds = (world.labels.object_ids == 7).any(1)
    rest = np.flatnonzero(~holds)
    probes = fit_probes(world.embeddings[rest], world.labels.take(rest))
    scores = probes.predict(world.embeddings).objects
    assert scores.shape == (len(world.labels), world.labels.object_count)
    assert np.isfinite(scores).all()
    assert (scores.argmin(1) == 7).all()
    hits = recognise_with(probes, world.embeddings, world.labels).object
    assert not hits[holds].any()
    assert hits[rest].all()


def test_an_object_seen_once_is_no_obstacle(oracles) -> None:
    world = oracles.make_world("additive")
    holds = np.flatnonzero((world.labels.object_ids == 7).any(1))
    rows = np.setdiff1d(np.arange(len(world.labels)), holds[1:])
    probes = fit_probes(world.embeddings[rows], world.labels.take(rows))
    assert recognise_with(probes, world.embeddings[rows], world.labels.take(rows)).object.all()


def test_more_dimensions_than_scenes_have_a_finite_minimum(oracles) -> None:
    world = oracles.make_world("additive", dim=600, scenes=80)
    probes = fit_probes(world.embeddings, world.labels, strength=1e-4)
    assert probes.converged
    assert np.isfinite(probes.weights).all()


def test_the_solve_is_at_the_minimum_as_the_gradient_says(oracles) -> None:
    world = oracles.make_world("product", (3, 2), slots=2, dim=20)
    labels = world.labels
    strength = 1e-3
    probes = fit_probes(world.embeddings, labels, strength=strength)
    centred = world.embeddings - world.embeddings.mean(0)
    scale = np.sqrt((centred**2).sum(1).mean())
    scores, first = probes.predict(world.embeddings), 0
    held = [*np.moveaxis(labels.scenes, 2, 0), labels.object_ids]
    for logits, ids in zip([*scores.concepts, scores.objects], held, strict=True):
        present = np.zeros(logits.shape)
        np.put_along_axis(present, ids, 1.0, axis=1)
        odds = np.exp(logits - logits.max(1, keepdims=True))
        error = odds / odds.sum(1, keepdims=True) - present / present.sum(1, keepdims=True)
        weights = probes.weights[first : first + logits.shape[1]] * scale
        gradient = error.T @ centred / scale / len(centred) + strength * weights
        assert np.abs(gradient).max() < 0.01 * np.abs(strength * weights).max()
        first += logits.shape[1]


def test_single_precision_finds_the_same_minimum(oracles) -> None:
    world = oracles.make_world("product", (4, 3))
    axes = principal_axes(world.embeddings)
    features = axes.apply(world.embeddings)
    targets = soft_targets([world.labels.object_ids], [world.labels.object_count])
    fits = [
        fit_softmax(
            features.astype(dtype),
            targets,
            scene_weights=np.full((1, len(features)), 1 / len(features)),
            strengths=np.array([[1e-3]]),
            start=np.zeros((12, 1, features.shape[1])),
            tolerance=1e-7,
            max_iterations=200,
        )
        for dtype in (np.float64, np.float32)
    ]
    assert all(fit.converged for fit in fits)
    assert fits[1].weights.dtype == np.float32
    assert np.abs(fits[0].weights - fits[1].weights).max() < 0.01 * np.abs(fits[0].weights).max()


def test_the_split_follows_what_scenes_hold_and_not_their_order(oracles) -> None:
    labels = oracles.make_labels((4, 3), 2)
    order = np.random.default_rng(1).permutation(len(labels))
    train, test = split_scenes(labels, train_ratio=0.4, seed=5)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(len(labels)))
    assert len(train) == int(0.4 * len(labels))
    shuffled = order[split_scenes(labels.take(order), train_ratio=0.4, seed=5)[0]]
    assert set(shuffled) == set(train)
    assert set(split_scenes(labels, train_ratio=0.4, seed=6)[0]) != set(train)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 1000))
def test_pairings_are_counted_as_if_they_were_listed(slots, concepts, seed) -> None:
    scenes = np.random.default_rng(seed).integers(0, 3, (3, slots, concepts))

    def listed(scene):
        found = {tuple(sorted((int(v),) for v in scene[:, 0]))}
        for k in range(1, concepts):
            found = {
                tuple(sorted((*part, int(v)) for part, v in zip(parts, order, strict=True)))
                for parts in found
                for order in permutations(scene[:, k])
            }
        return len(found)

    assert pairings(scenes).tolist() == [listed(scene) for scene in scenes]


def test_without_a_valid_swap_there_is_no_number_for_it() -> None:
    labels = labelled([[[i % 3], [(i + 1) % 3]] for i in range(12)], (3,))
    result = probe(np.random.default_rng(0).standard_normal((12, 4)), labels, ProbeSpec(train_ratio=0.5))
    assert result.test["object_on_valid_swaps"].value is None
    assert result.chance["object_on_valid_swaps"].value is None


@pytest.mark.parametrize(
    ("embeddings", "part"),
    [
        (np.zeros((3, 2)), "at least two training"),
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
