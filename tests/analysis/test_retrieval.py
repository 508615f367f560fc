import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.analysis.binding import Pairs, forced_choice
from bindscope.analysis.near_duplicates import close_pairs
from bindscope.analysis.retrieval import Answers, approximate, padded, retrieve, swapped_first_chance, twin_leads
from bindscope.core.errors import InvalidInput
from bindscope.scenes.labels import SceneLabels


def answers(right, twins=None, excluded=None):
    blank = [[] for _ in right]
    return Answers(padded(right), padded(twins or blank), padded(excluded or blank))


def plain_rank(scores, right, excluded):
    """One query, as a loop."""
    best = max(scores[n] for n in right)
    others = [n for n in range(len(scores)) if n not in right and n not in excluded]
    return 1 + sum(scores[n] >= best - 1e-6 for n in others)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(2, 60), st.integers(2, 8))
def test_ranks_and_results_equal_a_loop(seed, queries, items, dim):
    rng = np.random.default_rng(seed)
    gallery = rng.integers(-2, 3, (items, dim)) + 0.01  # many ties
    asked = rng.integers(-2, 3, (queries, dim)) + 0.01
    right = [sorted(set(rng.integers(0, items, 2).tolist())) for _ in range(queries)]
    excluded = [[n for n in rng.integers(0, items, 2).tolist() if n not in own] for own in right]
    k = int(rng.integers(1, items + 1))
    found = retrieve(asked, gallery, answers(right, excluded=excluded), k=k)
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (asked, gallery)]
    scores = unit[0] @ unit[1].T
    for row in range(queries):
        assert found.ranks[row] == plain_rank(scores[row], right[row], excluded[row])
        shown = [n for n, s in zip(found.top[row], found.scores[row], strict=True) if np.isfinite(s)]
        assert not set(shown) & set(excluded[row])
        assert np.allclose(np.sort(scores[row][shown])[::-1], scores[row][shown], atol=1e-6)
        kept = np.delete(scores[row], list(set(excluded[row])))
        assert np.allclose(scores[row][shown], np.sort(kept)[::-1][: len(shown)], atol=1e-6)


def test_a_gallery_in_many_chunks_gives_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    gallery, asked = rng.standard_normal((500, 16)), rng.standard_normal((9, 16))
    given_answers = answers([[n, n + 1] for n in range(9)], twins=[[20 + n] for n in range(9)])
    whole = retrieve(asked, gallery, given_answers, k=20)
    monkeypatch.setattr("bindscope.analysis.retrieval._SCORES", 9 * 7)
    parts = retrieve(asked, gallery, given_answers, k=20)
    assert np.array_equal(whole.top, parts.top)
    assert np.array_equal(whole.ranks, parts.ranks)
    assert np.array_equal(whole.twin, parts.twin)


def test_a_tie_with_the_twin_is_neither_found_nor_swapped():
    gallery = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = retrieve(gallery[:1], gallery, answers([[0]], twins=[[1]]), k=1)
    swapped, tied = found.swapped_first(0.0, np.array([0]))
    assert found.recall(1, np.array([0])).value == 0.0
    assert (swapped.value, tied.value) == (0.0, 1.0)


def test_who_has_no_twin_does_not_count_for_the_twins():
    gallery = np.eye(3)
    found = retrieve(gallery[:2], gallery, answers([[0], [1]], twins=[[2], []]), k=1)
    bags = np.arange(2)
    assert found.swapped_first(0.0, bags)[0].n == 1
    assert found.recall(1, bags).n == 2


def test_intervals_count_bags_and_not_queries():
    gallery = np.eye(3)
    found = retrieve(gallery[[0, 0, 1]], gallery, answers([[0], [0], [1]], twins=[[2]] * 3), k=1)
    assert found.recall(1, np.array([4, 4, 7])).n == 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("right", "twins"), [(1, 2), (2, 2), (2, 12)])
def test_the_chance_that_a_twin_comes_first_is_what_random_scores_reach(seed, right, twins):
    rng = np.random.default_rng(seed)
    width, queries = right + twins, 600
    rows = np.arange(queries * width).reshape(queries, width)
    own = answers(rows[:, :right].tolist(), twins=rows[:, right:].tolist())
    found = retrieve(rng.standard_normal((queries, 8)), rng.standard_normal((queries * width, 8)), own, k=1)
    share = found.swapped_first(0.0, np.arange(queries))[0].value
    assert swapped_first_chance(own) == pytest.approx(twins / width)
    assert share == pytest.approx(twins / width, abs=0.07)


def test_without_twins_there_is_no_chance_level():
    assert swapped_first_chance(answers([[0], [1]])) is None


