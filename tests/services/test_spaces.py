import pytest

from bindscope.core.errors import Conflict, InvalidInput, UnknownName
from bindscope.services.spaces import SpaceRepository, parse_space

SHOP = b"name: shop\nconcepts:\n  color: [red, blue]\n  item: [shoe, bag]\n"


def test_an_own_space_is_there_after_a_restart(tmp_path) -> None:
    SpaceRepository(tmp_path).add(SHOP)
    assert SpaceRepository(tmp_path).get("shop") == parse_space(SHOP)
    assert [p.name for p in tmp_path.iterdir()] == ["shop.yaml"]


def test_the_same_space_again_is_fine_and_a_different_one_is_not(tmp_path) -> None:
    repository = SpaceRepository(tmp_path)
    repository.add(SHOP)
    repository.add(SHOP)
    with pytest.raises(Conflict, match="shop"):
        repository.add(SHOP.replace(b"bag", b"hat"))


def test_a_damaged_file_does_not_hide_the_other_spaces(tmp_path) -> None:
    SpaceRepository(tmp_path).add(SHOP)
    (tmp_path / "broken.yaml").write_text("name: [")
    (tmp_path / "half.part").write_text("name: half")
    assert SpaceRepository(tmp_path).get("shop")


def test_a_built_in_space_cannot_be_deleted(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="comes with Bindscope"):
        SpaceRepository(tmp_path).remove("shapes2d")


def test_an_unknown_space_lists_the_known_ones(tmp_path) -> None:
    with pytest.raises(UnknownName) as caught:
        SpaceRepository(tmp_path).get("mars")
    assert set(caught.value.known) == {"shapes2d", "clevr2d", "words"}


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 50_000, b"a:\n" + b"  - " * 60_000])
def test_a_text_nested_without_end_is_refused_before_it_is_built(text) -> None:
    with pytest.raises(InvalidInput, match="nested too deeply"):
        parse_space(text)


@pytest.mark.parametrize(
    ("phrase", "part"),
    [
        ("a {color} {item:>99999999}", "only use the fields"),
        ("a {color!r} {item}", "only use the fields"),
        ("a {color} {item.__class__}", "only use the fields"),
        ("a {color} {item[0]}", "only use the fields"),
        ("a {color} {0}", "only use the fields"),
        ("a {color} {item", "brace"),
        ("a {color} {{item}}", "leaves out"),
        ("a {color} {item} \\ud800", "printable"),
        ("a {color} {item}" + "x" * 200, "at most 200"),
    ],
)
def test_a_phrase_holds_bare_fields_and_printable_text_only(phrase, part) -> None:
    body = SHOP + f'phrase: "{phrase}"\n'.encode()
    with pytest.raises(InvalidInput, match=part):
        parse_space(body)


def test_values_that_differ_only_by_a_space_at_the_end_are_refused() -> None:
    with pytest.raises(InvalidInput, match="end with a space"):
        parse_space(b'{"name": "s", "concepts": {"a": ["x ", "x"]}}')


def test_two_services_on_one_data_directory_see_each_others_spaces(tmp_path) -> None:
    one, other = SpaceRepository(tmp_path), SpaceRepository(tmp_path)
    one.add(SHOP)
    assert other.get("shop") == one.get("shop")
    with pytest.raises(Conflict, match="shop"):
        other.add(SHOP.replace(b"bag", b"hat"))
    other.remove("shop")
    with pytest.raises(UnknownName, match="shop"):
        one.get("shop")
    one.add(SHOP)
    assert other.get("shop")
