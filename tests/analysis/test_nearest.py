import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.analysis import nearest
from bindscope.analysis.metrics import cosines
from bindscope.analysis.nearest import SceneGroups, Term, search_among
from bindscope.scenes.labels import SceneLabels


def some_labels(count, rng, values=(3, 2), slots=2):
    return SceneLabels(rng.integers(0, values, (count, slots, len(values))), tuple(values), ("a", "b"))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(1, 3), st.integers(0, 99))
def test_retrieval_agrees_with_a_plain_search(count, slots, seed) -> None:
    rng = np.random.default_rng(seed)
    labels = some_labels(count, rng, slots=slots)
    z, queries = rng.standard_normal((count, 5)), rng.standard_normal((20, 5))
    z[rng.integers(0, count)] = z[0]
    search = search_among(z, labels)
    goals = rng.integers(0, search.groups.count, 20)
    got = search.retrieve(queries, goals)
    plain = cosines(queries, z)
    for q, goal in enumerate(goals):
        own = search.groups.group == goal
        wrong = plain[q][~own].max(initial=-np.inf)
        assert got.right[q] == (plain[q][own].max() > wrong + 1e-6)
        assert got.wrong[q] == -1 if own.all() else plain[q, got.wrong[q]] == pytest.approx(wrong, abs=1e-6)


def test_the_size_of_a_step_does_not_matter(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    labels = some_labels(60, rng)
    search = search_among(rng.standard_normal((60, 4)), labels)
    queries, goals = rng.standard_normal((33, 4)), rng.integers(0, search.groups.count, 33)
    whole = search.retrieve(queries, goals)
    monkeypatch.setattr(nearest, "_COSINES", 100)
    monkeypatch.setattr(nearest, "_QUERIES", 3)
    parts = search.retrieve(queries, goals)
    assert (whole.right == parts.right).all()
    assert whole.margin == pytest.approx(parts.margin, abs=1e-7)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_sums_are_found_as_if_they_were_added_up_first(kind) -> None:
    rng = np.random.default_rng(0)
    labels = some_labels(50, rng)
    z, table = rng.standard_normal((50, 6)).astype(kind), rng.standard_normal((9, 6)).astype(kind)
    search = search_among(z, labels)
    rows, plus, minus = (rng.integers(0, n, 400) for n in (50, 9, 9))
    goals = rng.integers(0, search.groups.count, 400)
    got = search.retrieve_sums([Term(1, z, rows), Term(1, table, plus), Term(-1, table, minus)], goals)
    plain = search.retrieve(z[rows] + table[plus] - table[minus], goals)
    assert (got.right == plain.right).all()
    assert got.margin == pytest.approx(plain.margin, abs=1e-5)


def test_a_copy_of_the_right_scene_is_right_and_its_mirror_is_not() -> None:
    scenes = np.array([[[0, 0], [1, 1]], [[1, 1], [0, 0]], [[0, 0], [1, 1]]])
    labels = SceneLabels(scenes, (2, 2), ("a", "b"))
    search = search_among(np.array([[1.0, 0], [0, 1], [0.9, 0.1]]), labels)
    assert search.groups.group.tolist() == [0, 1, 0]
    assert search.retrieve(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0, 0])).right.tolist() == [True, False]


def test_a_tie_with_another_scene_is_not_right() -> None:
    labels = SceneLabels(np.array([[[0]], [[1]]]), (2,), ("a",))
    search = search_among(np.array([[1.0, 0], [2.0, 1e-9]]), labels)
    assert not search.retrieve(np.eye(2), np.array([0, 1])).right.any()


def test_the_nearest_scenes_come_first_and_ties_by_the_lower_number() -> None:
    labels = SceneLabels(np.array([[[0]], [[1]], [[2]], [[3]]]), (4,), ("a",))
    search = search_among(np.array([[0, 1.0], [1, 0], [0, 2.0], [0, 0]]), labels)
    order, cosine = search.top(np.array([0, 3.0]), 3)
    assert order.tolist() == [0, 2, 1]
    assert cosine.tolist() == [1, 1, 0]


def test_scenes_of_many_objects_from_a_large_space_are_found() -> None:
    rng = np.random.default_rng(0)
    labels = some_labels(300, rng, values=(100, 100), slots=6)
    groups = SceneGroups(labels)
    assert (groups.find(labels.object_ids) == groups.group).all()
    other = labels.object_ids.copy()
    other[:, 3] = (other[:, 3] + 1) % 10_000
    assert (groups.find(other) == -1).all()
    assert (groups.find(labels.object_ids + 9_999) == -1).all()