def pairings(values, slots, *, bags, seed):
    """Scenes of seeded bags, each pairing once, and how the queries see the gallery: an item for each pairing."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, values, (bags, slots, len(values)))
    dealt = [rng.permuted(np.repeat(drawn, 8, axis=0)[:, :, k], axis=1) for k in range(len(values))]
    scenes = np.stack(dealt, axis=2).astype(np.int64)
    names = tuple(f"concept{k}" for k in range(len(values)))
    ids = SceneLabels(scenes, values, names).object_ids
    _, first = np.unique(np.sort(ids, axis=1), axis=0, return_index=True)
    labels = SceneLabels(scenes[first], values, names)
    return labels, Pairs.of(labels)


def vectors(labels, table, *, binding, rng, noise=0.3):
    """Sums over objects of concept vectors, and of object vectors where ``binding``."""
    concepts, objects = table
    out = sum(concepts[k][labels.scenes[:, :, k]].sum(1) for k in range(len(labels.values)))
    out = out + binding * objects[labels.object_ids].sum(1)
    return out + noise * rng.standard_normal(out.shape)


def score_of(queries, gallery, pairs):
    members = np.arange(len(queries))[:, None]
    trials, leads = twin_leads(queries, gallery, pairs, members=members)
    return forced_choice(trials, leads, resolution=1e-6)


def a_table(values, rng, dim=32):
    return [rng.standard_normal((v, dim)) for v in values], rng.standard_normal((int(np.prod(values)), dim))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("slots", [2, 3, 4])
@pytest.mark.parametrize("bag_side", ["queries", "gallery"])
def test_where_one_side_is_a_pure_bag_the_right_scene_wins_exactly_half(seed, slots, bag_side):
    values = (4, 3)
    rng = np.random.default_rng([seed, slots])
    labels, pairs = pairings(values, slots, bags=40, seed=seed)
    table = a_table(values, rng)
    bag = vectors(labels, table, binding=0.0, rng=rng, noise=0.0)
    other = vectors(labels, table, binding=1.0, rng=rng)
    asked, items = (bag, other) if bag_side == "queries" else (other, bag)
    found = score_of(asked, items, pairs)
    assert len(found) > 10
    assert found.scores == pytest.approx(0.5, abs=1e-12)
    assert (found.undecided == 1.0).all() == (bag_side == "gallery")


@pytest.mark.parametrize("seed", range(4))
def test_a_gallery_that_favours_some_items_does_not_make_a_bag_win(seed):
    values = (5, 4)
    rng = np.random.default_rng(seed)
    labels, pairs = pairings(values, 2, bags=60, seed=seed)
    table = a_table(values, rng)
    bag = vectors(labels, table, binding=0.0, rng=rng, noise=0.0)
    # A direction that all queries share: some pairings are liked by every query, whatever it asks.
    liked = np.outer(rng.standard_normal(len(labels)), bag.mean(0))
    assert score_of(bag, vectors(labels, table, binding=0.0, rng=rng) + liked, pairs).scores == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(4))
def test_who_holds_the_binding_on_both_sides_wins_and_a_noisy_bag_does_not(seed):
    values = (5, 4)
    rng = np.random.default_rng(seed)
    labels, pairs = pairings(values, 2, bags=80, seed=seed)
    table = a_table(values, rng)
    binds = [vectors(labels, table, binding=1.0, rng=rng) for _ in range(2)]
    noisy = [vectors(labels, table, binding=0.0, rng=rng) for _ in range(2)]
    assert score_of(*binds, pairs).mean > 0.9
    assert score_of(*noisy, pairs).mean == pytest.approx(0.5, abs=0.2)


def test_no_pair_of_twins_is_no_bag():
    labels = SceneLabels(np.array([[[0, 0], [1, 1]], [[0, 1], [2, 2]]]), (3, 3), ("a", "b"))
    found = score_of(np.eye(2), np.eye(2), Pairs.of(labels))
    assert len(found) == 0


@pytest.mark.parametrize(
    ("gallery", "right", "k", "says"),
    [
        (np.zeros((0, 3)), [[0]], 1, "empty"),
        (np.eye(3), [[0]], 4, "choose k from 1 to 3"),
        (np.eye(3), [[]], 1, "right item"),
    ],
)
def test_what_cannot_be_searched_is_refused(gallery, right, k, says):
    with pytest.raises(InvalidInput, match=says):
        retrieve(np.eye(3)[:1], gallery, answers(right), k=k)


def test_an_approximate_search_says_how_much_it_finds():
    pytest.importorskip("faiss", reason="faiss is not installed")
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((3000, 24))
    asked = gallery[:50] + 0.1 * rng.standard_normal((50, 24))
    own = answers([[n] for n in range(50)], twins=[[100 + n] for n in range(50)])
    found, share = approximate(asked, gallery, own, k=10)
    exact = retrieve(asked, gallery, own, k=10)
    same = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.top, exact.top, strict=True)])
    assert share.value == pytest.approx(same)
    assert share.value > 0.8
    bags = np.arange(50)
    assert found.recall(1, bags).value == exact.recall(1, bags).value == 1.0


def test_close_pairs_equal_a_loop_and_leave_equal_meanings_alone(monkeypatch):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((40, 3))
    rows[7] = 2 * rows[3]
    rows[9] = rows[3]
    meanings = np.arange(40)
    meanings[9] = 3
    monkeypatch.setattr("bindscope.analysis.near_duplicates._BLOCK_NUMBERS", 40 * 6)
    found = close_pairs(rows, meanings, least=0.9, most=1000)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosine = unit @ unit.T
    loop = {(i, j) for i in range(40) for j in range(i) if cosine[i, j] >= 0.9 and meanings[i] != meanings[j]}
    assert {(b, a) for a, b in zip(found.first.tolist(), found.second.tolist(), strict=True)} == loop
    assert found.total == len(loop)
    assert found.compared == 40 * 39 // 2 - 1
    assert (np.diff(found.cosine) <= 0).all()
    few = close_pairs(rows, meanings, least=0.9, most=2)
    assert few.total == found.total
    assert np.array_equal(few.first, found.first[:2])


def test_one_caption_has_nothing_to_be_compared_with():
    with pytest.raises(InvalidInput, match="at least two"):
        close_pairs(np.ones((1, 3)), np.zeros(1, dtype=np.int64), least=0.9, most=5)
