import numpy as np
import pytest

from bindscope.analysis.projection import project
from bindscope.core.errors import InvalidInput


@pytest.fixture(scope="module")
def clusters():
    rng = np.random.default_rng(0)
    centres = 4 * rng.standard_normal((4, 20))
    group = np.repeat(np.arange(4), 25)
    return centres[group] + 0.3 * rng.standard_normal((100, 20)), group


def separated(points, group):
    """Whether every point is nearest to the middle of its own group."""
    middles = np.stack([points[group == g].mean(0) for g in range(4)])
    return (np.linalg.norm(points[:, None] - middles, axis=2).argmin(1) == group).mean()


@pytest.mark.parametrize("method", ["pca", "mds", "umap"])
@pytest.mark.parametrize("dims", [2, 3])
def test_groups_stay_apart_and_a_map_is_repeated_bit_for_bit(clusters, method, dims):
    rows, group = clusters
    found = project(rows, method=method, dims=dims, seed=1)
    assert found.points.shape == (100, dims)
    assert separated(found.points, group) > 0.95
    assert np.array_equal(project(rows, method=method, dims=dims, seed=1).points, found.points)


@pytest.mark.parametrize("method", ["pca", "mds", "umap"])
def test_a_new_point_comes_to_lie_among_its_like(clusters, method):
    rows, group = clusters
    found = project(rows[1:], method=method, dims=2, seed=0)
    (place,) = found.place(rows[:1])
    middles = np.stack([found.points[group[1:] == g].mean(0) for g in range(4)])
    assert np.linalg.norm(middles - place, axis=1).argmin() == group[0]


def test_pca_is_the_singular_value_decomposition_and_places_its_own_points(clusters):
    rows, _ = clusters
    found = project(rows, method="pca", dims=2, seed=0)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    _, sizes, _ = np.linalg.svd(unit - unit.mean(0))
    assert found.explained == pytest.approx((sizes**2 / (sizes**2).sum())[:2])
    assert np.allclose(found.place(rows), found.points)


def test_more_dimensions_than_scenes_give_the_same_map_as_the_other_way_round():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((12, 300))
    found = project(rows, method="pca", dims=2, seed=0)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    square = np.cov(unit, rowvar=False, bias=True) * 12
    assert found.explained == pytest.approx(np.linalg.eigvalsh(square)[::-1][:2] / np.trace(square))


def test_no_small_change_of_an_mds_map_keeps_distances_better(clusters):
    rows, _ = clusters
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    wanted = 1 - unit @ unit.T
    points = project(rows, method="mds", dims=2, seed=0).points

    def stress(at):
        return ((np.linalg.norm(at[:, None] - at, axis=2) - wanted) ** 2).sum()

    rng = np.random.default_rng(0)
    moves = 1e-3 * rng.standard_normal((20, *points.shape))
    assert min(stress(points + move) for move in moves) > stress(points)


def test_equal_vectors_are_a_map_without_nan():
    for method in ("pca", "mds"):
        found = project(np.ones((8, 3)), method=method, dims=2, seed=0)
        assert np.isfinite(found.points).all()


def test_what_has_no_map_is_refused():
    with pytest.raises(InvalidInput, match="at least 4"):
        project(np.eye(3), method="pca", dims=2, seed=0)
    with pytest.raises(InvalidInput, match="2,000"):
        project(np.ones((2001, 2)), method="mds", dims=2, seed=0)


def test_vectors_that_umap_has_no_place_for_are_refused() -> None:
    with pytest.raises(InvalidInput, match="choose pca"):
        project(np.zeros((20, 8)), method="umap", dims=2, seed=0)
