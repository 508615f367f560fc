import numpy as np
import pytest

from bindscope.analysis.binding import Pairs, bag_interval, forced_choice
from bindscope.analysis.contests import Captions, caption_leads, double_differences, picture_leads
from bindscope.analysis.metrics import unit

WORLDS = [((4, 4), 2), ((3, 3), 3), ((3, 3), 4), ((3, 3, 2), 2), ((2, 2, 2), 3)]
world = pytest.mark.parametrize(("values", "slots"), WORLDS)
seeded = pytest.mark.parametrize("seed", [0, 1, 2])
DIM = 64


class Contest:
    """Scenes with vectors, and one caption for each pairing."""

    def __init__(self, oracles, values, slots, seed):
        rng = np.random.default_rng(seed)
        self.labels = oracles.make_labels(values, slots, seed=seed, scenes=600)
        self.pairs = Pairs.of(self.labels)
        self.trials = self.pairs.trials()
        self.rng = rng
        concepts = [rng.standard_normal((v, DIM)) for v in values]
        self.bag = sum(concepts[k][self.labels.scenes[:, :, k]].sum(1) for k in range(len(values)))
        # One direction of a text bias, one code for each object.
        self.liking = rng.standard_normal(DIM) * 3
        self.codes = rng.standard_normal((self.labels.object_count, DIM))

    def texts(self, *, bias=0.0, bound=0.0):
        """Vectors by pairing id (row of the table), for own and partner alike."""
        ids = np.unique(np.concatenate([self.trials.own, self.trials.other]), axis=0)
        first = {tuple(o): i for i, o in enumerate(ids.tolist())}
        objects = self.labels.objects[ids]
        bag_of = {tuple(b): v for b, v in zip(self.keys(self.labels.scenes), self.bag, strict=True)}
        bag = np.array([bag_of[tuple(b)] for b in self.keys(objects)])
        likes = self.rng.standard_normal((len(ids), 1)) * bias
        table = bag + likes * self.liking + bound * self.codes[ids].sum(1)
        own = np.array([[first[tuple(o)]] for o in self.trials.own.tolist()])
        other = np.array([[first[tuple(o)]] for o in self.trials.other.tolist()])
        return table.astype(np.float32), Captions(own, other, np.ones_like(own, dtype=bool))

    @staticmethod
    def keys(scenes):
        return np.sort(scenes, axis=1).reshape(len(scenes), -1).tolist()

    def pictures(self, *, liking=0.0, bound=0.0, bias=0.0):
        ids = self.labels.object_ids
        noise = self.rng.standard_normal((len(ids), DIM)) * bias
        return (self.bag + liking * self.liking + bound * self.codes[ids].sum(1) + noise).astype(np.float32)

    def scores(self, pictures, said):
        table, captions = said
        leads = picture_leads(pictures[self.trials.row], table, captions=captions)
        return (
            forced_choice(self.trials, leads, resolution=1e-6),
            double_differences(self.trials, leads, resolution=1e-6),
            leads,
        )


@world
@seeded
def test_a_pure_bag_ties_in_every_contest(oracles, values, slots, seed) -> None:
    own = Contest(oracles, values, slots, seed)
    choice, double, _ = own.scores(own.pictures(), own.texts())
    assert choice.mean == double.mean == 0.5
    assert (choice.undecided == 1).all()


@world
@seeded
def test_a_bag_that_likes_certain_texts_scores_one_half(oracles, values, slots, seed) -> None:
    own = Contest(oracles, values, slots, seed)
    choice, double, leads = own.scores(own.pictures(liking=1.0), own.texts(bias=1.0))
    assert choice.mean == pytest.approx(0.5, abs=1e-12)
    assert double.mean == pytest.approx(0.5, abs=1e-12)
    assert (np.abs(leads) > 1e-6).mean() > 0.9


