import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from bindscope.training.bundled.objectives import caption_loss, query_loss, same_objects, uniform_over_present


def test_targets_sum_to_one_and_are_uniform_over_the_values_present() -> None:
    targets = uniform_over_present(np.array([[0, 2, -1], [1, 1, 1], [2, 0, 1]]), 4)
    assert targets.sum(1) == pytest.approx(1)
    assert targets.tolist()[0] == [0.5, 0, 0.5, 0]
    assert targets.tolist()[1] == [0, 1, 0, 0]


def test_captions_of_equal_scenes_are_not_each_others_negatives() -> None:
    keys = np.array([[3, 7, -1], [5, -1, -1], [3, 7, -1]])
    assert same_objects(keys, keys).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_the_caption_loss_is_lowest_where_pictures_match_their_captions() -> None:
    torch.manual_seed(0)
    captions, swaps = normalize(torch.randn(6, 8), dim=-1), normalize(torch.randn(3, 8), dim=-1)
    same = torch.eye(6, 9)
    matched = caption_loss(captions, captions, swaps, scale=torch.tensor(20.0), same=same)
    mixed = caption_loss(captions.roll(1, 0), captions, swaps, scale=torch.tensor(20.0), same=same)
    assert float(matched) < 0.1 < float(mixed)


def test_a_swapped_caption_as_close_as_the_true_one_costs_a_bit() -> None:
    picture = normalize(torch.ones(1, 4), dim=-1)
    loss = caption_loss(picture, picture, picture, scale=torch.tensor(5.0), same=torch.eye(1, 2))
    assert float(loss) == pytest.approx(np.log(2) / 2)


def test_the_query_loss_wants_present_values_equally_close() -> None:
    queries = torch.eye(4)
    targets = torch.tensor([[0.5, 0.5, 0.0, 0.0]])
    between = normalize(torch.tensor([[1.0, 1.0, 0.0, 0.0]]), dim=-1)
    one_sided = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    scale = torch.tensor(10.0)
    good = query_loss(between, [queries], scale=scale, targets=[targets])
    assert float(good) < float(query_loss(one_sided, [queries], scale=scale, targets=[targets]))
