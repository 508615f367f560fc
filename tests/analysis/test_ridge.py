import numpy as np
import pytest

from bindscope.analysis import ridge
from bindscope.analysis.binding import Pairs
from bindscope.analysis.precision import relative_spacing
from bindscope.analysis.probes import OBJECT, fit_probes
from bindscope.analysis.probing import probe
from bindscope.analysis.ridge import GRID, Head, fit_ridge
from bindscope.analysis.ridge_axes import axes_of
from bindscope.analysis.verdict import presence
from bindscope.core.errors import InvalidInput
from bindscope.core.specs import ProbeSpec
from bindscope.scenes.labels import SceneLabels


def labelled(scenes, values):
    return SceneLabels(np.asarray(scenes, dtype=np.int64), values, tuple("abcd"[: len(values)]))


def object_head(labels, *, swaps=True):
    return Head(labels.object_ids, labels.object_count, Pairs.of(labels).trials(paired=False) if swaps else None)


def fitted(world, rows, *, swaps=True):
    labels = world.labels.take(rows)
    return fit_ridge(world.embeddings[rows], [object_head(labels, swaps=swaps)], Pairs.of(labels).bag)


def scores_of(fit, rows):
    return (np.asarray(rows, dtype=np.float64) - fit.mean) @ fit.heads[0].weights.T + fit.heads[0].offset


@pytest.mark.parametrize("swaps", [False, True])
@pytest.mark.parametrize("kind", ["bag", "additive", "product"])
@pytest.mark.parametrize(
    ("values", "slots", "dim", "count"), [((4, 3), 2, 24, 90), ((4, 3), 2, 160, 60), ((3, 2), 3, 40, 120)]
)
def test_scores_are_those_of_the_reference(oracles, reference_ridge, kind, values, slots, dim, count, swaps) -> None:
    for seed in range(2):
        world = oracles.make_world(kind, values, slots=slots, dim=dim, seed=seed)
        order = np.random.default_rng(seed).permutation(len(world.labels))
        rows, others = order[:count], order[count : count + 40]
        labels = world.labels.take(rows)
        trials = Pairs.of(labels).trials(paired=False)
        predict, alpha, _ = reference_ridge.fit(
            world.embeddings[rows],
            presence(labels.object_ids, labels.object_count).astype(float),
            Pairs.of(labels).bag,
            crit="fc" if swaps else "strict",
            swaps=(trials.row, trials.own, trials.other),
        )
        fit = fitted(world, rows, swaps=swaps)
        if fit.heads[0].strength == pytest.approx(alpha):
            found = scores_of(fit, world.embeddings[others])
        else:
            # Equal hits are told apart by the figure that comes second, which the reference takes elsewhere.
            assert swaps
            predict, _, _ = reference_ridge.fit(
                world.embeddings[rows],
                presence(labels.object_ids, labels.object_count).astype(float),
                Pairs.of(labels).bag,
                alphas=np.array([fit.heads[0].strength]),
            )
            found = scores_of(fit, world.embeddings[others])
        assert found == pytest.approx(predict(world.embeddings[others]), abs=1e-5)


def left_out(rows, targets, bag, alpha):
    # The plain way: fit without each bag, and predict it.
    out = np.empty_like(targets)
    for own in np.unique(bag):
        kept = bag != own
        # Unpenalised offset: centred on the scenes that are left.
        mean, share = rows[kept].mean(0), targets[kept].mean(0)
        A, B = rows[kept] - mean, targets[kept] - share
        W = np.linalg.solve(A.T @ A + alpha * np.eye(rows.shape[1]), A.T @ B)
        out[~kept] = (rows[~kept] - mean) @ W + share
    return out