@world
@seeded
def test_a_bag_of_pictures_with_biases_of_their_own_scores_about_one_half(oracles, values, slots, seed) -> None:
    own = Contest(oracles, values, slots, seed)
    choice, double, _ = own.scores(own.pictures(bias=1.0), own.texts(bias=0.3))
    for score in (choice, double):
        found = bag_interval(score.scores)
        assert found.low <= 0.5 <= found.high or abs(found.value - 0.5) < 0.1


@world
@seeded
def test_binding_under_a_text_bias_loses_the_contest_and_wins_the_double_difference(
    oracles, values, slots, seed
) -> None:
    own = Contest(oracles, values, slots, seed)
    choice, double, _ = own.scores(own.pictures(liking=4.0, bound=1.0), own.texts(bias=1.0, bound=1.0))
    assert choice.mean < 0.6
    assert double.mean > 0.9


@world
def test_the_score_of_a_contest_is_that_of_the_reference(oracles, reference_score, values, slots) -> None:
    own = Contest(oracles, values, slots, 5)
    pictures, (table, captions) = own.pictures(liking=0.3, bound=0.5), own.texts(bias=1.0, bound=0.5)
    choice, _, _ = own.scores(pictures, (table, captions))
    row_of = {}
    for ids, row in zip(np.concatenate([own.trials.own, own.trials.other]).tolist(),
                        np.concatenate([captions.own, captions.other])[:, 0].tolist(), strict=True):  # fmt: skip
        row_of[tuple(sorted(tuple(own.labels.objects[i].tolist()) for i in ids))] = row
    cosines = unit(pictures) @ unit(table).T
    wanted = reference_score.paired_forced_choice(own.labels.scenes, lambda i, p: cosines[i, row_of[p]])
    assert len(wanted) == len(choice)
    assert choice.mean == pytest.approx(np.mean(list(wanted.values())), abs=1e-9)


def orders(table, own, other):
    captions = Captions(np.array([own]), np.array([other]), np.ones((1, len(own)), dtype=bool))
    fair, same = caption_leads(np.asarray(table, dtype=np.float32), captions=captions)
    return fair[0], same[0]


def test_captions_as_anchors_meet_both_pairings_in_the_other_order() -> None:
    # The own captions agree by a half, the partner's in the same order by three quarters, in the other by a quarter.
    table = np.array([[1, 0, 0], [0.5, 0.75**0.5, 0], [0.75, 0.0, 0.4375**0.5], [0.25, 0.9375**0.5, 0]])
    fair, same = orders(table, [0, 1], [2, 3])
    assert fair[0] == pytest.approx(0.5 - 0.25)
    assert same[0] == pytest.approx(0.5 - 0.75)
    assert fair[1] == pytest.approx(0.5 - table[1] @ table[2])


def test_captions_without_order_or_binding_tie_in_both_contests() -> None:
    fair, same = orders(np.ones((4, 3)), [0, 1], [2, 3])
    assert fair.tolist() == same.tolist() == [0, 0]


def test_a_scene_with_one_caption_only_has_no_anchor() -> None:
    captions = Captions(np.array([[0, 0]]), np.array([[1, 2]]), np.array([[True, False]]))
    fair, same = caption_leads(np.eye(3, dtype=np.float32), captions=captions)
    assert np.isnan(fair).all()
    assert np.isnan(same).all()


def test_repeated_captions_of_an_object_shown_twice_count_once() -> None:
    # Three distinct captions of six orders; the repeated ones must not let a caption win against itself.
    own = np.array([[0, 1, 0, 2, 1, 2]])
    distinct = np.array([[True, True, False, True, False, False]])
    other = np.array([[3, 4, 5, 6, 7, 8]])
    rng = np.random.default_rng(0)
    table = rng.standard_normal((9, 16)).astype(np.float32)
    fair, _ = caption_leads(table, captions=Captions(own, other, distinct))
    one = unit(table)
    wanted = (one[0] @ one[1] + one[0] @ one[2]) / 2 - (one[0] @ one[4] + one[0] @ one[6]) / 2
    assert fair[0, 0] == pytest.approx(wanted, abs=1e-6)
    assert np.isnan(fair[0, [2, 4, 5]]).all()
