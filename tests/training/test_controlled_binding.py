import numpy as np
import pytest
import torch

from bindscope.analysis.binding import Pairs, binding_of
from bindscope.scenes.concepts import grid_space
from bindscope.training.controlled.binding import bound_scores, closed_scenes
from bindscope.training.controlled.data import object_partition
from bindscope.training.controlled.evaluation import QueryVectors, labels_of

SPACE = grid_space("grid-2x8")


def test_closed_scenes_and_their_swaps_are_made_of_the_given_objects() -> None:
    objects = np.array([0, 1, 2, 8, 9, 10, 40, 63])
    scenes = closed_scenes(objects, SPACE, count=2, seed=0)
    assert np.isin(scenes, objects).all()
    # Three pairs of columns of a block of two rows: three bags, two pairings each, two orders.
    assert len(scenes) == 3 * 2 * 2
    trials = Pairs.of(labels_of(scenes, SPACE.values, SPACE.names)).trials()
    assert len(np.unique(trials.bag)) == 3
    assert (trials.edge >= 0).all()


def test_objects_that_do_not_close_under_swaps_have_no_such_scene() -> None:
    assert closed_scenes(np.arange(0, 64, 9), SPACE, count=2, seed=0) is None
    assert closed_scenes(np.arange(64), SPACE, count=1, seed=0) is None


def test_many_bags_are_a_seeded_sample() -> None:
    one, other, again = (closed_scenes(np.arange(64), SPACE, count=2, seed=seed) for seed in (0, 1, 0))
    assert len(one) == 300 * 2 * 2
    assert not np.array_equal(one, other)
    assert np.array_equal(one, again)


@pytest.mark.parametrize("name", ["grid-2x8", "grid-2x12", "grid-2x16", "grid-3x6"])
@pytest.mark.parametrize("seed", range(5))
def test_the_test_objects_of_a_partition_close_under_swaps(name: str, seed: int) -> None:
    space = grid_space(name)
    for coverage in (0.2, 0.6, 0.8):
        objects = object_partition(space, coverage=coverage, seed=seed).test
        scenes = closed_scenes(objects, space, count=2, seed=0)
        pairs = Pairs.of(labels_of(scenes, space.values, space.names))
        assert len(np.unique(pairs.trials().bag)) >= min(len(objects) - 1, 9)


def vectors_of(scenes: np.ndarray, table: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(table[torch.from_numpy(scenes)].sum(1), dim=-1)


@pytest.mark.parametrize("seed", range(5))
def test_a_sum_of_objects_binds_and_a_sum_of_concepts_scores_one_half(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    objects = torch.nn.functional.normalize(torch.randn(64, 128, generator=generator), dim=-1)
    values = torch.randn(8, 128, generator=generator), torch.randn(8, 128, generator=generator)
    bag = torch.stack([values[0][i // 8] + values[1][i % 8] for i in range(64)])
    scenes = closed_scenes(np.arange(64), SPACE, count=2, seed=seed)
    labels = labels_of(scenes, SPACE.values, SPACE.names)
    queries = QueryVectors(torch.cat(values), objects)
    binder = binding_of([bound_scores(vectors_of(scenes, objects), queries, labels).scores])
    assert binder.says == "present"
    assert binder.forced_choice.value > 0.95
    plain = bound_scores(vectors_of(scenes, bag), queries, labels)
    assert binding_of([plain.scores]).forced_choice.value == pytest.approx(0.5, abs=1e-6)
    assert plain.objects == 64
