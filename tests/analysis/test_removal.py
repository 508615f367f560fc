from functools import partial

import numpy as np
import pytest

from bindscope.analysis.additive import fit_additive
from bindscope.analysis.probes import fit_probes
from bindscope.analysis.probing import probe
from bindscope.analysis.removal import LABELLED, VARIANTS, Parts, permuted, remove_parts, without_random_subspace
from bindscope.core.errors import InvalidInput
from bindscope.core.specs import ProbeSpec, RemovalSpec


@pytest.fixture
def world(oracles):
    return partial(oracles.make_world, values=(8, 3))


@pytest.mark.parametrize("seed", range(2))
def test_without_its_objects_an_additive_world_is_at_chance_and_the_control_is_not(world, seed) -> None:
    made = world("additive", seed=seed, dim=96)
    result = remove_parts(made.embeddings, made.labels, RemovalSpec(seed=seed, splits=3), probe_fit=fit_probes)
    assert tuple(result.variants) == tuple(result.bindings) == VARIANTS
    got = {name: (r["concepts"].value, r["object"].value) for name, r in result.variants.items()}
    scores = {name: binding.forced_choice.value for name, binding in result.bindings.items()}
    assert got["original"][1] > 0.95
    assert got["minus_objects"][0] < result.chance["concepts"].value + 0.06
    assert got["minus_objects"][1] < 0.05
    assert got["minus_concepts"][0] < got["original"][0] - 0.2
    assert scores["minus_objects"] == pytest.approx(0.5, abs=0.05)
    for control in ("random_subspace_concepts", "random_subspace_objects"):
        assert got[control][1] > 0.9
        assert scores[control] > 0.97
        assert result.bindings[control].says == "present"
    assert result.bindings["minus_objects"].says in ("not found", "weak")
    assert result.variants["original"]["object"].n <= result.test_scenes


SHAPES = pytest.mark.parametrize(
    "shape",
    [{"values": (8, 3)}, {"values": (4, 3, 2), "scenes": 576, "dim": 64}, {"values": (3, 3), "slots": 3, "dim": 64}],
    ids=["pairs", "three concepts", "three objects"],
)


@SHAPES
@pytest.mark.parametrize("seed", range(2))
def test_a_pure_bag_stays_at_one_half_and_only_permuted_objects_create_binding_which_their_control_shows(
    world, shape, seed
) -> None:
    made = world("bag", seed=seed, **shape)
    result = remove_parts(made.embeddings, made.labels, RemovalSpec(seed=seed, splits=3), probe_fit=fit_probes)
    for name, binding in result.bindings.items():
        assert binding.says != "present", name
        if name == "permuted_objects":
            assert binding.forced_choice.low > 0.6
            assert binding.control.forced_choice.low > 0.6
            assert abs(binding.control.difference.value) < 0.1
        else:
            assert binding.forced_choice.value == pytest.approx(0.5, abs=0.06), name
        assert (binding.control is None) == (name not in LABELLED)


def test_the_original_is_what_the_probes_report(world) -> None:
    made = world("additive", values=(4, 3), dim=32)
    result = remove_parts(made.embeddings, made.labels, RemovalSpec(), probe_fit=fit_probes)
    probed = probe(made.embeddings, made.labels, ProbeSpec())
    assert result.variants["original"] == probed.test
    assert result.bindings["original"] == probed.binding


def test_a_removal_sees_training_scenes_only(world) -> None:
    made = world("additive", values=(4, 3), dim=16)
    train = np.arange(0, 144, 2)
    other = made.embeddings.copy()
    other[1::2] += np.random.default_rng(0).standard_normal(other[1::2].shape)
    for name in VARIANTS[1:]:
        one, two = (
            Parts.fitted(z, made.labels, train).variant(z, made.labels, name, seed=0) for z in (made.embeddings, other)
        )
        assert one[train] == pytest.approx(two[train])
        if not name.startswith("random"):
            assert one - two == pytest.approx(made.embeddings - other, abs=1e-6)


def test_on_training_scenes_the_removed_part_leaves_its_mean(world) -> None:
    made = world("product", values=(4, 3), dim=16)
    parts = Parts.fitted(made.embeddings, made.labels, np.arange(144))
    left = parts.variant(made.embeddings, made.labels, "minus_objects", seed=0)
    assert left.mean(0) == pytest.approx(made.embeddings.mean(0), abs=1e-6)
    again = fit_additive(left, made.labels, estimator="lstsq_pos")
    assert again.vectors == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_control_takes_out_as_many_dimensions_as_the_part_and_no_more(world, seed) -> None:
    made = world("additive", values=(4, 3), dim=40)
    parts = Parts.fitted(made.embeddings, made.labels, np.arange(144))
    assert (parts.rank("concepts"), parts.rank("objects")) == (2 * (3 + 2), 2 * 11)
    mean = made.embeddings.mean(0)
    left = without_random_subspace(made.embeddings, mean, 10, seed=seed)
    assert np.linalg.matrix_rank(left - mean) == 30
    assert np.linalg.matrix_rank(made.embeddings - left, tol=1e-9) == 10
    nothing = without_random_subspace(made.embeddings, mean, 40, seed=seed)
    assert nothing == pytest.approx(np.tile(mean, (144, 1)))


def test_where_a_part_spans_everything_the_control_leaves_nothing_and_gives_no_figure(world) -> None:
    made = world("additive", values=(4, 3), dim=8)
    result = remove_parts(made.embeddings, made.labels, RemovalSpec(), probe_fit=fit_probes)
    assert result.ranks["objects"] == 8
    control = result.bindings["random_subspace_objects"]
    assert (control.forced_choice, control.says) == (None, "too few")
    assert result.variants["random_subspace_objects"]["object"].value is None


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
