import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.scenes.concepts import BUILTIN_SPACES, space_from_mapping

SPACES = list(BUILTIN_SPACES.values())


def test_builtin_spaces_have_the_published_sizes() -> None:
    sizes = {name: space.values for name, space in BUILTIN_SPACES.items()}
    assert sizes == {"shapes2d": (10, 10), "clevr2d": (8, 3), "words": (20, 20)}
    assert BUILTIN_SPACES["clevr2d"].concept("shape").values == ("square", "triangle", "circle")
    assert BUILTIN_SPACES["clevr2d"].concept("color").values[:3] == ("blue", "brown", "cyan")
    assert BUILTIN_SPACES["words"].concept("attribute").values[0] == "red"


@given(st.sampled_from(SPACES), st.data())
def test_ids_indices_and_names_convert_without_loss(space, data) -> None:
    number = data.draw(st.integers(0, space.object_count - 1))
    obj = space.object_at(number)
    assert space.object_id(obj) == number
    assert space.index(space.named(obj)) == obj


def test_objects_are_listed_in_the_order_of_their_ids() -> None:
    for space in SPACES:
        assert [space.object_id(o) for o in space.objects()] == list(range(space.object_count))


def test_an_unknown_value_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="crimson") as caught:
        BUILTIN_SPACES["clevr2d"].index({"color": "crimson", "shape": "square"})
    assert "red" in caught.value.known


def test_an_object_with_a_missing_or_foreign_concept_is_refused() -> None:
    with pytest.raises(InvalidInput, match="shape"):
        BUILTIN_SPACES["clevr2d"].index({"color": "red"})
    with pytest.raises(UnknownName, match="texture"):
        BUILTIN_SPACES["clevr2d"].index({"color": "red", "shape": "square", "texture": "matte"})


def test_an_own_space_gets_a_phrase_and_is_renderable_when_its_values_can_be_drawn() -> None:
    drawn = space_from_mapping({"name": "tiny", "concepts": {"color": ["red", "blue"], "shape": ["star", "ring"]}})
    assert drawn.phrase == "a {color} {shape}"
    assert drawn.renderable
    said = space_from_mapping({"name": "shop", "concepts": {"color": ["red", "blue"], "item": ["shoe", "bag"]}})
    assert not said.renderable


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ([], "mapping"),
        ({"name": "x"}, "concepts"),
        ({"name": "X", "concepts": {"a": ["b", "c"]}}, "lower snake case"),
        ({"name": "x", "concepts": {"a": ["b"]}}, "two values"),
        ({"name": "x", "concepts": {"a": ["b", "b"]}}, "twice"),
        ({"name": "x", "concepts": {"a": ["b", True]}}, "quotes"),
        ({"name": "x", "concepts": {"a": "bc"}}, "list of values"),
        ({"name": "x", "concepts": {"object": ["b", "c"]}}, "taken"),
        ({"name": "x", "concepts": {"a": ["b", "c{}"]}}, "must start"),
        ({"name": "x", "concepts": {"a": ["b", "c"]}, "phrase": "a {b}"}, "fields"),
        ({"name": "x", "concepts": {"a": ["b", "c"]}, "phrase": "a {a.__class__}"}, "phrase|Phrase|leaves out"),
        ({"name": "x", "concepts": {"a": ["b", "c"]}, "phrase": "thing"}, "leaves out"),
        ({"name": "x", "concepts": {"a": ["b", "c"]}, "color": 1}, "fields"),
        ({"name": "x", "concepts": {str(c): [str(i) for i in range(90)] for c in "abc"}}, "too large"),
    ],
)
def test_a_malformed_space_is_refused_with_the_place_that_is_wrong(data, part) -> None:
    with pytest.raises(InvalidInput, match=part):
        space_from_mapping(data)