@pytest.mark.parametrize("power", [2, 0, -2, -5])
@pytest.mark.parametrize("seed", range(3))
def test_left_out_predictions_are_those_of_fits_without_the_bag(seed, power) -> None:
    rng = np.random.default_rng(seed)
    bag = rng.integers(0, 12, 70)
    rows, ids = rng.standard_normal((70, 9)), rng.integers(0, 5, (70, 2))
    axes = axes_of(rows)
    head = Head(ids, 5)
    inner = ridge._LeaveOut(
        rows, [head], np.unique(bag, return_inverse=True)[1], axes, [ridge._projected(rows, head, axes)],
        [ridge._presence(head).mean(0)], [ridge._rankable(head)],
    )  # fmt: skip
    targets = presence(ids, 5).astype(float)
    alpha = 10.0**power * axes.unit
    expected = left_out((rows - rows.mean(0)) / axes.top, targets, bag, alpha)
    assert targets - inner._left_out(alpha) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("power", [4, 1, 0, -3, -6])
@pytest.mark.parametrize(("size", "axes"), [(70, 5), (300, 20), (65, 64)])
def test_bags_with_more_scenes_than_axes_are_left_out_alike_along_the_axes(size, axes, power) -> None:
    rng = np.random.default_rng([size, axes])
    U = np.linalg.qr(rng.standard_normal((6 * size, axes)))[0]
    U = np.linalg.qr(U - U.mean(0))[0].reshape(6, size, axes)
    w = rng.random(axes) + 0.05
    q = 10.0**power / (w + 10.0**power)
    e = rng.standard_normal((6, size, 4))
    direct, along = ridge._directly(U, e, q, 6 * size), ridge._along_axes(U, e, q, 6 * size)
    assert along == pytest.approx(direct, abs=1e-6 * np.abs(direct).max())


@pytest.mark.parametrize("seed", range(2))
def test_which_way_bags_are_solved_changes_neither_strength_nor_weights(monkeypatch, oracles, seed) -> None:
    world = oracles.make_world("additive", (3, 2), dim=12, noise=1.0, seed=seed)
    labels = world.labels.take(np.repeat(np.arange(len(world.labels)), 40))
    rng = np.random.default_rng(seed)
    rows = world.signal[np.repeat(np.arange(len(world.labels)), 40)] + 0.3 * rng.standard_normal((len(labels), 12))
    bag = Pairs.of(labels).bag
    assert np.bincount(bag).max() > ridge._LARGE
    along = fit_ridge(rows, [object_head(labels)], bag)
    monkeypatch.setattr(ridge, "_LARGE", 10**9)
    direct = fit_ridge(rows, [object_head(labels)], bag)
    assert along.heads[0].strength == direct.heads[0].strength
    assert along.heads[0].weights == pytest.approx(direct.heads[0].weights)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("scale", [1e-8, 1e8, 1e-150])
def test_neither_scale_nor_offset_of_the_vectors_matters(oracles, seed, scale) -> None:
    world = oracles.make_world("additive", (4, 3), dim=40, noise=0.5, seed=seed)
    plain = fit_probes(world.embeddings, world.labels)
    scaled = fit_probes(world.embeddings * scale, world.labels)
    assert scaled.strengths == plain.strengths
    assert scaled.predict(world.embeddings * scale).objects == pytest.approx(
        plain.predict(world.embeddings).objects, abs=1e-6
    )
    moved = fit_probes(world.embeddings + 1e6, world.labels)
    assert moved.predict(world.embeddings + 1e6).objects == pytest.approx(
        plain.predict(world.embeddings).objects, abs=1e-4
    )


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_half_and_single_precision_are_read_as_well(oracles, kind) -> None:
    world = oracles.make_world("additive", (4, 3), dim=40, noise=0.3)
    plain, coarse = fit_probes(world.embeddings, world.labels), fit_probes(world.embeddings.astype(kind), world.labels)
    assert coarse.weights.dtype == np.float64
    near = coarse.predict(world.embeddings.astype(kind)).objects
    assert np.abs(near - plain.predict(world.embeddings).objects).max() < (0.1 if kind == np.float16 else 1e-3)


