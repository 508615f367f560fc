import dataclasses
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.analysis.binding import (
    BagScores,
    Pairs,
    binding_of,
    forced_choice,
    object_leads,
    share_over_bags,
    twin_of,
    unpaired_choice,
)
from bindscope.analysis.verdict import presence
from bindscope.scenes.labels import SceneLabels


@st.composite
def labels_and_rows(draw):
    values = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    slots, count = draw(st.integers(1, 4)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    objects = rng.choice(int(np.prod(values)), (count, slots), p=rng.dirichlet(np.full(np.prod(values), 0.7)))
    labels = labelled(np.indices(values).reshape(len(values), -1).T[objects], values)
    rows = np.flatnonzero(rng.random(count) < draw(st.sampled_from([0.4, 1.0])))
    return labels, rows, rng


def labelled(scenes, values):
    return SceneLabels(np.asarray(scenes, dtype=np.int64), tuple(values), tuple("abcd"[: len(values)]))


def drawn(values, *, slots, count, seed, habit=0.0):
    # ``habit`` above 0: some objects are far more frequent than others, as bananas are yellow.
    rng = np.random.default_rng(seed)
    size = int(np.prod(values))
    weights = rng.dirichlet(np.full(size, 1 / habit)) + 1e-3 if habit else np.ones(size)
    objects = rng.choice(size, (count, slots), p=weights / weights.sum())
    return labelled(np.indices(values).reshape(len(values), -1).T[objects], values)


def scored(labels, scores, rows=None):
    pairs = Pairs.of(labels)
    trials = pairs.trials(rows)
    return pairs, forced_choice(trials, object_leads(scores if rows is None else scores[rows], trials))


@given(labels_and_rows(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_bag_scores_what_the_reference_says(reference_score, case, tied) -> None:
    labels, rows, rng = case
    scores = rng.standard_normal((len(labels), labels.object_count))
    scores = np.round(scores) if tied else scores
    number = {tuple(values): n for n, values in enumerate(labels.objects.tolist())}

    def score(row, pairing):
        return sum(scores[row, number[one]] for one in pairing)

    expected = reference_score.paired_forced_choice(labels.scenes, score, rows)
    pairs, found = scored(labels, scores, rows)
    first = {int(pairs.bag[row]): reference_score.bag(labels.scenes[row]) for row in rows}
    got = {first[int(bag)]: value for bag, value in zip(found.bags, found.scores, strict=True)}
    assert got == pytest.approx(expected, abs=1e-12)


@given(labels_and_rows())
@settings(max_examples=60, deadline=None)
def test_partners_are_the_pairings_one_valid_exchange_away(reference_score, case) -> None:
    labels, _, _ = case
    trials = Pairs.of(labels).trials(paired=False)
    objects = [tuple(one) for one in labels.objects.tolist()]
    for row in range(len(labels)):
        own = trials.row == row
        found = [tuple(sorted(objects[n] for n in ids)) for ids in trials.other[own].tolist()]
        assert sorted(found) == reference_score.partners(labels.scenes[row])
        assert {tuple(sorted(objects[n] for n in ids)) for ids in trials.own[own].tolist()} <= {
            reference_score.pairing(labels.scenes[row])
        }


@given(labels_and_rows())
@settings(max_examples=60, deadline=None)
def test_scores_of_the_bag_alone_are_exactly_one_half(case) -> None:
    labels, rows, rng = case
    bag = Pairs.of(labels).bag
    scores = rng.standard_normal((bag.max() + 1, labels.object_count))[bag]
    _, found = scored(labels, scores, rows)
    assert found.scores == pytest.approx(np.full(len(found), 0.5), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("values", "slots"), [((4, 3), 2), ((3, 3), 3), ((3, 2), 4), ((3, 2, 2), 2), ((2, 2, 2), 3)])
def test_scores_of_the_bag_alone_are_no_fair_coin_unpaired(values, slots, seed) -> None:
    labels = drawn(values, slots=slots, count=300, seed=seed, habit=2)
    pairs = Pairs.of(labels)
    frequent = np.bincount(labels.object_ids.reshape(-1), minlength=labels.object_count).astype(float)
    scores = np.repeat(np.log1p(frequent)[None], len(labels), axis=0)
    trials = pairs.trials(paired=False)
    habits = unpaired_choice(trials, object_leads(scores, trials)).mean
    _, paired = scored(labels, scores)
    assert paired.mean == pytest.approx(0.5, abs=1e-12)
    assert habits > 0.57


@pytest.mark.parametrize("values", [(3, 3), (4, 2), (2, 2, 2)])
@pytest.mark.parametrize("slots", [2, 3])
def test_the_presence_of_the_true_objects_scores_one_and_its_opposite_zero(slots, values) -> None:
    labels = drawn(values, slots=slots, count=400, seed=slots)
    truth = presence(labels.object_ids, labels.object_count).astype(float)
    assert scored(labels, truth)[1].mean == 1.0
    assert scored(labels, -truth)[1].mean == 0.0


def test_of_four_objects_a_partner_may_hold_nothing_that_the_scene_lacks_and_ties() -> None:
    # {ax, ay, bx, by} against {ay, ay, bx, bx}: presence ties one way and wins the other.
    labels = labelled([[[0, 0], [0, 1], [1, 0], [1, 1]], [[0, 1], [0, 1], [1, 0], [1, 0]]], (2, 2))
    _, found = scored(labels, presence(labels.object_ids, 4).astype(float))
    assert (found.mean, found.undecided.mean()) == (0.75, 0.5)


def test_ties_are_half_a_win_and_counted_apart() -> None:
    labels = drawn((3, 3), slots=2, count=100, seed=0)
    _, found = scored(labels, np.full((100, 9), 7.0))
    assert found.mean == 0.5
    assert found.undecided.mean() == 1.0


def test_a_larger_resolution_makes_small_leads_ties() -> None:
    labels = drawn((3, 3), slots=2, count=100, seed=0)
    truth = np.zeros((len(labels), 9))
    np.add.at(truth, (np.arange(len(labels))[:, None], labels.object_ids), 1e-4)
    trials = Pairs.of(labels).trials()
    leads = object_leads(truth, trials)
    assert forced_choice(trials, leads).mean == 1.0
    coarse = forced_choice(trials, leads, resolution=1e-2)
    assert (coarse.mean, coarse.undecided.mean()) == (0.5, 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_neither_the_order_of_scenes_nor_that_of_objects_matters(seed) -> None:
    labels = drawn((3, 3), slots=3, count=120, seed=seed)
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((120, 9))
    expected = np.sort(scored(labels, scores)[1].scores)
    order = rng.permutation(120)
    assert np.sort(scored(labels.take(order), scores[order])[1].scores) == pytest.approx(expected)
    for turn in permutations(range(3)):
        turned = labelled(labels.scenes[:, turn], labels.values)
        assert np.sort(scored(turned, scores)[1].scores) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_a_bias_of_each_scene_and_any_monotone_scale_change_nothing(seed) -> None:
    labels = drawn((3, 2, 2), slots=2, count=150, seed=seed)
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((150, 12))
    plain = scored(labels, scores)[1]
    moved = scored(labels, 40 * scores + 1e3 * rng.standard_normal((150, 1)))[1]
    assert moved.scores == pytest.approx(plain.scores)


@pytest.mark.parametrize("seed", range(3))
def test_a_bias_towards_some_objects_moves_a_pure_bag_not_at_all(seed) -> None:
    labels = drawn((3, 3), slots=3, count=400, seed=seed, habit=2)
    rng = np.random.default_rng(seed)
    bag = Pairs.of(labels).bag
    scores = rng.standard_normal((bag.max() + 1, 9))[bag] + 10 * rng.standard_normal(9)
    assert scored(labels, scores)[1].mean == pytest.approx(0.5, abs=1e-12)


def test_scenes_without_their_swap_have_no_score() -> None:
    alone = labelled([[[0, 0], [1, 1]], [[0, 0], [0, 1]], [[2, 2], [2, 2]]], (3, 3))
    _, found = scored(alone, np.zeros((3, 9)))
    assert len(found) == 0
    assert found.mean is None
    trials = Pairs.of(alone).trials(paired=False)
    assert trials.row.tolist() == [0]
    assert (trials.edge == -1).all()


@pytest.mark.parametrize("scenes", [np.zeros((0, 2, 2)), np.zeros((1, 1, 1)), np.zeros((5, 1, 2)), np.zeros((4, 3, 2))])
def test_without_any_valid_swap_nothing_is_scored(scenes) -> None:
    labels = labelled(scenes, (2,) * scenes.shape[2])
    _, found = scored(labels, np.zeros((len(scenes), labels.object_count)))
    result = binding_of([found])
    assert len(found) == 0
    assert (result.forced_choice, result.says) == (None, "too few")
    assert result.undecided.n == 0


def test_copies_of_a_scene_weigh_no_more_than_one() -> None:
    scenes = [[[0, 0], [1, 1]]] * 99 + [[[0, 1], [1, 0]]]
    labels = labelled(scenes, (2, 2))
    scores = np.tile([1.0, 0.0, 0.0, 1.0], (100, 1))
    assert scored(labels, scores)[1].mean == 0.5


def test_pairs_counts_whole_bags_and_a_subset_loses_pairs_it_does_not_hold() -> None:
    labels = labelled([[[0, 0], [1, 1]], [[1, 1], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [2, 2]]], (3, 3))
    pairs = Pairs.of(labels)
    assert pairs.bags == 2
    assert len(pairs.trials()) == 3
    assert len(pairs.trials(np.array([0, 1]))) == 0
    assert len(pairs.trials(np.array([0, 2]))) == 2
    assert len(pairs.trials(np.zeros(0, dtype=np.int64))) == 0


@pytest.mark.parametrize("values", [(3, 4), (40, 250), (9, 9, 9, 9)])
def test_bags_and_pairings_are_numbered_in_ascending_order_however_many_values_there_are(values) -> None:
    labels = drawn(values, slots=8, count=60, seed=0)
    labels = labels.take(np.random.default_rng(0).integers(0, 60, 150))
    pairs = Pairs.of(labels)
    objects, pairing = np.unique(np.sort(labels.object_ids, axis=1), axis=0, return_inverse=True)
    bag = np.unique(np.sort(labels.scenes, axis=1).reshape(150, -1), axis=0, return_inverse=True)[1]
    assert (pairs.objects == objects).all()
    assert (pairs.pairing == pairing.reshape(-1)).all()
    assert (pairs.bag == bag.reshape(-1)).all()


def bags(scores, first=0):
    scores = np.asarray(scores, dtype=float)
    return BagScores(np.arange(first, first + len(scores)), scores, np.zeros(len(scores)))


def test_splits_are_merged_bag_by_bag() -> None:
    merged = BagScores.merged([bags([1, 0, 1]), bags([0, 1], first=2)])
    assert merged.bags.tolist() == [0, 1, 2, 3]
    assert merged.scores.tolist() == [1, 0, 0.5, 1]
    assert BagScores.merged([]).mean is None


def test_what_is_said_follows_from_the_interval_over_bags() -> None:
    rng = np.random.default_rng(0)
    assert binding_of([bags(np.ones(40))]).says == "present"
    assert binding_of([bags(np.zeros(40))]).says == "below chance"
    assert binding_of([bags(rng.random(4000))]).says == "not found"
    assert binding_of([bags(np.full(400, 0.65) + 0.1 * rng.standard_normal(400))]).says == "weak"
    assert binding_of([bags(np.ones(9))]).says == "too few"
    assert binding_of([bags(rng.random(12))]).says == "too few"


def test_a_probe_at_the_edge_of_its_grid_has_not_failed_to_find_anything() -> None:
    half = bags(np.random.default_rng(0).random(4000))
    assert binding_of([half], at_edge=True).says == "too few"
    assert binding_of([bags(np.ones(40))], at_edge=True).says == "present"


def test_fewer_units_than_bags_count_as_units() -> None:
    found = binding_of([bags(np.ones(25))], units=5)
    assert (found.forced_choice.n, found.says) == (5, "too few")


@pytest.mark.parametrize(("own", "base", "word"), [(1.0, 0.5, "weak"), (0.5, 0.5, "too few"), (0.5, 1.0, "too few")])
def test_without_pairs_at_most_a_trace_beyond_the_habits_is_claimed(own, base, word) -> None:
    rng = np.random.default_rng(1)
    mine, habits = (bags(np.clip(level + 0.05 * rng.standard_normal(60), 0, 1)) for level in (own, base))
    found = binding_of([bags([])], unpaired=[(mine, habits)])
    assert found.forced_choice is None
    assert found.says == word
    assert found.unpaired.difference.n == 60


def test_ten_paired_bags_make_the_unpaired_figures_unneeded() -> None:
    rng = np.random.default_rng(1)
    mine = bags(rng.random(60))
    assert binding_of([bags(np.ones(10))], unpaired=[(mine, mine)]).unpaired is None
    assert binding_of([bags(np.ones(9))], unpaired=[(mine, mine)]).unpaired is not None


@pytest.mark.parametrize(
    ("own", "twin", "origin"),
    [
        (1.0, 0.6, "more than random weights"),
        (0.6, 1.0, "less than random weights"),
        (0.99, 0.98, "already in the input representation"),
    ],
)
def test_the_twin_answers_whether_training_put_it_there(own, twin, origin) -> None:
    rng = np.random.default_rng(0)

    def around(level):
        return bags(np.clip(level + 0.02 * rng.standard_normal(100), 0, 1))

    found = twin_of([around(own)], [[around(twin)] for _ in range(3)], train_ratio=0.1)
    assert (found.origin, found.seeds, found.train_ratio) == (origin, 3, 0.1)
    assert found.difference.value == pytest.approx(own - twin, abs=0.02)


def test_a_twin_on_other_bags_is_no_twin() -> None:
    assert twin_of([bags([1, 1])], [[bags([1, 1], first=5)]]) is None


@given(labels_and_rows())
@settings(max_examples=40, deadline=None)
def test_a_share_over_bags_is_the_mean_over_scenes_whose_n_counts_bags(case) -> None:
    labels, rows, rng = case
    bag = Pairs.of(labels).bag[rows]
    hits = rng.random(len(rows)) < 0.5
    found = share_over_bags(hits, bag)
    assert found.n == len(set(bag.tolist()))
    if len(rows):
        assert found.value == pytest.approx(hits.mean())
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_results_are_values_that_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        binding_of([bags([1.0])]).says = "present"
