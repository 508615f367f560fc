import numpy as np
import pytest

from bindscope.analysis.atlas import enough_scenes, shrunk, swap_atlas
from bindscope.scenes.contests import CELL_TRIALS


def test_the_atlas_counts_who_leaks_into_whom() -> None:
    exchanges = np.array([[0, 1, 2], [0, 1, 2], [1, 0, 3]])
    entries = swap_atlas(exchanges, np.array([-0.2, 0.3, 0.0]), floor=0.01, scene_of=np.array([5, 6, 7]))
    first, second = entries
    assert (first.concept, first.value, first.other, first.swapped.value, first.example) == (0, 1, 2, 0.5, 5)
    assert (second.undecided, second.swapped.value) == (1, 0.0)


def test_the_two_directions_of_a_pair_are_cells_of_their_own() -> None:
    exchanges = np.array([[0, 1, 2], [0, 2, 1], [0, 1, 2]])
    first, second = swap_atlas(exchanges, np.array([-0.2, 0.3, -0.4]), floor=0.01, scene_of=np.arange(3))
    assert (first.value, first.other, first.swapped.value, first.example) == (1, 2, 1.0, 2)
    assert (second.value, second.other, second.swapped.value, second.example) == (2, 1, 0.0, 1)


def cells(rates, trials, seed):
    rng = np.random.default_rng(seed)
    return rng.binomial(trials, rates)


@pytest.mark.parametrize("seed", range(5))
def test_cells_of_one_rate_are_nearly_never_shown(seed) -> None:
    trials = np.full(90, 9)
    mean, low, _, high = shrunk(cells(np.full(90, 0.5), trials, seed), trials)
    assert ((low > mean) | (high < mean)).mean() <= 0.02


@pytest.mark.parametrize("seed", range(5))
def test_cells_that_differ_are_shown_and_lie_nearer_to_their_rates_than_the_counts_do(seed) -> None:
    rates = np.random.default_rng(100 + seed).beta(2, 2, 90)
    trials = np.full(90, CELL_TRIALS)
    hits = cells(rates, trials, seed)
    mean, low, middle, high = shrunk(hits, trials)
    shown = (low > mean) | (high < mean)
    assert shown.mean() > 0.2
    assert ((rates > mean) == (middle > mean))[shown].mean() > 0.95
    assert np.square(middle - rates).mean() < np.square(hits / trials - rates).mean()
    assert ((low <= rates) & (rates <= high)).mean() >= 0.88


@pytest.mark.parametrize(("hits", "trials"), [([0, 0], [4, 9]), ([3], [5]), ([4, 4], [4, 4]), ([0, 9], [9, 9])])
def test_few_or_extreme_cells_give_figures_within_their_intervals(hits, trials) -> None:
    mean, low, middle, high = shrunk(np.array(hits), np.array(trials))
    assert 0 < mean < 1
    assert ((low >= 0) & (low <= middle) & (middle <= high) & (high <= 1)).all()


def test_enough_scenes_give_every_cell_thirty_trials_on_average() -> None:
    assert enough_scenes(200, np.array([400, 400]), np.array([90, 90])) == 1350
    assert enough_scenes(200, np.array([400, 200]), np.array([90, 90])) == 2700
    assert enough_scenes(200, np.array([0, 0]), np.array([90, 90])) is None


def test_a_cell_of_few_trials_is_never_shown() -> None:
    exchanges = np.repeat([[0, a, b] for a in range(6) for b in range(6) if a != b], 4, axis=0)
    leads = np.where(exchanges[:, 1] < 3, -1.0, 1.0)
    assert not any(e.shown for e in swap_atlas(exchanges, leads, floor=0.01, scene_of=np.arange(len(leads))))
    many = np.repeat(exchanges, 5, axis=0)
    leads = np.where(many[:, 1] < 3, -1.0, 1.0)
    assert all(e.shown for e in swap_atlas(many, leads, floor=0.01, scene_of=np.arange(len(leads))))
