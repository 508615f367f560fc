import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bindscope.analysis.metrics import cosines, unit
from bindscope.analysis.verdict import contest, outcome, recognise
from bindscope.core.errors import UnknownName, UnsupportedModality
from bindscope.encoders.families.synthetic import (
    DIM,
    MAX_WORDS,
    ORACLES,
    SyntheticEncoder,
    _code,
    chunks_of_scene,
    words_of,
)
from bindscope.encoders.protocol import SceneReader, TokenCounter
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import BUILTIN_SPACES, ConceptSpace, space_from_mapping
from bindscope.scenes.contests import candidates
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import Scene, scene_in_slots

SHAPES = BUILTIN_SPACES["shapes2d"]
OWN = space_from_mapping(
    {
        "name": "cups",
        "concepts": {
            "size": ["tiny", "very large", "medium"],
            "colour": ["dark red", "teal", "ochre", "lime"],
            "thing": ["cup", "tea pot", "plate", "spoon"],
        },
        "phrase": "a {size} {thing} in {colour}",
    }
)


def judged(
    name: str, scenes: list[Scene], template: str = "plain"
) -> tuple[list[str], NDArray[np.bool_], NDArray[np.bool_]]:
    oracle, captioner, space = SyntheticEncoder(name), Captioner(template), scenes[0].space
    outcomes = []
    for scene in scenes:
        own = candidates(captioner, space, objects=scene.values, orders="all", text_only=False)
        image = oracle.encode_scenes([scene])
        result = contest(
            cosines(image, oracle.encode_texts(own.true)), cosines(image, oracle.encode_texts(own.swap_texts))
        )
        outcomes.append(outcome(float(result.margin[0]), noise_floor=0.0, has_swap=bool(result.has_swap[0])))
    images = oracle.encode_scenes(scenes)
    heads = [
        cosines(images, oracle.encode_texts([captioner.concept_query(space, k, v) for v in range(size)]))
        for k, size in enumerate(space.values)
    ]
    objects = cosines(images, oracle.encode_texts([captioner.object_query(space, o) for o in space.objects()]))
    values = np.array([s.values for s in scenes])
    ids = np.array([[space.object_id(o) for o in s.values] for s in scenes])
    found = recognise(heads, objects, scenes=values, object_ids=ids)
    return outcomes, found.concepts, found.object


def drawn(space: ConceptSpace, seed: int, count: int = 60, objects: int = 2) -> list[Scene]:
    return sample_scenes(space, count, seed=seed, objects=objects, only_valid_swaps=True)


@pytest.mark.parametrize("space", [SHAPES, OWN], ids=["shapes2d", "own"])
@pytest.mark.parametrize("name", ORACLES)
def test_each_oracle_recognises_the_concepts(space: ConceptSpace, name: str) -> None:
    _, concepts, _ = judged(name, drawn(space, 1))
    assert concepts.all()


@pytest.mark.parametrize("space", [SHAPES, OWN], ids=["shapes2d", "own"])
@pytest.mark.parametrize("template", ["plain", "photo", "sentence"])
def test_a_bag_ties_in_every_contest_and_loses_the_objects(space: ConceptSpace, template: str) -> None:
    outcomes, _, objects = judged("bag", drawn(space, 2), template)
    assert set(outcomes) == {"undecided"}
    if space is SHAPES:
        assert not objects.any()


def test_a_bag_gives_swapped_captions_the_same_bits() -> None:
    one, other = SyntheticEncoder("bag").encode_texts(["a red square and a blue circle", "a blue square, a red circle"])
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("space", "objects", "count"), [(SHAPES, 2, 60), (SHAPES, 3, 40), (SHAPES, 4, 5), (OWN, 2, 60)]
)
def test_additive_always_binds(space: ConceptSpace, objects: int, count: int) -> None:
    outcomes, _, recognised = judged("additive", drawn(space, 3, count, objects))
    assert set(outcomes) == {"binds"}
    assert recognised.all()


@pytest.mark.parametrize("seed", range(4))
def test_product_binds_on_nearly_all_scenes(seed: int) -> None:
    outcomes, concepts, objects = judged("product", drawn(SHAPES, 10 + seed))
    assert set(outcomes) == {"binds"}
    assert concepts.mean() >= 0.98
    assert objects.mean() >= 0.95


def test_product_binds_in_a_space_of_three_concepts() -> None:
    outcomes, concepts, objects = judged("product", drawn(OWN, 4))
    assert np.mean([o == "binds" for o in outcomes]) >= 0.98
    assert concepts.mean() >= 0.95
    assert objects.mean() >= 0.6


def test_product_reads_the_order_of_mention() -> None:
    oracle = SyntheticEncoder("product")
    scene = scene_in_slots(SHAPES, [(7, 1), (0, 3)])
    left_first, right_first = oracle.encode_texts(
        ["a yellow circle and a blue diamond", "a blue diamond and a yellow circle"]
    )
    image = oracle.encode_scenes([scene])[0]
    assert np.array_equal(image, left_first)
    assert cosines([image], [right_first])[0, 0] < 0.9