@pytest.mark.parametrize("turn", range(2))
def test_a_rotation_of_the_space_changes_no_score(oracles, turn) -> None:
    world = oracles.make_world("product", (4, 3), dim=30, noise=0.3)
    Q = np.linalg.qr(np.random.default_rng(turn).standard_normal((30, 30)))[0]
    plain, turned = (fit_probes(rows, world.labels).predict(rows) for rows in (world.embeddings, world.embeddings @ Q))
    assert turned.objects == pytest.approx(plain.objects, abs=1e-5)


def test_more_scenes_than_dimensions_and_fewer_give_the_same_fit(monkeypatch) -> None:
    # The covariance form and the one of inner products meet where a dimension of zeros decides which is taken.
    rng = np.random.default_rng(0)
    labels = labelled(rng.integers(0, 3, (30, 2, 2)), (3, 3))
    rows = rng.standard_normal((30, 20))
    wide = np.hstack([rows, np.zeros((30, 30))])
    heads, bag = [object_head(labels)], Pairs.of(labels).bag
    narrow = fit_ridge(rows, heads, bag, strength=0.1)
    padded = fit_ridge(wide, heads, bag, strength=0.1 * 30 / 20)
    assert padded.heads[0].weights[:, :20] == pytest.approx(narrow.heads[0].weights, abs=1e-9)


@pytest.mark.parametrize("rows", [np.ones((30, 5)), np.full((30, 5), 1e6) + 1e-3 * np.arange(5)])
def test_equal_vectors_have_no_fit(rows) -> None:
    labels = labelled(np.random.default_rng(0).integers(0, 3, (30, 2, 2)), (3, 3))
    probes = fit_probes(rows, labels)
    assert set(probes.strengths.values()) == {None}
    assert np.ptp(probes.predict(rows).objects, axis=0).max() == 0


def test_fewer_than_three_bags_have_no_fit() -> None:
    scenes = [[[0, 0], [1, 1]], [[0, 1], [1, 0]], [[2, 2], [1, 1]]] * 5
    rows = np.random.default_rng(0).standard_normal((15, 4))
    assert set(fit_probes(rows, labelled(scenes, (3, 3))).strengths.values()) == {None}


def test_a_concept_of_one_value_has_nothing_to_rank() -> None:
    rng = np.random.default_rng(0)
    scenes = np.stack([rng.integers(0, 4, (40, 2)), np.zeros((40, 2), dtype=int)], axis=2)
    probes = fit_probes(rng.standard_normal((40, 6)), labelled(scenes, (4, 1)))
    assert probes.strengths["b"] is None
    assert probes.strengths["a"] is not None


def test_two_scenes_fit_nothing_and_one_is_an_error() -> None:
    labels = labelled([[[0, 0], [1, 1]], [[0, 1], [1, 0]]], (2, 2))
    rows = np.eye(2)
    assert set(fit_probes(rows, labels).strengths.values()) == {None}
    with pytest.raises(InvalidInput, match="at least two"):
        fit_probes(rows[:1], labels.take(np.array([0])))


@pytest.mark.parametrize("seed", range(2))
def test_a_bag_that_alone_determines_a_direction_is_solved_all_the_same(seed) -> None:
    rng = np.random.default_rng(seed)
    labels = labelled(rng.integers(0, 3, (60, 2, 2)), (3, 3))
    bag = Pairs.of(labels).bag
    rows = np.hstack([rng.standard_normal((60, 6)), 5.0 * (bag == bag[0])[:, None]])
    probes = fit_probes(rows, labels)
    assert np.isfinite(probes.weights).all()
    assert probes.strengths[OBJECT] in GRID


def test_the_same_data_gives_the_same_bits_and_the_order_of_scenes_hardly_matters(oracles) -> None:
    world = oracles.make_world("additive", (4, 3), dim=20, noise=0.5)
    one, other = (fit_probes(world.embeddings, world.labels) for _ in range(2))
    assert (one.weights == other.weights).all()
    order = np.random.default_rng(0).permutation(len(world.labels))
    shuffled = fit_probes(world.embeddings[order], world.labels.take(order))
    assert shuffled.strengths == one.strengths
    assert shuffled.weights == pytest.approx(one.weights, abs=1e-6)


