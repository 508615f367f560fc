import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.analysis.lookalikes import close_pairs
from bindscope.analysis.retrieval import Answers, approximate, padded, retrieve
from bindscope.errors import InvalidInput


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
    swapped, tied = found.swapped_first(0.0)
    assert found.recall(1).value == 0.0
    assert (swapped.value, tied.value) == (0.0, 1.0)


def test_who_has_no_twin_does_not_count_for_the_twins():
    gallery = np.eye(3)
    found = retrieve(gallery[:2], gallery, answers([[0], [1]], twins=[[2], []]), k=1)
    assert found.swapped_first(0.0)[0].n == 1
    assert found.recall(1).n == 2


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
    assert found.recall(1).value == exact.recall(1).value == 1.0


def test_close_pairs_equal_a_loop_and_leave_equal_meanings_alone(monkeypatch):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((40, 3))
    rows[7] = 2 * rows[3]
    rows[9] = rows[3]
    meanings = np.arange(40)
    meanings[9] = 3
    monkeypatch.setattr("bindscope.analysis.lookalikes._BLOCK_NUMBERS", 40 * 6)
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
