from collections import Counter

import numpy as np
import pytest

from bindscope.analysis.binding import Pairs, forced_choice, object_leads
from bindscope.analysis.probes import fit_probes
from bindscope.analysis.probing import probe, splits_of
from bindscope.core.errors import InvalidInput
from bindscope.core.specs import ProbeSpec
from bindscope.scenes.labels import SceneLabels

SHAPES = [
    ((5, 4), 2, 400),
    ((3, 3, 2), 2, 324),
    ((4, 4), 3, 400),
    ((3, 2, 2), 3, 300),
    ((3, 3), 4, 400),
]


def drawn(values, *, slots, count, rng, habit=0.0):
    # ``habit`` above 0: some objects are far more frequent than others, as bananas are yellow.
    size = int(np.prod(values))
    weights = rng.dirichlet(np.full(size, 1 / habit)) + 1e-3 if habit else np.ones(size)
    ids = rng.choice(size, (count, slots), p=weights / weights.sum())
    objects = np.indices(values).reshape(len(values), -1).T
    return SceneLabels(objects[ids].astype(np.int64), values, tuple("abcd"[: len(values)]))


def shown(labels):
    counts = [np.eye(size)[labels.scenes[:, :, k]].sum(1) for k, size in enumerate(labels.values)]
    return np.concatenate(counts, axis=1)


def bag_vectors(labels, kind, *, dim, noise, rng):
    # Whatever depends on the bag alone, and noise that knows nothing of the scene.
    counts = shown(labels)
    if kind == "curved":
        hidden = np.tanh(counts @ rng.standard_normal((counts.shape[1], 4 * dim)) + rng.standard_normal(4 * dim))
        signal = hidden @ rng.standard_normal((4 * dim, dim)) / np.sqrt(4 * dim)
    elif kind == "table":
        number = np.unique(counts, axis=0, return_inverse=True)[1].reshape(-1)
        signal = rng.standard_normal((number.max() + 1, dim))[number]
    elif kind == "linear":
        signal = counts @ rng.standard_normal((counts.shape[1], dim))
    else:
        signal = np.zeros((len(counts), dim))
    return signal + noise * rng.standard_normal(signal.shape)


def without_twins(labels):
    # Of each bag only its most frequent pairing.
    pairs = Pairs.of(labels)
    kept = np.zeros(len(labels), dtype=bool)
    for bag in range(pairs.bags):
        rows = np.flatnonzero(pairs.bag == bag)
        kept[rows[pairs.pairing[rows] == np.bincount(pairs.pairing[rows]).argmax()]] = True
    return labels.take(kept)


@pytest.mark.parametrize("kind", ["curved", "table", "linear", "noise"])
@pytest.mark.parametrize(("values", "slots", "count"), SHAPES)
def test_a_pure_bag_scores_one_half(values, slots, count, kind) -> None:
    rng = np.random.default_rng([slots, count, len(kind)])
    labels = drawn(values, slots=slots, count=count, rng=rng)
    found = probe(bag_vectors(labels, kind, dim=40, noise=0.5, rng=rng), labels, ProbeSpec()).binding
    assert found.forced_choice.low <= 0.5 <= found.forced_choice.high
    assert found.says in ("not found", "too few")


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", ["curved", "linear"])
def test_correlated_labels_do_not_move_a_pure_bag_from_one_half(kind, seed) -> None:
    # Yellow bananas twice: frequent objects, and of each bag a pairing that is far more frequent than its partner.
    rng = np.random.default_rng(seed)
    labels = drawn((5, 4), slots=2, count=500, rng=rng, habit=0.5)
    often = (rng.random(len(Pairs.of(labels).objects)) ** 6 + 0.02)[Pairs.of(labels).pairing]
    labels = labels.take(rng.choice(500, 600, p=often / often.sum()))
    found = probe(bag_vectors(labels, kind, dim=40, noise=0.3, rng=rng), labels, ProbeSpec(seed=seed)).binding
    assert found.forced_choice.n >= 10
    assert found.forced_choice.low <= 0.5 <= found.forced_choice.high
    assert found.says in ("not found", "too few")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("values", "slots"), [((5, 4), 2), ((4, 3), 3)])