def test_a_world_that_is_read_perfectly_is_not_at_the_edge_of_its_grid(oracles) -> None:
    world = oracles.make_world("additive", (4, 3), dim=200, noise=0.0)
    assert fit_probes(world.embeddings, world.labels).edges == frozenset()


def test_a_given_strength_is_used_for_every_head(oracles) -> None:
    world = oracles.make_world("bag", (4, 3), dim=20)
    probes = fit_probes(world.embeddings, world.labels, strength=0.25)
    assert set(probes.strengths.values()) == {0.25}
    weak = fit_probes(world.embeddings, world.labels, strength=1e8)
    assert np.abs(weak.weights).max() < 1e-3 * np.abs(probes.weights).max()


def half(vectors, kind):
    if kind == "float16":
        return vectors.astype(np.float16)
    cut = np.asarray(vectors, dtype=np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
    return cut.view(np.float32)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", ["float16", "float16 held as float32", "bfloat16"])
@pytest.mark.parametrize("inner", ["objects first", "one after the other"])
def test_what_half_precision_rounds_away_is_not_read_as_binding(kind, inner, seed) -> None:
    # Colour and shape of an object are added and rounded first: the rounding knows what belongs together.
    rng = np.random.default_rng(seed)
    labels = labelled(rng.integers(0, 6, (900, 2, 2)), (6, 6))
    name = kind.split()[0]
    tables = [half(rng.standard_normal((6, 64)), name) for _ in range(2)]
    parts = [tables[k][labels.scenes[:, slot, k]] for slot in range(2) for k in range(2)]
    if inner == "objects first":
        vectors = half(half(parts[0] + parts[1], name) + half(parts[2] + parts[3], name), name)
    else:
        vectors = half(half(half(parts[0] + parts[1], name) + parts[2], name) + parts[3], name)
    vectors = vectors.astype(np.float32) if kind == "float16 held as float32" else vectors
    found = probe(vectors, labels, ProbeSpec(seed=seed)).binding
    assert found.forced_choice.low <= 0.5 <= found.forced_choice.high
    assert found.says == "not found"


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_what_is_larger_than_rounding_is_read_in_half_precision(oracles, kind) -> None:
    world = oracles.make_world("additive", (5, 4), noise=0.1)
    found = probe(half(world.embeddings, kind), world.labels, ProbeSpec()).binding
    assert found.forced_choice.value > 0.97


@pytest.mark.parametrize(
    ("vectors", "spacing"),
    [
        (np.pi * np.arange(1, 50), 2.0**-52),
        ((np.pi * np.arange(1, 50)).astype(np.float32), 2.0**-23),
        ((np.pi * np.arange(1, 50)).astype(np.float16).astype(np.float64), 2.0**-10),
        (half(np.pi * np.arange(1, 50), "bfloat16"), 2.0**-7),
        (np.arange(50.0), 2.0**-52),
        (np.full(50, 1e300), 2.0**-52),
        (np.full(50, 1e30, dtype=np.float32), 2.0**-23),
    ],
)
def test_the_precision_of_numbers_is_known_whatever_type_holds_them(vectors, spacing) -> None:
    assert relative_spacing(vectors[:, None]) == spacing


def test_vectors_that_differ_by_rounding_alone_are_equal() -> None:
    rng = np.random.default_rng(0)
    labels = labelled(rng.integers(0, 3, (60, 2, 2)), (3, 3))
    vectors = (1000 + 0.2 * rng.standard_normal((60, 8))).astype(np.float16)
    assert len(np.unique(vectors)) > 1
    assert set(fit_probes(vectors + np.float16(0.5), labels).strengths.values()) == {None}