@pytest.mark.parametrize("space", [SHAPES, OWN], ids=["shapes2d", "own"])
@pytest.mark.parametrize("seed", range(3))
def test_an_order_blind_encoder_is_never_right(space: ConceptSpace, seed: int) -> None:
    outcomes, concepts, objects = judged("order-blind", drawn(space, 20 + seed))
    assert set(outcomes) == {"undecided"}
    assert concepts.all()
    assert objects.all()


def test_order_blind_captions_tie_to_the_bit_but_its_scenes_differ() -> None:
    oracle = SyntheticEncoder("order-blind")
    one, other = oracle.encode_texts(["a red square and a blue circle", "a blue square and a red circle"])
    assert np.array_equal(one, other)
    left, right = oracle.encode_scenes([scene_in_slots(SHAPES, o) for o in ([(6, 0), (0, 1)], [(0, 0), (6, 1)])])
    assert not np.array_equal(left, right)


@given(st.permutations(["a red square", "a blue circle", "a pink star", "a gray ring"]))
@settings(max_examples=20, deadline=None)
def test_the_order_of_mention_changes_no_bit_of_a_sum(parts: list[str]) -> None:
    reference = ["a blue circle", "a gray ring", "a pink star", "a red square"]
    for name in ("bag", "additive", "order-blind"):
        one, other = SyntheticEncoder(name).encode_texts([" and ".join(parts), " and ".join(reference)])
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", [n for n in ORACLES if n != "order-blind"])
def test_both_towers_are_the_same_function(name: str) -> None:
    oracle = SyntheticEncoder(name)
    for scene in drawn(SHAPES, 5, 10, 3):
        objects = [o.values for o in sorted(scene.objects, key=lambda o: (o.x, o.y))]
        text = Captioner("photo").caption(SHAPES, objects)
        assert np.array_equal(oracle.encode_scenes([scene]), oracle.encode_texts([text]))


@pytest.mark.parametrize("name", ORACLES)
@given(st.lists(st.text(max_size=40), max_size=4), st.integers(1, 300))
@settings(max_examples=25, deadline=None)
def test_any_text_has_a_finite_vector_that_is_not_zero(name: str, texts: list[str], repeats: int) -> None:
    texts = [*texts, "", " and , ", "a photo of", "red " * repeats, "a red square and " * repeats]
    vectors = SyntheticEncoder(name).encode_texts(texts)
    assert vectors.shape == (len(texts), DIM)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert np.isfinite(unit(vectors)).all()
    assert (np.abs(vectors).max(1) > 0).all()


def test_six_objects_stay_finite() -> None:
    scenes = sample_scenes(OWN, 5, seed=3, objects=6, only_valid_swaps=True)
    for name in ORACLES:
        assert np.isfinite(SyntheticEncoder(name).encode_scenes(scenes)).all()


def test_the_words_of_the_built_in_spaces_share_no_one() -> None:
    words = {w for s in BUILTIN_SPACES.values() for c in s.concepts for v in c.values for w in words_of(v)}
    places = [place for word in words for place in _code(word)]
    assert len(set(places)) == 2 * len(words)


def test_scenes_are_read_from_left_to_right_and_values_split_into_words() -> None:
    scene = scene_in_slots(OWN, [(1, 0, 1), (0, 1, 0)])
    mirrored = Scene(OWN, tuple(reversed(scene.objects)))
    chunks = [("very", "large", "dark", "red", "tea", "pot"), ("tiny", "teal", "cup")]
    assert chunks_of_scene(scene) == chunks_of_scene(mirrored) == chunks


def test_an_oracle_reads_scenes_and_texts_but_no_pixels() -> None:
    oracle = SyntheticEncoder("bag")
    assert isinstance(oracle, SceneReader)
    assert isinstance(oracle, TokenCounter)
    with pytest.raises(UnsupportedModality, match="send scenes"):
        oracle.encode_images([np.zeros((4, 4, 3), dtype=np.uint8)])
    assert oracle.encode_scenes([]).shape == oracle.encode_texts([]).shape == (0, DIM)


def test_words_beyond_the_limit_are_cut_and_counted() -> None:
    oracle = SyntheticEncoder("additive")
    long = " ".join(f"word{i}" for i in range(MAX_WORDS + 5))
    assert oracle.token_counts([long, "a red square"]) == [MAX_WORDS + 5, 2]
    assert np.array_equal(*oracle.encode_texts([long, long + " more"]))


def test_oracles_have_fingerprints_of_their_own() -> None:
    digests = {SyntheticEncoder(name).info.fingerprint.digest for name in ORACLES}
    assert len(digests) == len(ORACLES)
    assert SyntheticEncoder("bag").info.fingerprint == SyntheticEncoder("bag").info.fingerprint


def test_an_unknown_oracle_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="order-blind"):
        SyntheticEncoder("vowel")
