from dataclasses import replace

import numpy as np
import pytest
import torch
from open_clip import CLIP
from torch.nn.functional import normalize

from bindscope.training.bundled.config import SPACE, BundledSpec, PrivateBinding, preset
from bindscope.training.bundled.data import Group, SceneSource, Wording
from bindscope.training.bundled.folder import build_model
from bindscope.training.bundled.objectives import uniform_over_present
from bindscope.training.bundled.private_binding import (
    Readout,
    bag_keys,
    build_readouts,
    contrast_without_owners,
    encode_captions,
    exchanged,
    margin_penalty,
    private_loss,
    product_codes,
    without_shared_values,
)

PLAIN = Wording((), (), an=False)
SCENES = np.array([[[0, 1], [2, 3]], [[0, 1], [0, 3]], [[4, 1], [2, 1]], [[5, 5], [5, 5]]])


def readouts_of(name: str) -> dict[str, Readout]:
    torch.manual_seed(0)
    private = preset(name).private
    assert private is not None
    return build_readouts(private, dim=128, seed=0)


@pytest.fixture
def spec() -> BundledSpec:
    return replace(preset("tiny-split"), batch=(3, 8, 4), layouts=16)


@pytest.fixture
def groups(spec: BundledSpec) -> list[Group]:
    source = SceneSource(spec, 2)
    return [source.group(count, size, wording=PLAIN) for count, size in zip((1, 2, 3), spec.batch, strict=True)]


@pytest.fixture
def model(spec: BundledSpec) -> CLIP:
    torch.manual_seed(0)
    return build_model(spec)


def test_a_product_code_says_nothing_of_its_colour_or_its_shape_alone() -> None:
    codes = product_codes(32, seed=0).reshape(*SPACE.values, 32)
    assert codes.mean(0).abs().max() < 1e-6
    assert codes.mean(1).abs().max() < 1e-6


def test_product_codes_are_one_for_both_towers_and_free_ones_are_each_towers_own() -> None:
    shared, own = readouts_of("tiny-split"), readouts_of("tiny-table")
    assert shared["image"].codes is shared["text"].codes
    assert not shared["image"].codes.requires_grad
    assert own["image"].codes.requires_grad
    assert not torch.equal(own["image"].codes, own["text"].codes)


@pytest.mark.parametrize("name", ["tiny-split", "tiny-table"])
def test_the_two_maps_begin_orthogonal_to_each_other(name: str) -> None:
    readouts = readouts_of(name)
    assert (readouts["image"].weight @ readouts["text"].weight.T).abs().max() < 1e-6


def test_a_readout_costs_least_where_a_vector_reads_as_the_codes_of_its_objects() -> None:
    readout = readouts_of("tiny-split")["image"]
    wanted = torch.from_numpy(uniform_over_present(np.array([[7, 41], [60, 60]]), SPACE.object_count))
    codes = normalize(readout.codes, dim=-1)
    vectors = torch.stack([codes[7] + codes[41], codes[60]]) @ readout.weight
    right, wrong = (readout.loss(rows, wanted, max_scale=40.0).detach() for rows in (vectors, vectors.roll(1, 0)))
    assert right < wrong - 1


def test_scenes_with_one_object_or_a_shared_value_are_not_for_the_contrast() -> None:
    assert without_shared_values(SCENES).tolist() == [True, False, False, False]
    assert without_shared_values(SCENES[:, :1]).tolist() == [False] * 4


def test_a_bag_is_the_same_whoever_owns_what() -> None:
    assert np.array_equal(bag_keys(SCENES), bag_keys(exchanged(SCENES)))
    assert np.array_equal(bag_keys(SCENES), bag_keys(SCENES[:, ::-1]))
    assert len(np.unique(bag_keys(SCENES), axis=0)) == len(SCENES)


def test_exchanging_twice_is_the_identity() -> None:
    assert exchanged(SCENES)[0].tolist() == [[0, 3], [2, 1]]
    assert np.array_equal(exchanged(exchanged(SCENES)), SCENES)


def test_margins_cost_alike_in_both_directions_and_most_where_they_agree() -> None:
    private = PrivateBinding(codes="product")
    margins = torch.tensor([0.1, 0.2, 0.3])
    assert float(margin_penalty(torch.zeros(3), private)) == 0
    assert float(margin_penalty(margins, private)) == pytest.approx(float(margin_penalty(-margins, private)))
    assert float(margin_penalty(torch.tensor([0.1, -0.1]), private)) < float(
        margin_penalty(torch.tensor([0.1, 0.1]), private)
    )


def test_the_contrast_is_the_same_whichever_pairing_of_two_objects_is_true(
    model: CLIP, groups: list[Group], spec: BundledSpec
) -> None:
    assert spec.private is not None
    images = normalize(torch.randn(sum(spec.batch), spec.embed_dim), dim=-1)

    def contrast(shown: list[Group]) -> float:
        texts = torch.cat([encode_captions(model, group.objects, PLAIN) for group in shown])
        assert spec.private is not None
        loss = contrast_without_owners(
            model, spec.private, images=images, texts=texts, groups=shown, wording=PLAIN, scale=torch.tensor(10.0)
        )
        return float(loss.detach())

    one, pairs, more = groups
    other = [one, replace(pairs, objects=exchanged(pairs.objects)), more]
    assert contrast(groups) == pytest.approx(contrast(other), rel=1e-5)


@pytest.mark.parametrize("name", ["tiny-split", "tiny-table"])
def test_every_part_learns_from_the_loss(name: str, model: CLIP, groups: list[Group]) -> None:
    spec, readouts = preset(name), readouts_of(name)
    scales = torch.full((3,), 2.3)
    loss = private_loss(model, readouts, spec, groups=groups, wording=PLAIN, scales=scales)
    loss.backward()  # type: ignore[no-untyped-call]
    learnt = [parameter for readout in readouts.values() for parameter in readout.parameters()]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in learnt)
    assert model.text_projection.grad.abs().sum() > 0
