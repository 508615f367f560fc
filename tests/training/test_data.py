from dataclasses import replace

import numpy as np
import pytest

from bindscope.scenes.captions import TEMPLATES, Captioner
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.render import render_many
from bindscope.scenes.scene import Scene, scene_at
from bindscope.training.bundled.config import PIXELS, PRESETS, SPACE, preset
from bindscope.training.bundled.data import (
    Group,
    SceneSource,
    Wording,
    caption_ids,
    concept_query_ids,
    held_out_objects,
    object_query_ids,
    padded,
)
from bindscope.training.bundled.vocabulary import END, PAD, WORD_IDS, build_tokenizer

WORDS = {i: word for word, i in WORD_IDS.items()}
PLAIN = Wording((), (), an=False)


def said(ids: np.ndarray) -> str:
    return " ".join(WORDS[int(i)] for i in ids if WORDS[int(i)][0] != "[")


def objects_told(caption: str) -> tuple[tuple[int, ...], ...]:
    named = (part.split()[-2:] for part in caption.split(" and "))
    return tuple(sorted(SPACE.index({"color": color, "shape": shape}) for color, shape in named))


def source_of(name: str, seed: int) -> SceneSource:
    return SceneSource(replace(preset(name), layouts=64), seed)


@pytest.fixture
def source() -> SceneSource:
    return source_of("tiny-bind", 5)


@pytest.fixture
def pairs(source: SceneSource) -> Group:
    return source.group(2, 400, wording=PLAIN)


@pytest.mark.parametrize("seed", range(5))
def test_held_out_objects_leave_every_value_in_training(seed: int) -> None:
    held_out = held_out_objects(preset("tiny-bind"), seed)
    assert len(held_out) == 10
    rest = np.array([o for i, o in enumerate(SPACE.objects()) if i not in held_out])
    assert [len(np.unique(rest[:, k])) for k in range(2)] == list(SPACE.values)


def test_held_out_objects_are_neither_shown_nor_named(source: SceneSource) -> None:
    for _ in range(30):
        _, groups = source.batch()
        for group in groups:
            assert not np.isin(group.keys, source.held_out).any()
            assert not np.isin(group.swap_keys, source.held_out).any()


def test_the_bag_sees_every_object() -> None:
    source = source_of("tiny-bag", 0)
    assert set(source.group(3, 3000, wording=PLAIN).keys.ravel().tolist()) == set(range(100))


def test_swapped_captions_tell_a_valid_swap_of_a_scene(pairs: Group) -> None:
    swaps = {swap for scene in pairs.objects for s in _swaps(scene) for swap in [tuple(sorted(s))]}
    told = [objects_told(said(ids)) for ids in pairs.swaps]
    assert len(told) > 200
    assert set(told) <= swaps
    assert [tuple(SPACE.object_id(o) for o in objects) for objects in told] == [tuple(k) for k in pairs.swap_keys]


def _swaps(scene: np.ndarray) -> list[tuple[tuple[int, ...], ...]]:
    return [swap.objects for swap in valid_swaps([tuple(map(int, o)) for o in scene])]


def test_captions_say_what_the_product_says(pairs: Group) -> None:
    for scene, ids in zip(pairs.objects, pairs.captions, strict=True):
        assert said(ids) == Captioner().caption(SPACE, [tuple(map(int, o)) for o in scene])


@pytest.mark.parametrize("template", TEMPLATES)
def test_token_ids_equal_those_of_the_stored_tokenizer(template: str) -> None:
    tokenizer = build_tokenizer(32)
    parts = TEMPLATES[template].lower().replace(".", " .").split("{}")
    before, after = (tuple(WORD_IDS[w] for w in part.split()) for part in parts)
    objects = np.array([[[8, 2], [0, 1], [5, 9]]])
    text = Captioner(template, "a_or_an").caption(SPACE, [tuple(map(int, o)) for o in objects[0]])
    assert tokenizer(text)["input_ids"] == caption_ids(objects, Wording(before, after, an=True))[0].tolist()


def test_six_objects_in_the_longest_template_fit_the_context() -> None:
    text = Captioner("photo").caption(SPACE, [(8, 2)] * 6)
    assert len(build_tokenizer(32)(text)["input_ids"]) <= 32


def test_listed_captions_name_the_scenes_concepts_and_mostly_not_the_pairs() -> None:
    group = source_of("tiny-bag", 1).group(2, 400, wording=PLAIN)
    texts = [said(ids) for ids in group.captions]
    for scene, text in zip(group.objects, texts, strict=True):
        values = sorted(name for o in scene for name in SPACE.named(o).values())
        assert sorted(word for word in text.split() if word not in ("a", "and")) == values
    assert 0.02 < np.mean([text.startswith("a ") for text in texts]) < 0.25
    assert not len(group.swaps)


def test_dealt_captions_name_the_scenes_colours_in_order_and_its_shapes_in_any() -> None:
    group = source_of("tiny-split", 1).group(3, 200, wording=PLAIN)
    told = [[name.split()[-2:] for name in said(ids).split(" and ")] for ids in group.captions]
    named = [[list(SPACE.named(tuple(map(int, o))).values()) for o in scene] for scene in group.objects]
    assert [[color for color, _ in objects] for objects in told] == [[color for color, _ in own] for own in named]
    assert [sorted(shape for _, shape in objects) for objects in told] == [
        sorted(shape for _, shape in own) for own in named
    ]
    assert 0.1 < np.mean([objects == own for objects, own in zip(told, named, strict=True)]) < 0.35


def test_pictures_are_those_of_the_renderer(source: SceneSource) -> None:
    group = source.group(3, 10, wording=PLAIN)
    scenes: list[Scene] = []
    for objects, places in zip(group.objects, group.places.tolist(), strict=True):
        scenes.append(scene_at(SPACE, [tuple(map(int, o)) for o in objects], [tuple(p) for p in places]))
    apart = np.abs(group.pictures().astype(int) - render_many(scenes, PIXELS))
    assert apart.mean() < 0.01


def test_queries_name_values_and_objects_in_their_order() -> None:
    colors, shapes = concept_query_ids(PLAIN)
    assert [said(ids) for ids in colors] == list(SPACE.concepts[0].values)
    assert [said(ids) for ids in shapes] == list(SPACE.concepts[1].values)
    assert [said(ids) for ids in object_query_ids([0, 61], PLAIN)] == ["a blue square", "a red circle"]


def test_padding_comes_after_the_end_mark_which_has_the_highest_id() -> None:
    rows = padded([concept_query_ids(PLAIN)[0], object_query_ids([3], PLAIN)])
    assert rows.shape == (11, 5)
    assert WORDS[int(rows.max())] == END
    assert [WORDS[int(i)] for i in rows[0]][-2:] == [PAD, PAD]


@pytest.mark.parametrize("name", PRESETS)
def test_the_same_seed_draws_the_same_batches(name: str) -> None:
    one, other = (source_of(name, 3).batch() for _ in range(2))
    assert one[0] == other[0]
    for a, b in zip(one[1], other[1], strict=True):
        assert np.array_equal(a.captions, b.captions)
        assert np.array_equal(a.places, b.places)