def test_vectors_that_are_equal_within_a_bag_score_exactly_one_half(values, slots, seed) -> None:
    rng = np.random.default_rng(seed)
    labels = drawn(values, slots=slots, count=300, rng=rng)
    vectors = bag_vectors(labels, "curved", dim=300, noise=0.0, rng=rng)
    found = probe(vectors, labels, ProbeSpec(seed=seed)).binding
    assert found.forced_choice.value == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("seed", range(2))
def test_vectors_averaged_over_a_scene_and_its_swaps_score_exactly_one_half(oracles, seed) -> None:
    world = oracles.make_world("additive", (4, 3), seed=seed)
    labels, number = world.labels, {tuple(scene): n for n, scene in enumerate(world.labels.scenes.reshape(144, 4))}
    swapped = [number[a, d, c, b] for a, b, c, d in labels.scenes.reshape(144, 4).tolist()]
    mirrored = [number[c, d, a, b] for a, b, c, d in labels.scenes.reshape(144, 4).tolist()]
    vectors = world.embeddings + world.embeddings[swapped]
    vectors = vectors + vectors[mirrored]
    found = probe(vectors, labels, ProbeSpec(seed=seed)).binding.forced_choice
    assert found.value == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["additive", "product"])
def test_where_objects_are_in_the_vectors_the_score_is_near_one(oracles, kind, seed) -> None:
    world = oracles.make_world(kind, noise=0.1, seed=seed)
    found = probe(world.embeddings, world.labels, ProbeSpec(seed=seed)).binding
    assert found.forced_choice.value > 0.97
    assert found.says == "present"


@pytest.mark.parametrize("kind", ["additive", "product"])
@pytest.mark.parametrize(("values", "slots", "least"), [((4, 3), 3, 0.97), ((3, 3, 2), 2, 0.97), ((3, 3), 4, 0.85)])
def test_more_objects_and_concepts_are_read_as_well(oracles, kind, values, slots, least) -> None:
    # Of four objects some partners hold nothing that the scene lacks: their presence is a tie at best.
    world = oracles.make_world(kind, values, slots=slots, dim=256, noise=0.1, scenes=600)
    found = probe(world.embeddings, world.labels, ProbeSpec(train_ratio=0.6)).binding
    assert found.forced_choice.value > least
    assert found.says == "present"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", ["curved", "table", "objects"])
def test_data_without_twins_shows_neither_presence_nor_absence(kind, seed) -> None:
    rng = np.random.default_rng(seed)
    labels = without_twins(drawn((6, 6), slots=2, count=300, rng=rng, habit=2))
    if kind == "objects":
        vectors = rng.standard_normal((36, 60))[labels.object_ids].sum(1)
    else:
        vectors = bag_vectors(labels, kind, dim=40, noise=0.3, rng=rng)
    found = probe(vectors, labels, ProbeSpec(seed=seed)).binding
    assert found.forced_choice is None
    assert found.says == ("weak" if kind == "objects" else "too few")
    assert found.unpaired.forced_choice.value > 0.6
    assert found.unpaired.bag_baseline.value > 0.6


def test_a_bias_towards_frequent_pairings_is_no_binding() -> None:
    # Scores that sum a fitted probe and a habit of each object: the habit alone is no partner's advantage.
    rng = np.random.default_rng(0)
    labels = drawn((5, 4), slots=2, count=500, rng=rng)
    probes = fit_probes(bag_vectors(labels, "curved", dim=40, noise=0.3, rng=rng), labels)
    vectors = bag_vectors(labels, "curved", dim=40, noise=0.0, rng=np.random.default_rng(1))
    scores = probes.predict(vectors).objects + 3 * rng.standard_normal(20)
    trials = Pairs.of(labels).trials()
    assert forced_choice(trials, object_leads(scores, trials)).mean == pytest.approx(0.5, abs=1e-9)


