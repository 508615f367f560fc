import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindscope.core.errors import InvalidInput
from bindscope.scenes.captions import MAX_ORDERS, Captioner, mention_orders
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.contests import candidates

SPACE = BUILTIN_SPACES["shapes2d"]
RED_SQUARE = SPACE.index({"color": "red", "shape": "square"})
BLUE_CIRCLE = SPACE.index({"color": "blue", "shape": "circle"})
ORANGE_STAR = SPACE.index({"color": "orange", "shape": "star"})


def test_captions_read_as_published() -> None:
    assert Captioner().caption(SPACE, [RED_SQUARE, BLUE_CIRCLE]) == "a red square and a blue circle"
    assert Captioner().object_query(SPACE, RED_SQUARE) == "a red square"
    assert Captioner().concept_query(SPACE, 0, RED_SQUARE[0]) == "red"


def test_the_article_before_a_vowel_is_an_option() -> None:
    assert Captioner().object_query(SPACE, ORANGE_STAR) == "a orange star"
    assert Captioner(articles="a_or_an").object_query(SPACE, ORANGE_STAR) == "an orange star"


def test_templates_go_by_name_or_by_text() -> None:
    assert Captioner("photo").object_query(SPACE, RED_SQUARE) == "a photo of a red square"
    assert Captioner("look: {}!").object_query(SPACE, RED_SQUARE) == "look: a red square!"


@pytest.mark.parametrize("template", ["no place", "{} and {}", "{x}", "nothing", "{", "{0.__class__}"])
def test_a_template_must_have_one_place(template) -> None:
    with pytest.raises(InvalidInput):
        Captioner(template)


@given(st.integers(1, 6))
def test_orders_are_permutations_that_begin_with_the_given_one(count) -> None:
    orders = mention_orders(count)
    assert orders[0] == tuple(range(count))
    assert all(sorted(order) == list(range(count)) for order in orders)
    assert len(set(orders)) == len(orders) <= MAX_ORDERS


def test_true_and_swapped_captions_compete_in_every_order() -> None:
    own = candidates(Captioner(), SPACE, objects=[RED_SQUARE, BLUE_CIRCLE], orders="all", text_only=False)
    assert set(own.true) == {"a red square and a blue circle", "a blue circle and a red square"}
    assert set(own.swap_texts) == {"a blue square and a red circle", "a red circle and a blue square"}


def test_the_anchor_of_a_text_only_model_does_not_compete_with_itself() -> None:
    own = candidates(Captioner(), SPACE, objects=[RED_SQUARE, BLUE_CIRCLE], orders="given", text_only=True)
    assert own.anchor not in own.true
    assert own.true == ("a blue circle and a red square",)
    assert own.swap_texts == ("a blue square and a red circle",)


def test_equal_objects_leave_no_swap_to_compete() -> None:
    own = candidates(Captioner(), SPACE, objects=[RED_SQUARE, RED_SQUARE], orders="all", text_only=False)
    assert own.swap_texts == ()
    assert own.true == ("a red square and a red square",)
