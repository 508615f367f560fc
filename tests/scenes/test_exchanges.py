import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindscope.scenes.exchanges import exchanges, same_words


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a red shoe and a blue bag", "a blue shoe and a red bag"),
        ("A red square next to an orange circle.", "An orange square next to a red circle."),
        ("red shoes and a blue bag", "blue shoes and a red bag"),
        ("Red shoes and blue bags", "Blue shoes and red bags"),
        ("a small brown dog chases a big white cat", "a big white dog chases a small brown cat"),
        ("the tartan scarf and the velvet hat", "the velvet scarf and the tartan hat"),
        ("a man in a black coat with a yellow umbrella", "a man in a yellow coat with a black umbrella"),
        ("there is an old car behind the new house", "there is a new car behind the old house"),
    ],
)
def test_adjectives_change_places(caption, expected) -> None:
    assert exchanges(caption)[0].text == expected


@pytest.mark.parametrize(
    "caption", ["", "a dog", "a red dog", "a red dog and a red cat", "two dogs run", "red and blue"]
)
def test_nothing_is_offered_where_there_is_nothing_to_exchange(caption) -> None:
    assert exchanges(caption) == []


def test_three_things_give_three_pairs_the_first_two_first() -> None:
    found = exchanges("a red cup, a blue plate and a green fork")
    assert found[0].text == "a blue cup, a red plate and a green fork"
    assert len(found) == 3


@given(st.sampled_from(["red", "blue", "old", "tiny"]), st.sampled_from(["wooden", "green", "orange"]))
def test_twice_is_the_caption_again_and_the_words_stay(one, other) -> None:
    caption = exchanges(f"a {one} cat and a {other} dog")[0].text
    assert same_words(caption, f"a {one} cat and a {other} dog")
    first = exchanges(caption)[0].text
    assert exchanges(exchanges(first)[0].text)[0].text == first


@given(st.text(max_size=80))
def test_any_text_is_a_list(text) -> None:
    for found in exchanges(text):
        assert found.text