def test_a_split_by_scene_reads_a_table_without_rule_from_its_mirrors_and_one_by_bag_does_not() -> None:
    by_scene, by_bag = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        labels = drawn((5, 4), slots=2, count=300, rng=rng)
        pairing = Pairs.of(labels).pairing
        vectors = rng.standard_normal((pairing.max() + 1, 40))[pairing]
        by_scene.append(probe(vectors, labels, ProbeSpec(seed=seed, split="scene")).binding.forced_choice.value)
        by_bag.append(probe(vectors, labels, ProbeSpec(seed=seed)).binding.forced_choice)
    assert np.mean(by_scene) > 0.58
    assert all(found.low <= 0.5 <= found.high for found in by_bag)


@pytest.mark.parametrize("seed", range(2))
def test_a_pure_bag_scores_one_half_under_a_split_by_scene_too(oracles, seed) -> None:
    world = oracles.make_world("bag", noise=0.1, seed=seed)
    found = probe(world.embeddings, world.labels, ProbeSpec(split="scene", seed=seed)).binding.forced_choice
    assert found.low <= 0.5 <= found.high


@pytest.mark.parametrize("seed", range(3))
def test_no_bag_stands_on_both_sides_of_a_split(seed) -> None:
    labels = drawn((4, 3), slots=3, count=300, rng=np.random.default_rng(seed))
    pairs = Pairs.of(labels)
    splits = splits_of(labels, ProbeSpec(seed=seed, splits=4), pairs)
    assert len({tuple(train) for train, _ in splits}) == 4
    for train, test in splits:
        assert not set(pairs.bag[train]) & set(pairs.bag[test])
        assert sorted([*train, *test]) == list(range(300))
        assert abs(len(train) - 120) < 10


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_half_and_single_precision_reach_the_same_score(oracles, kind) -> None:
    world = oracles.make_world("additive", (4, 3), noise=0.6)
    plain = probe(world.embeddings, world.labels, ProbeSpec()).binding.forced_choice
    coarse = probe(world.embeddings.astype(kind), world.labels, ProbeSpec()).binding.forced_choice
    assert coarse.value == pytest.approx(plain.value, abs=0.02)


@pytest.mark.parametrize("change", [lambda x: x * 1e-8, lambda x: x * 1e8, lambda x: x + 1e6, lambda x: 1e6 - x])
def test_scale_and_offset_leave_the_score_where_it_is(oracles, change) -> None:
    world = oracles.make_world("additive", (4, 3), noise=0.6)
    plain = probe(world.embeddings, world.labels, ProbeSpec())
    moved = probe(change(world.embeddings), world.labels, ProbeSpec())
    assert moved.binding.forced_choice.value == pytest.approx(plain.binding.forced_choice.value, abs=1e-3)
    assert moved.strengths == plain.strengths


def test_the_same_input_gives_the_same_bits(oracles) -> None:
    world = oracles.make_world("additive", (4, 3), noise=0.6)
    one, other = (probe(world.embeddings, world.labels, ProbeSpec()) for _ in range(2))
    assert one.binding == other.binding
    assert one.test == other.test


