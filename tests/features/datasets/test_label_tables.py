import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindscope.core.errors import BindscopeError, InvalidInput
from bindscope.features.datasets.label_tables import guessed_mapping, labelled, mapping_from, read_rows
from bindscope.scenes.concepts import Concept, ConceptSpace
from own_data import HEADER, SPACE, table

CLEVR = ConceptSpace(
    "clevr", (Concept("color", ("blue", "red")), Concept("shape", ("cube", "cylinder", "sphere"))), "a {color} {shape}"
)


def read(text, space=None, mapping=None):
    rows = read_rows(text if isinstance(text, bytes) else text.encode(), "labels.csv")
    given = mapping_from(mapping) if mapping is not None else guessed_mapping(tuple(rows[0]))
    return labelled(rows, given, what="labels.csv", space=space, name="own")


def test_the_release_layout_is_read_without_a_mapping() -> None:
    found = read(table([((0, 1), (2, 0)), ((1, 1), (0, 2))]), space=SPACE)
    assert found.scenes.tolist() == [[[0, 1], [2, 0]], [[1, 1], [0, 2]]]
    assert found.files == ("0000000.png", "0000001.png")


def test_a_space_is_made_of_the_values_in_the_order_of_their_appearance() -> None:
    found = read(f"{HEADER}\na.png,Red,big box,blue,ball\nb.png,blue,ball,Red,ball\n")
    assert found.space.concepts[0].values == ("Red", "blue")
    assert found.space.concepts[1].values == ("big box", "ball")
    assert found.scenes.shape == (2, 2, 2)


def test_wrong_names_beside_right_indices_lose_and_are_reported() -> None:
    head = (
        "filename,object1_color,object1_shape,object2_color,object2_shape,"
        "object1_color_idx,object1_shape_idx,object2_color_idx,object2_shape_idx"
    )
    found = read(f"{head}\na.png,red,sphere,blue,cube,1,1,0,0\nb.png,red,cylinder,blue,cube,1,2,0,0\n", space=CLEVR)
    assert found.scenes[:, 0, 1].tolist() == [1, 2]
    assert any("'sphere' where the index means 'cylinder'" in note for note in found.notes)


def test_pug_columns_and_any_columns_with_a_mapping_are_read() -> None:
    pug = "filename,world_name,character_name,character2_name,character_texture,character2_texture\n"
    found = read(pug + "a.png,Desert,Crow,Fox,Red,Blue\nb.png,Desert,Fox,Crow,Red,Blue\n")
    assert found.space.names == ("character", "texture")
    assert found.scenes.tolist() == [[[0, 0], [1, 1]], [[1, 0], [0, 1]]]
    mapping = {"image": "p", "objects": [{"color": "c1", "kind": "k1"}, {"color": "c2", "kind": "k2"}]}
    found = read("p;c1;k1;c2;k2\nx.png;red;cup;blue;hat\ny.png;blue;cup;red;hat\n", mapping=mapping)
    assert found.space.names == ("color", "kind")
    assert found.files == ("x.png", "y.png")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    text = table([((0, 1), (2, 0)), ((1, 1), (0, 2))]).replace(b"\n", b"\r\n")
    assert read(b"\xef\xbb\xbf" + text, space=SPACE).scenes.shape == (2, 2, 2)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (HEADER, "at least one row"),
        (f"{HEADER}\na.png,red,square,blue\n", "line 2: 4 cells in a table of 5 columns"),
        (f"{HEADER}\na.png,red,square,blue,\n", "row 1: column 'object2_shape' is empty"),
        (f"{HEADER}\na.png,red,sqare,blue,circle\nb.png,red,sqare,blue,disc\n", "'sqare' (shape, 2×, first in row 1)"),
        ("filename,object1_color,object1_shape,object2_color\na,red,square,blue\n", "lacks column 'object2_shape'"),
        (f"{HEADER},object1_color\na,red,square,blue,circle,red\n", "each column needs its own name"),
        (HEADER.encode() + b"\na.png,red,square,blue,c\xe9rcle\n", "line 2: byte 0xe9 is not UTF-8"),
        (b"\xff\xfe" + HEADER.encode("utf-16-le"), "UTF-16"),
        (f'{HEADER}\n"a.png,red\n', "not a CSV table"),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_with_its_row(text, part) -> None:
    with pytest.raises(InvalidInput, match=r"labels\.csv|The table") as caught:
        read(text, space=SPACE)
    assert part in str(caught.value)


def test_a_mapping_to_a_missing_column_names_it_and_those_that_are_there() -> None:
    with pytest.raises(InvalidInput, match=r"lacks the column 'k9'.*'filename'"):
        read(table([((0, 1), (2, 0))]), mapping={"objects": [{"shape": "k9"}]})


@pytest.mark.parametrize("mapping", [[], {"objects": "x"}, {"objects": [{"a": 1}]}, {"picture": "p"}, {"image": 3}])
def test_a_bad_mapping_is_a_sentence(mapping) -> None:
    with pytest.raises(InvalidInput, match="mapping"):
        mapping_from(mapping)


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_a_sentence(data) -> None:
    try:
        rows = read_rows(data, "labels.csv")
        labelled(rows, guessed_mapping(tuple(rows[0])), what="labels.csv", space=None, name="own")
    except BindscopeError as error:
        assert str(error)


def test_names_win_without_a_space_and_letter_case_does_not_matter_with_one() -> None:
    found = read(f"{HEADER}\na.png,RED,Square,blue,circle\nb.png,green,star,blue,circle\n", space=SPACE)
    assert np.array_equal(found.scenes[0], [[0, 0], [1, 1]])
