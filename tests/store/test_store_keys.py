import dataclasses
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindscope.core.errors import InvalidInput
from bindscope.encoders.protocol import Fingerprint
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.scene import Placed, Scene, scene_in_slots
from bindscope.store.keys import measurement_key, pixels_key, scene_key, text_key

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SHAPES = BUILTIN_SPACES["shapes2d"]
#: Name and check of one key of each kind.
KEPT = {
    "text": ("bs:emb:1:fp:text:fcbcf2624db24c3bbf69a9c2b94bcea0", "f7a67be878d6ca164d5b8b39685e28f3"),
    "scene": ("bs:emb:1:fp:scene:cff05cf18b315ac4894ea1cb7e045253", "de459209aa021e8621feaeff7c763a1f"),
    "pixels": ("bs:emb:1:fp:pixels:a6bbe66883f8b3ee83487cbab1a6b8ad", "c22ddb1917382ed9a4a9dcc947bc86b7"),
    "measurement": ("bs:val:1:floor:51e019c0ac7b9a3546604a060951b733", "b471124f3bffe553505850638ca61da1"),
}


def apart(*keys):
    return len({k.name for k in keys}) == len({k.check for k in keys}) == len(keys)


@given(texts, texts)
def test_texts_share_a_key_only_when_they_are_equal(a, b):
    assert (text_key("fp", a) == text_key("fp", b)) == (a == b)
    assert a == b or apart(text_key("fp", a), text_key("fp", b))


@given(texts)
def test_spelling_variants_of_a_text_have_keys_of_their_own(text):
    variants = {text, text + " ", " " + text, text.upper(), text.lower(), text + ".", text + "\0"}
    variants |= {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert apart(*(text_key("fp", variant) for variant in variants))


def test_composed_and_decomposed_letters_are_different_inputs():
    assert apart(*(text_key("fp", unicodedata.normalize(form, "café")) for form in ("NFC", "NFD")))


@given(st.integers(1, 6), st.integers(1, 6), st.binary(min_size=108, max_size=108))
def test_equal_bytes_of_another_height_or_width_are_another_picture(height, width, data):
    pixels = np.frombuffer(data, np.uint8)[: height * width * 3]
    shapes = {(height, width), (width, height), (1, height * width), (height * width, 1)}
    assert apart(*(pixels_key("fp", pixels.reshape(h, w, 3)) for h, w in shapes))


def test_the_same_bytes_in_another_mode_or_number_of_channels_are_another_picture():
    pixels = np.zeros((4, 3, 3), np.uint8)
    assert apart(
        pixels_key("fp", pixels),
        pixels_key("fp", pixels, mode="HSV"),
        pixels_key("fp", pixels.reshape(3, 3, 4)),
        pixels_key("fp", pixels.reshape(4, 9, 1)),
    )


def test_a_picture_that_lies_scattered_in_memory_has_the_key_of_its_copy():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    view = pixels[::2, ::-1]
    assert pixels_key("fp", view) == pixels_key("fp", view.copy())


def test_one_changed_pixel_changes_the_key():
    pixels = np.zeros((4, 4, 3), np.uint8)
    changed = pixels.copy()
    changed[3, 3, 2] = 1
    assert apart(pixels_key("fp", pixels), pixels_key("fp", changed))


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Fingerprint)])
def test_a_model_twin_that_differs_in_one_field_has_keys_of_its_own(field):
    model = Fingerprint(*(["same"] * 8))
    twin = dataclasses.replace(model, **{field: "other"})
    assert apart(text_key(model.digest, "a"), text_key(twin.digest, "a"))


def test_modalities_and_kinds_never_share_a_key():
    scene = scene_in_slots(SHAPES, [(0, 0)])
    picture = np.frombuffer(b"abc", np.uint8).reshape(1, 1, 3)
    assert apart(
        text_key("fp", scene.canonical()),
        scene_key("fp", scene, renderer="1", pixels=64),
        pixels_key("fp", picture),
        text_key("fp", "abc"),
    )


def test_a_scene_key_names_renderer_size_order_and_places():
    scene = scene_in_slots(SHAPES, [(0, 1), (2, 3)])
    reordered = Scene(SHAPES, scene.objects[::-1])
    moved = Scene(SHAPES, (scene.objects[0], Placed((2, 3), 0.72, 0.5001, 0.3)))
    assert apart(
        scene_key("fp", scene, renderer="1", pixels=64),
        scene_key("fp", scene, renderer="2", pixels=64),
        scene_key("fp", scene, renderer="1", pixels=224),
        scene_key("fp", scene, renderer="16", pixels=4),
        scene_key("fp", reordered, renderer="1", pixels=64),
        scene_key("fp", moved, renderer="1", pixels=64),
    )


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_lists_of_parts_share_a_key_only_when_they_are_equal(a, b):
    assert (measurement_key("floor", a) == measurement_key("floor", b)) == (a == b)


@given(st.lists(texts, min_size=2, max_size=4), st.data())
def test_moving_a_border_between_parts_changes_the_key(parts, data):
    joined = "".join(parts)
    cut = data.draw(st.integers(0, len(joined)))
    other = [joined[:cut], joined[cut:]]
    assert (measurement_key("floor", parts) == measurement_key("floor", other)) == (parts == other)
    assert measurement_key("floor", ["ab", "c"]) != measurement_key("floor", ["a", "bc"])


def test_a_key_reads_as_schema_model_kind_and_hash():
    name = text_key("0123abcd", "red").name
    assert name.startswith("bs:emb:1:0123abcd:text:")
    assert len(name.rsplit(":", 1)[1]) == 32


@pytest.mark.parametrize("fingerprint", ["", "a:b", "a b", "x" * 129, "a\n"])
def test_a_fingerprint_that_could_blur_the_key_is_refused(fingerprint):
    with pytest.raises(InvalidInput, match="fingerprint"):
        text_key(fingerprint, "a")


def test_half_a_surrogate_pair_is_bad_input_not_a_crash():
    with pytest.raises(InvalidInput, match="valid Unicode"):
        text_key("fp", "\ud800")


@pytest.mark.parametrize("picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_a_picture_of_another_layout_is_refused(picture):
    with pytest.raises(InvalidInput, match="uint8"):
        pixels_key("fp", picture)


def test_measurements_of_another_name_have_other_keys_whatever_they_depend_on():
    assert apart(measurement_key("floor", ["a"]), measurement_key("roof", ["a"]), measurement_key("floor", ["b"]))
    assert measurement_key("floor", ["a"]).check != measurement_key("roof", ["a"]).check
    with pytest.raises(InvalidInput, match="A measurement is 1 to 128"):
        measurement_key("a:b", [])


def test_what_an_earlier_version_kept_is_found_again():
    # Who changes how keys are made raises SCHEMA, and writes the new keys here.
    made = {
        "text": text_key("fp", "a red square"),
        "scene": scene_key("fp", scene_in_slots(SHAPES, [(0, 1), (2, 3)]), renderer="1", pixels=64),
        "pixels": pixels_key("fp", np.arange(12, dtype=np.uint8).reshape(2, 2, 3)),
        "measurement": measurement_key("floor", ["fp", "7"]),
    }
    assert {what: (key.name, key.check.hex()) for what, key in made.items()} == KEPT
