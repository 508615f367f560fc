import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bindscope.core.errors import EncodeFailed
from bindscope.encoders.passes import Passes, PassLimits
from lengths import Lengths


def test_where_memory_runs_out_a_batch_is_halved_and_later_ones_are_smaller() -> None:
    encoder = Lengths(room=10)
    passes = Passes(encoder, PassLimits(items=64))
    words = ["x" * i for i in range(64)]
    assert [int(vector[0]) for vector in passes.encode("text", words)] == list(range(64))
    assert max(encoder.batches) == 8
    assert passes.most("text") == 8


def test_a_failing_item_has_an_error_of_its_own() -> None:
    *fine, failed = Passes(Lengths(), PassLimits()).encode("text", ["a", "bb", "ccc", "poison"])
    assert [int(vector[0]) for vector in fine] == [1, 2, 3]
    assert isinstance(failed, EncodeFailed)


def test_numbers_that_are_not_finite_are_an_error() -> None:
    class Broken(Lengths):
        def encode_texts(self, texts):
            return np.full((len(texts), 1), np.nan, dtype=np.float32)

    (failed,) = Passes(Broken(), PassLimits()).encode("text", ["x"])
    assert isinstance(failed, EncodeFailed)
    assert "finite" in str(failed)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=80))
def test_texts_of_all_lengths_come_back_in_order_and_each_pass_holds_similar_ones(sizes) -> None:
    passes = Passes(Lengths(padding="longest"), PassLimits(tokens=64))
    texts = ["x" * size for size in sizes]
    assert [int(vector[0]) for vector in passes.encode("text", texts)] == sizes
    parts = passes.split("text", texts)
    assert sorted(position for part in parts for position in part) == list(range(len(sizes)))
    for part in parts:
        longest = max(min(16, sizes[position] // 4 + 3) for position in part)
        assert len(part) * longest <= 64 or len(part) == 1


def test_a_whole_batch_is_one_pass_whatever_its_padding_costs() -> None:
    encoder = Lengths(padding="longest")
    Passes(encoder, PassLimits(tokens=16)).encode("text", ["x", "x" * 40, "x" * 400], whole=True)
    assert encoder.batches == [3]


def test_padding_is_not_paid_where_texts_are_filled_up_anyway() -> None:
    passes = Passes(Lengths(padding="full"), PassLimits())
    assert passes.split("text", ["x", "x" * 4000] * 50) == [list(range(100))]
