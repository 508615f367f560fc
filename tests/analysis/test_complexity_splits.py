import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.analysis.binding import Pairs
from bindscope.analysis.complexity import object_split
from bindscope.analysis.complexity.splits import object_folds
from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.core.specs import COMPLEXITY_KINDS, ComplexityCell
from bindscope.scenes.labels import SceneLabels

NAMES = ("color", "shape", "size")


@st.composite
def labelled(draw):
    values = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    shape = (draw(st.integers(1, 60)), draw(st.integers(1, 3)), len(values))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    return SceneLabels(rng.integers(0, values, shape), values, NAMES[: len(values)])


@settings(max_examples=150, deadline=None)
@given(labelled(), st.floats(0.05, 1), st.integers(0, 5))
def test_a_split_never_mixes_and_loses_a_value_only_where_it_must(labels, coverage, seed) -> None:
    try:
        split = object_split(labels, coverage=coverage, seed=seed)
    except InvalidInput as error:
        assert "coverage" in str(error)
        return
    occurring = labels.objects[np.unique(labels.object_ids)]
    seen = np.isin(labels.object_ids, split.train_objects)
    assert seen[split.train].all()
    assert not seen[split.test].any()
    assert len(split.train) + len(split.test) + (seen.any(1) & ~seen.all(1)).sum() == len(labels)
    held = labels.objects[split.train_objects]
    for k, name in enumerate(labels.names):
        lost = set(occurring[:, k].tolist()) - set(held[:, k].tolist())
        assert set(split.missing.get(name, ())) == lost
    if split.missing:
        # Each training object that leads shows at least one new value: only too few of them can leave one out.
        assert len(split.train_objects) < sum(len(np.unique(column)) for column in occurring.T)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("values", [(8, 3), (5, 4, 3), (10, 10)])
def test_where_all_objects_occur_the_largest_concept_decides_whether_a_value_is_missing(oracles, values, seed) -> None:
    labels = oracles.make_labels(values, 2)
    objects = len(np.unique(labels.object_ids))
    enough = max(values)
    assert not object_split(labels, coverage=enough / objects, seed=seed).missing
    short = object_split(labels, coverage=(enough - 1) / objects, seed=seed)
    assert len(short.train_objects) == enough - 1
    assert sum(len(values) for values in short.missing.values()) >= 1


def test_splits_of_a_seed_are_nested_and_seeds_differ(oracles) -> None:
    labels = oracles.make_labels((8, 3), 2)
    splits = [object_split(labels, coverage=c, seed=1) for c in (0.2, 0.5, 0.8)]
    assert set(splits[0].train_objects) < set(splits[1].train_objects) < set(splits[2].train_objects)
    assert [len(s.train_objects) for s in splits] == [4, 12, 19]
    again = object_split(labels, coverage=0.5, seed=1)
    assert again.train.tolist() == splits[1].train.tolist()
    assert object_split(labels, coverage=0.5, seed=2).train.tolist() != splits[1].train.tolist()


def test_a_split_is_a_matter_of_the_objects_and_not_of_the_order_of_scenes(oracles) -> None:
    labels = oracles.make_labels((5, 4), 2)
    order = np.random.default_rng(0).permutation(len(labels))
    one, other = (object_split(part, coverage=0.6, seed=3) for part in (labels, labels.take(order)))
    assert one.train_objects.tolist() == other.train_objects.tolist()
    assert sorted(order[other.test].tolist()) == one.test.tolist()


@pytest.mark.parametrize(("coverage", "says"), [(1.0, "unseen"), (0.01, "none to learn")])
def test_a_split_without_scenes_on_one_side_is_refused(oracles, coverage, says) -> None:
    with pytest.raises(InvalidInput, match=says):
        object_split(oracles.make_labels((5, 4), 2), coverage=coverage, seed=0)


def test_scenes_that_all_mix_seen_and_unseen_objects_are_refused() -> None:
    scenes = np.array([[[0], [1]], [[1], [2]], [[2], [0]]])
    with pytest.raises(InvalidInput, match="No scene holds only the"):
        object_split(SceneLabels(scenes, (3,), ("color",)), coverage=0.4, seed=0)


@pytest.mark.parametrize("shape", [((5, 4), 2), ((4, 3), 3), ((3, 3, 2), 1)])
def test_folds_hold_out_objects_and_keep_their_values(oracles, shape) -> None:
    labels = oracles.make_labels(*shape)
    folds = object_folds(labels, seed=0)
    assert len(folds) >= 3
    for fold in folds:
        learned = set(labels.object_ids[fold.train].reshape(-1).tolist())
        assert not learned & set(labels.object_ids[fold.held].reshape(-1).tolist())
        for slot in range(labels.slots):
            for k in range(len(labels.values)):
                shown = set(labels.scenes[fold.train, slot, k].tolist())
                assert set(labels.scenes[fold.held, slot, k].tolist()) <= shown


def test_one_object_cannot_be_held_out() -> None:
    labels = SceneLabels(np.zeros((4, 2, 1), dtype=np.int64), (3,), ("color",))
    assert object_folds(labels, seed=0) == ()


@pytest.mark.parametrize("kind", [*COMPLEXITY_KINDS, "mlp:1", "mlp:8192"])
def test_offered_kinds_and_any_width_are_cells(kind) -> None:
    assert ComplexityCell(kind, 1.0).seed == 0


@pytest.mark.parametrize("kind", ["magic", "mlp", "mlp:0", "mlp:08", "mlp:8193", "mlp:99999", "mlp:-4", "MLP:64", ""])
def test_an_unknown_kind_lists_the_known_ones(kind) -> None:
    with pytest.raises(UnknownName, match="global_product") as caught:
        ComplexityCell(kind, 0.5)
    assert caught.value.kind == "kind"


@pytest.mark.parametrize("coverage", [0.0, -0.1, 1.01, float("nan"), float("inf")])
def test_a_coverage_outside_zero_to_one_is_refused(coverage) -> None:
    with pytest.raises(InvalidInput, match="coverage"):
        ComplexityCell("additive", coverage)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InvalidInput, match="seed"):
        ComplexityCell("additive", 0.5, -1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("values", "coverage", "bags"), [((8, 3), 0.6, 6), ((10, 10), 0.8, 30), ((4, 3, 2), 0.4, 6)])
def test_unseen_objects_close_under_swaps(oracles, values, coverage, bags, seed) -> None:
    labels = oracles.make_labels(values, 2, scenes=None)
    split = object_split(labels, coverage=coverage, seed=seed)
    trials = Pairs.of(labels).trials(split.test)
    assert len(np.unique(trials.bag)) >= (bags if len(labels) < 4096 else bags / 4)
    assert not np.isin(labels.object_ids[split.test][trials.row], split.train_objects).any()


def test_objects_of_one_concept_have_no_block_and_are_still_split(oracles) -> None:
    split = object_split(oracles.make_labels((8,), 2), coverage=0.5, seed=0)
    assert len(split.train_objects) == 4
