import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bindscope.store.keys import decode_json, decode_vector, encode_json, encode_vector

CHECK = bytes(range(16))
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
vectors = arrays(np.float32, st.integers(0, 20), elements=finite)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "\\ud" not in repr(value))


@given(vectors)
def test_a_vector_comes_back_bit_for_bit(vector):
    back = decode_vector(encode_vector(vector, CHECK), CHECK)
    assert back is not None
    assert back.dtype == np.float32
    assert back.tobytes() == vector.tobytes()


def test_minus_zero_subnormals_and_extremes_survive():
    vector = np.array([-0.0, 0.0, 1e-45, -1e-45, 3.4028235e38, np.finfo(np.float32).tiny], np.float32)
    back = decode_vector(encode_vector(vector, CHECK), CHECK)
    assert back is not None
    assert back.tobytes() == vector.tobytes()


@given(vectors, st.data())
def test_any_changed_byte_makes_it_a_miss(vector, data):
    value = bytearray(encode_vector(vector, CHECK))
    place = data.draw(st.integers(0, len(value) - 1))
    value[place] ^= data.draw(st.integers(1, 255))
    assert decode_vector(bytes(value), CHECK) is None


@given(vectors, st.data())
def test_any_truncation_or_tail_makes_it_a_miss(vector, data):
    value = encode_vector(vector, CHECK)
    assert decode_vector(value[: data.draw(st.integers(0, len(value) - 1))], CHECK) is None
    assert decode_vector(value + data.draw(st.binary(min_size=1, max_size=9)), CHECK) is None


@given(st.binary(max_size=80))
def test_foreign_bytes_are_a_miss(value):
    assert decode_vector(value, CHECK) is None
    assert decode_json(value, CHECK) is None


@given(vectors, st.binary(min_size=16, max_size=16))
def test_the_value_of_another_key_is_a_miss(vector, other):
    found = decode_vector(encode_vector(vector, CHECK), other)
    assert (found is None) == (other != CHECK)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_not_stored(number):
    with pytest.raises(ValueError, match="NaN"):
        encode_vector(np.array([1, number], np.float32), CHECK)
    with pytest.raises(ValueError, match="JSON"):
        encode_json({"a": float(number)}, CHECK)


@pytest.mark.parametrize("vector", [np.zeros(3), np.zeros((1, 3), np.float32), np.zeros(3, np.int32)])
def test_only_float32_vectors_are_stored(vector):
    with pytest.raises(ValueError, match="float32 vector"):
        encode_vector(vector, CHECK)


def test_a_decoded_vector_cannot_be_changed_in_place():
    back = decode_vector(encode_vector(np.ones(3, np.float32), CHECK), CHECK)
    assert back is not None
    assert not back.flags.writeable


@given(values)
def test_json_comes_back_equal(value):
    assert decode_json(encode_json(value, CHECK), CHECK) == (value,)


@given(values, st.data())
def test_damaged_json_is_a_miss(value, data):
    encoded = bytearray(encode_json(value, CHECK))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    assert decode_json(bytes(encoded), CHECK) is None


def test_a_vector_is_not_read_as_json_nor_json_as_a_vector():
    assert decode_json(encode_vector(np.ones(2, np.float32), CHECK), CHECK) is None
    assert decode_vector(encode_json([1, 2], CHECK), CHECK) is None
