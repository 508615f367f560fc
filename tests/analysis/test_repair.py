from itertools import product

import numpy as np
import pytest

from bindscope.analysis.repair import RepairData, repair
from bindscope.analysis.retrieval import padded
from bindscope.domain.labels import SceneLabels
from bindscope.domain.repairs import RepairSpec
from bindscope.domain.swaps import valid_swaps
from bindscope.errors import InvalidInput

VALUES = (5, 4)


def world(binds: bool, *, turned: float, dim: int = 24, noise: float = 0.05, seed: int = 0) -> RepairData:
    """Scenes of two objects as sums of object vectors on both sides; texts are turned away by ``turned`` (0 to 1).

    Without ``binds`` the text side is a sum of concept vectors: there is no binding in it that could be mended.
    """
    rng = np.random.default_rng(seed)
    objects = list(product(*(range(v) for v in VALUES)))
    number = {obj: n for n, obj in enumerate(objects)}
    concepts = [rng.standard_normal((v, dim)) for v in VALUES]
    # Bound parts are products of the concepts' own vectors, so that unseen objects are told by what seen ones teach.
    table = np.stack([sum(c[v] for c, v in zip(concepts, o, strict=True)) for o in objects])
    bound = np.stack([np.prod([c[v] for c, v in zip(concepts, o, strict=True)], axis=0) for o in objects])
    image_table = table + bound
    text_table = table + (bound if binds else 0.0)
    scenes = np.array([(a, b) for a in objects for b in objects])
    labels = SceneLabels(scenes, VALUES, ("color", "shape"))
    mixed = turned * np.linalg.qr(rng.standard_normal((dim, dim)))[0] + (1 - turned) * np.eye(dim)
    texts: dict[tuple, np.ndarray] = {}

    def row(key, vector):
        texts.setdefault(key, vector + noise * rng.standard_normal(dim))
        return list(texts).index(key)

    def caption(scene):
        return row(scene, sum(text_table[number[o]] for o in scene))

    true, swaps, after = [], [], []
    for pair in scenes.tolist():
        scene = tuple(map(tuple, pair))
        found = [tuple(s.objects) for s in valid_swaps(scene)]
        true.append([caption(scene), caption(scene[::-1])])
        swaps.append([caption(order) for s in found for order in (s, s[::-1])])
        after.append([[number[o] for o in order] for s in found for order in (s, s[::-1])])
    queries = tuple(np.array([row((k, v), 2 * concepts[k][v]) for v in range(size)]) for k, size in enumerate(VALUES))
    most = max(map(len, swaps))
    swap_objects = np.zeros((len(scenes), most, 2), dtype=np.int64)
    for n, own in enumerate(after):
        swap_objects[n, : len(own)] = own or np.zeros((0, 2))
    images = np.stack([sum(image_table[number[tuple(o)]] for o in pair) for pair in scenes.tolist()])
    images = images + noise * rng.standard_normal(images.shape)
    table_of_texts = np.stack(list(texts.values())) @ mixed.T
    return RepairData(images, table_of_texts, labels, padded(true), padded(swaps), swap_objects, queries)


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_text_side_that_is_turned_away_is_turned_back():
    found = repair(world(True, turned=0.8), RepairSpec(0.7))
    before, after = found.before.figures, found.after.figures
    assert before.swap_accuracy.value < 0.85
    assert after.swap_accuracy.value > 0.93
    assert after.recall_at_1.value >= before.recall_at_1.value - 0.03
    assert found.t > 0


def test_a_text_side_without_binding_cannot_be_mended():
    found = repair(world(False, turned=0.0), RepairSpec(0.7))
    after = found.after.figures
    assert after.swap_accuracy.low < 0.6
    assert after.recall_at_1.value >= found.before.figures.recall_at_1.value - 0.03


def test_a_path_starts_at_the_model_and_ends_at_the_map():
    data = world(True, turned=0.8)
    found = repair(data, RepairSpec(0.7))
    assert [point.t for point in found.path] == [round(0.1 * n, 1) for n in range(11)]
    assert found.path[0].distance == 0.0
    assert np.all(np.diff([point.distance for point in found.path]) >= 0)
    matrix = found.map.matrix()
    assert np.allclose(found.map.apply(data.texts, 1.0), data.texts @ matrix.T)
    assert np.allclose(found.map.matrix(0.3), 0.7 * np.eye(24) + 0.3 * matrix)
    assert found.path[-1].distance == pytest.approx(np.linalg.norm(matrix - np.eye(24)) / 24**0.5)


def test_tests_are_of_objects_that_training_never_saw():
    data = world(True, turned=0.8)
    found = repair(data, RepairSpec(0.7))
    assert found.train_objects == 14
    assert found.test_scenes == 6 * 6
    assert found.before.figures.recall_at_1.n == 36


def test_a_long_vector_is_mapped_within_the_directions_that_vary(monkeypatch):
    monkeypatch.setattr("bindscope.analysis.repair.learning._MOST_DIRECTIONS", 12)
    found = repair(world(True, turned=0.5), RepairSpec(0.7))
    assert found.map.basis.shape == (24, 12)
    assert np.allclose(found.map.basis.T @ found.map.basis, np.eye(12))
    assert found.map.matrix().shape == (24, 24)


def test_the_same_request_gives_the_same_map():
    one, other = (repair(world(True, turned=0.8), RepairSpec(0.7)) for _ in range(2))
    assert np.array_equal(one.map.inner, other.map.inner)
    assert one.after == other.after


@pytest.mark.parametrize(("coverage", "says"), [(0.95, "unseen"), (0.06, "seen objects")])
def test_a_split_with_nothing_on_one_side_is_refused(coverage, says):
    with pytest.raises(InvalidInput, match=says):
        repair(world(True, turned=0.0), RepairSpec(coverage))


@pytest.mark.parametrize("coverage", [0.0, 1.0, -1.0])
def test_a_coverage_that_is_no_share_is_refused(coverage):
    with pytest.raises(InvalidInput, match="coverage"):
        RepairSpec(coverage)


def test_whitening_makes_the_principal_variances_alike():
    from bindscope.analysis.repair.figures import _whitening

    rng = np.random.default_rng(0)
    rows = (
        rng.standard_normal((400, 6))
        * np.array([5.0, 3.0, 2.0, 1.0, 1.0, 0.5])
        @ np.linalg.qr(rng.standard_normal((6, 6)))[0]
    )
    covariance = np.cov(_whitening(rows)(rows), rowvar=False, bias=True)
    assert np.allclose(covariance, np.eye(6), atol=0.15)
