import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.core.errors import InvalidInput
from bindscope.models.tokens import TokenAlphabet
from bindscope.scenes.concepts import ConceptSpace, grid_space
from bindscope.scenes.controlled import ControlledConfig
from bindscope.training.controlled.data import (
    SceneSampler,
    distinct,
    merge_equal,
    object_partition,
    perturbed_negatives,
    scenes_of,
    swap_negatives,
)
from bindscope.training.controlled.objectives import object_labels, soft_cross_entropy, value_labels

ALPHABET = TokenAlphabet((4, 3, 5))


def grid(name: str) -> ConceptSpace:
    space = grid_space(name)
    assert space is not None
    return space


def random_groups(seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(60, (7, count), generator=generator) for count in (1, 2, 4)]


@given(concepts=st.integers(1, 4), size=st.integers(2, 9), coverage=st.floats(0.01, 0.99), seed=st.integers(0, 2**40))
@settings(max_examples=60, deadline=None)
def test_a_partition_keeps_every_value_in_training_and_shares_no_object(
    concepts: int, size: int, coverage: float, seed: int
) -> None:
    space = grid(f"grid-{concepts}x{size}")
    total = space.object_count
    count = round(coverage * total)
    if count < size or total - count < 2:
        with pytest.raises(InvalidInput, match="take at"):
            object_partition(space, coverage=coverage, seed=seed)
        return
    parts = object_partition(space, coverage=coverage, seed=seed)
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert np.array_equal(np.sort(together), np.arange(total))
    assert len(parts.train) == count
    assert min(len(parts.validation), len(parts.test)) >= 1
    for values in np.unravel_index(parts.train, space.values):
        assert len(np.unique(values)) == size
    again = object_partition(space, coverage=coverage, seed=seed)
    assert np.array_equal(parts.train, again.train)
    assert np.array_equal(parts.test, again.test)


def test_other_seeds_give_other_partitions() -> None:
    one, two = (object_partition(grid("grid-2x8"), coverage=0.5, seed=seed).train for seed in (0, 1))
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("coverage", [0.0, 1.0, -0.5, float("nan")])
def test_a_coverage_outside_its_range_is_refused(coverage: float) -> None:
    with pytest.raises(InvalidInput, match="coverage"):
        object_partition(grid("grid-2x8"), coverage=coverage, seed=0)


@pytest.mark.parametrize("number", [4, 20, 36, 1000])
def test_scenes_to_judge_are_different_and_made_of_the_given_objects(number: int) -> None:
    objects = np.array([3, 5, 8, 13, 21, 34])
    scenes = scenes_of(objects, 2, number=number, seed=1)
    assert len(scenes) == min(number, 36)
    assert len(np.unique(scenes, axis=0)) == len(scenes)
    assert np.isin(scenes, objects).all()
    assert np.array_equal(scenes, scenes_of(objects, 2, number=number, seed=1))


def test_tokens_of_a_scene_are_the_published_ones() -> None:
    # Object 1 * 15 + 2 * 5 + 3: values (1, 2, 3); tokens of the concepts begin at 0, 4 and 7.
    assert ALPHABET.scenes(torch.tensor([[28, 0]])).tolist() == [[12, 1, 6, 10, 13, 12, 0, 4, 7, 13, 14]]
    assert ALPHABET.object_queries(torch.tensor([28])).tolist() == [[12, 1, 6, 10, 13, 14]]
    assert ALPHABET.concept_queries(torch.tensor([6])).tolist() == [[6, 14]]


def test_object_values_are_those_of_the_space() -> None:
    space = grid("grid-3x4")
    ids = torch.arange(space.object_count)
    assert TokenAlphabet(space.values).object_values(ids).tolist() == [list(obj) for obj in space.objects()]


def test_object_labels_equal_a_loop_over_scenes() -> None:
    groups, objects = random_groups(), torch.randperm(60)[:25]
    labels = object_labels(groups, objects)
    scenes = [set(scene) for group in groups for scene in group.tolist()]
    assert labels.tolist() == [[number in scene for number in objects.tolist()] for scene in scenes]


