import pytest

from bindscope.errors import Conflict, InvalidInput, UnknownName
from bindscope.services.spaces import SpaceShelf, parse_space

SHOP = b"name: shop\nconcepts:\n  color: [red, blue]\n  item: [shoe, bag]\n"


def test_an_own_space_is_there_after_a_restart(tmp_path) -> None:
    SpaceShelf(tmp_path).add(SHOP)
    assert SpaceShelf(tmp_path).get("shop") == parse_space(SHOP)
    assert [p.name for p in tmp_path.iterdir()] == ["shop.yaml"]


def test_the_same_space_again_is_fine_and_a_different_one_is_not(tmp_path) -> None:
    shelf = SpaceShelf(tmp_path)
    shelf.add(SHOP)
    shelf.add(SHOP)
    with pytest.raises(Conflict, match="shop"):
        shelf.add(SHOP.replace(b"bag", b"hat"))


def test_a_damaged_file_does_not_hide_the_other_spaces(tmp_path) -> None:
    SpaceShelf(tmp_path).add(SHOP)
    (tmp_path / "broken.yaml").write_text("name: [")
    (tmp_path / "half.part").write_text("name: half")
    assert SpaceShelf(tmp_path).get("shop")


def test_a_built_in_space_cannot_be_deleted(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="comes with Bindscope"):
        SpaceShelf(tmp_path).remove("shapes2d")


def test_an_unknown_space_lists_the_known_ones(tmp_path) -> None:
    with pytest.raises(UnknownName) as caught:
        SpaceShelf(tmp_path).get("mars")
    assert set(caught.value.known) == {"shapes2d", "clevr2d", "words"}
