from functools import partial

import numpy as np
import pytest

from bindscope.analysis.additive import fit_additive
from bindscope.analysis.probes import fit_probes
from bindscope.analysis.probing import probe
from bindscope.analysis.removal import VARIANTS, permuted, remove_parts, variant
from bindscope.domain.specs import ProbeSpec, RemovalSpec
from bindscope.errors import InvalidInput


@pytest.fixture
def world(oracles):
    return partial(oracles.make_world, values=(8, 3))


@pytest.mark.parametrize("seed", range(2))
def test_without_its_objects_an_additive_world_is_at_chance_and_controls_are_not(world, seed) -> None:
    made = world("additive", seed=seed, dim=96)
    result = remove_parts(made.embeddings, made.labels, RemovalSpec(seed=seed), probe_fit=fit_probes)
    assert tuple(result.variants) == VARIANTS
    got = {name: (r["concepts"].value, r["object"].value) for name, r in result.variants.items()}
    assert got["original"][1] > 0.95
    bound = result.chance["concepts"].value + 0.06
    assert got["minus_objects"][0] < bound
    assert got["minus_objects"][1] < 0.05
    assert got["minus_concepts"][0] < got["original"][0] - 0.2
    assert got["permuted_objects"][1] > 0.9
    assert got["permuted_concepts"][1] > 0.9
    assert result.variants["original"]["object"].n == result.test_scenes


def test_the_original_is_what_the_probes_report(world) -> None:
    made = world("additive", values=(4, 3), dim=32)
    result = remove_parts(made.embeddings, made.labels, RemovalSpec(), probe_fit=fit_probes)
    assert result.variants["original"] == probe(made.embeddings, made.labels, ProbeSpec()).test


def test_a_removal_sees_training_scenes_only(world) -> None:
    made = world("additive", values=(4, 3), dim=16)
    train = np.arange(0, 144, 2)
    other = made.embeddings.copy()
    other[1::2] += np.random.default_rng(0).standard_normal(other[1::2].shape)
    for name in VARIANTS[1:]:
        one, two = (variant(z, made.labels, name, train=train, seed=0) for z in (made.embeddings, other))
        assert one[train] == pytest.approx(two[train])
        assert one - two == pytest.approx(made.embeddings - other, abs=1e-6)


def test_on_training_scenes_the_removed_part_leaves_its_mean(world) -> None:
    made = world("product", values=(4, 3), dim=16)
    everyone = np.arange(144)
    left = variant(made.embeddings, made.labels, "minus_objects", train=everyone, seed=0)
    assert left.mean(0) == pytest.approx(made.embeddings.mean(0), abs=1e-6)
    again = fit_additive(left, made.labels, estimator="lstsq_pos")
    assert again.vectors == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_no_vector_keeps_its_place_and_none_is_lost(world, level, seed) -> None:
    made = world("additive", values=(4, 3), dim=8)
    model = fit_additive(made.embeddings, made.labels, estimator="lstsq_pos", level=level)
    mixed = permuted(model, seed=seed)
    assert (mixed.vectors != model.vectors).any(1).all()
    tables = mixed.concepts if level == 2 else (mixed.objects,)
    originals = model.concepts if level == 2 else (model.objects,)
    for table, original in zip(tables, originals, strict=True):
        moves = [[int((original[s] == row).all(1).argmax()) for row in table[s]] for s in range(2)]
        assert moves[0] == moves[1]
        assert sorted(moves[0]) == list(range(original.shape[1]))
        assert all(i != j for i, j in enumerate(moves[0]))


def test_few_scenes_and_many_dimensions_give_numbers_or_a_sentence(world) -> None:
    made = world("additive", values=(4, 3), dim=200, scenes=12)
    result = remove_parts(made.embeddings, made.labels, RemovalSpec(), probe_fit=fit_probes)
    assert all(0 <= i.value <= 1 for r in result.variants.values() for i in r.values() if i.n)
    few = made.labels.take(np.arange(3))
    with pytest.raises(InvalidInput, match="two"):
        remove_parts(made.embeddings[:3], few, RemovalSpec(), probe_fit=fit_probes)