def test_value_labels_equal_a_loop_over_scenes() -> None:
    groups, values = random_groups(), torch.randperm(12)[:7]
    labels = value_labels(groups, values, ALPHABET)
    plain = []
    for group in groups:
        for scene in group.tolist():
            held = set()
            for number in scene:
                held |= {number // 15, 4 + number // 5 % 3, 7 + number % 5}
            plain.append([value in held for value in values.tolist()])
    assert labels.tolist() == plain


def test_the_loss_equals_a_loop_over_the_rows_that_have_a_query() -> None:
    logits, labels = torch.randn(5, 6), torch.rand(5, 6) < 0.4
    labels[2] = False
    weights = torch.tensor([1.0, 3.0, 2.0, 1.0, 1.0])
    total, weight = 0.0, 0.0
    for row in range(5):
        present = [q for q in range(6) if labels[row, q]]
        if present:
            log = logits[row].log_softmax(0)
            total -= float(weights[row]) * sum(float(log[q]) for q in present) / len(present)
            weight += float(weights[row])
    assert float(soft_cross_entropy(logits, labels, weights)) == pytest.approx(total / weight, rel=1e-5)


def test_a_swap_negative_differs_from_an_object_of_its_scene_by_one_value_of_another() -> None:
    for group in random_groups()[1:]:
        made = swap_negatives(group, torch.rand((3, len(group), 9)), ALPHABET)
        scenes, negatives = ALPHABET.object_values(group).tolist(), ALPHABET.object_values(made).tolist()
        for objects, row in zip(scenes, negatives, strict=True):
            allowed = [
                [other[c] if c == k else own[c] for c in range(3)]
                for i, own in enumerate(objects)
                for j, other in enumerate(objects)
                for k in range(3)
                if i != j
            ]
            assert all(negative in allowed for negative in row)


def test_every_swap_of_a_scene_is_drawn() -> None:
    group = torch.tensor([[0, 28]])  # (0, 0, 0) and (1, 2, 3)
    made = swap_negatives(group, torch.rand((3, 1, 300)), ALPHABET)
    assert sorted(set(made.flatten().tolist())) == sorted([15, 10, 3, 13, 18, 25])


def test_a_perturbed_negative_differs_in_exactly_one_concept() -> None:
    for group in random_groups():
        made = perturbed_negatives(group, torch.rand((3, len(group), 9)), ALPHABET)
        values = ALPHABET.object_values(group)
        apart = (ALPHABET.object_values(made)[:, :, None] != values[:, None]).sum(-1)
        assert (apart.min(-1).values <= 1).all()
        if group.shape[1] == 1:
            assert (apart == 1).all()


def test_distinct_ids_keep_their_first_order() -> None:
    assert distinct(torch.tensor([5, 2, 5, 9, 2, 0])).tolist() == [5, 2, 9, 0]
    assert distinct(torch.tensor([], dtype=torch.int64)).tolist() == []


def test_equal_scenes_are_merged_and_counted() -> None:
    group = torch.tensor([[3, 4], [4, 3], [3, 4], [7, 7]])
    merged, number = merge_equal(group, 60)
    assert dict(zip(map(tuple, merged.tolist()), number.tolist(), strict=True)) == {(3, 4): 2, (4, 3): 1, (7, 7): 1}


@pytest.mark.parametrize("negatives", ["seen", "all"])
def test_a_batch_holds_training_objects_and_asks_for_what_it_may(negatives: str) -> None:
    config = ControlledConfig(
        space="grid-2x8",
        coverage=0.5,
        objects=3,
        batch=64,
        queries=10,
        swap_negatives=2,
        perturbed_negatives=2,
        random_negatives=1,
        negatives=negatives,  # type: ignore[arg-type]
    )
    space = grid(config.space)
    train = object_partition(space, coverage=0.5, seed=0).train
    sampler = SceneSampler(config, TokenAlphabet(space.values), train)
    asked: set[int] = set()
    for _ in range(20):
        batch = sampler.draw()
        assert [group.shape[1] for group in batch.groups] == [1, 2, 3]
        assert float(batch.weights.sum()) == 64
        assert all(np.isin(group.numpy(), train).all() for group in batch.groups)
        assert len(set(batch.objects.tolist())) == len(batch.objects)
        assert len(batch.values) == 10
        asked |= set(batch.objects.tolist())
    assert (asked <= set(train.tolist())) == (negatives == "seen")


def test_the_same_generator_state_draws_the_same_batch() -> None:
    config = ControlledConfig(space="grid-2x6", batch=32)
    space = grid(config.space)
    train = object_partition(space, coverage=0.5, seed=0).train
    sampler = SceneSampler(config, TokenAlphabet(space.values), train)
    sampler.draw()
    state = sampler.generator.get_state()
    first = sampler.draw()
    sampler.generator.set_state(state)
    second = sampler.draw()
    assert all(torch.equal(a, b) for a, b in zip(first.groups, second.groups, strict=True))
    assert torch.equal(first.objects, second.objects)