DEGENERATE = {
    "two bags": [[[0, 0], [1, 1]], [[0, 1], [1, 0]], [[2, 2], [1, 1]]] * 6,
    "no valid swap": [[[0, k], [0, j]] for k in range(4) for j in range(4)],
    "one object a scene": [[[k % 4, k // 4]] for k in range(16)],
    "each object once": [[[2 * k, 2 * k], [2 * k + 1, 2 * k + 1]] for k in range(8)],
    "one concept": [[[k], [j]] for k in range(5) for j in range(5)],
    "copies of one pair of scenes": [[[0, 0], [1, 1]], [[0, 1], [1, 0]], [[2, 2], [3, 3]], [[0, 0], [3, 3]]] * 6,
}


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("dim", [1, 60])
@pytest.mark.parametrize("vectors", ["noise", "equal", "zero"])
def test_what_cannot_be_asked_is_not_answered(case, dim, vectors) -> None:
    scenes = np.asarray(DEGENERATE[case], dtype=np.int64)
    labels = SceneLabels(scenes, tuple((scenes.max((0, 1)) + 1).tolist()), tuple("ab"[: scenes.shape[2]]))
    noise = np.random.default_rng(dim).standard_normal((len(labels), dim))
    rows = {"noise": noise, "equal": np.ones_like(noise), "zero": np.zeros_like(noise)}[vectors]
    result = probe(rows, labels, ProbeSpec())
    assert result.binding.says == "too few"
    assert result.binding.forced_choice is None or result.binding.forced_choice.n < 10
    assert all(0 <= own.low <= own.value <= own.high <= 1 for own in result.test.values() if own.n)


@pytest.mark.parametrize("scenes", [[[[0, 0], [1, 1]]], [[[0, 0], [1, 1]], [[0, 1], [1, 0]]], np.zeros((0, 2, 2))])
def test_one_bag_cannot_be_split_and_the_message_says_so(scenes) -> None:
    labels = SceneLabels(np.asarray(scenes, dtype=np.int64), (2, 2), ("a", "b"))
    with pytest.raises(InvalidInput, match="two different sets of values"):
        probe(np.random.default_rng(0).standard_normal((len(labels), 3)), labels, ProbeSpec())


def test_equal_vectors_are_too_few_and_never_not_found() -> None:
    labels = drawn((5, 4), slots=2, count=400, rng=np.random.default_rng(0))
    result = probe(np.ones((400, 8)), labels, ProbeSpec())
    assert (result.binding.says, result.binding.forced_choice) == ("too few", None)
    assert set(result.strengths.values()) == {None}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_300_pure_bags_show_a_trace_by_chance_in_no_more_than_one_of_40() -> None:
    words, inside = Counter(), []
    for run in range(300):
        rng = np.random.default_rng([run, 1])
        values, slots, count = SHAPES[run % 5]
        habit = 1.0 if run % 3 == 0 else 0.0
        labels = drawn(values, slots=slots, count=count, rng=rng, habit=habit)
        kind = ("curved", "table", "linear", "noise")[run % 4]
        vectors = bag_vectors(labels, kind, dim=(8, 32, 128)[run % 3], noise=(0.3, 1.5)[run % 2], rng=rng)
        found = probe(vectors, labels, ProbeSpec(seed=run)).binding
        words[found.says] += 1
        if found.forced_choice is not None:
            inside.append(found.forced_choice.low <= 0.5 <= found.forced_choice.high)
    assert words["weak"] + words["present"] <= 7, words
    assert words["below chance"] <= 7, words
    assert np.mean(inside) >= 0.95


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("values", "slots", "count", "conjunction", "noise"),
    [((5, 4), 2, 400, 0.5, 1.5), ((3, 3, 2), 2, 324, 0.5, 1.5)],
)
def test_the_interval_of_five_splits_holds_the_mean_over_fresh_data(values, slots, count, conjunction, noise) -> None:
    tables = np.random.default_rng(0)
    concepts = [tables.standard_normal((size, 32)) for size in values]
    objects = conjunction * tables.standard_normal((int(np.prod(values)), 32))
    found = []
    for run in range(80):
        rng = np.random.default_rng([run, 2])
        labels = drawn(values, slots=slots, count=count, rng=rng)
        owned = sum(table[labels.scenes[:, :, k]].sum(1) for k, table in enumerate(concepts))
        vectors = owned + objects[labels.object_ids].sum(1) + noise * rng.standard_normal((count, 32))
        found.append(probe(vectors, labels, ProbeSpec(seed=100 * run)).binding.forced_choice)
    truth = np.mean([own.value for own in found])
    assert 0.55 < truth < 0.98
    assert np.mean([own.low <= truth <= own.high for own in found]) >= 0.9


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["curved", "linear"])
def test_bags_without_twins_exceed_the_habits_in_no_more_than_8_of_100(kind) -> None:
    exceeds = []
    for run in range(50):
        rng = np.random.default_rng([run, 3])
        labels = without_twins(drawn((6, 6), slots=2, count=(300, 800)[run % 2], rng=rng, habit=2))
        vectors = bag_vectors(labels, kind, dim=64, noise=(0.05, 0.5)[run % 2], rng=rng)
        exceeds.append(probe(vectors, labels, ProbeSpec(seed=run)).binding.says == "weak")
    assert np.mean(exceeds) <= 0.08
