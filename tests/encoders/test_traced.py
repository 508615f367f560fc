import pytest

from bindscope.encoders.registry import EncoderSettings, load_encoder
from bindscope.encoders.towers import traced


@pytest.fixture
def torch():
    import torch

    return torch


def examples(torch, *sizes):
    return [{"x": torch.randn(size, 5)} for size in sizes]


def test_a_trace_gives_the_same_bits_for_any_number_of_items(torch) -> None:
    layer = torch.nn.Linear(5, 3).requires_grad_(False)
    forward = traced(lambda inputs: torch.relu(layer(inputs["x"])), examples(torch, 2, 1, 3))
    assert forward.__name__ == "run"
    for size in (1, 2, 7, 64):
        x = torch.randn(size, 5)
        assert torch.equal(forward({"x": x}), torch.relu(layer(x)))


def test_what_a_trace_would_bake_in_stays_as_it_is(torch) -> None:
    def by_number(inputs):
        return inputs["x"] * 2 if len(inputs["x"]) > 2 else inputs["x"]

    def by_value(inputs):
        return inputs["x"] + 1 if inputs["x"].sum() > 0 else inputs["x"] - 1

    def random(inputs):
        return inputs["x"] + torch.rand(1)

    negative, positive = {"x": -torch.ones(1, 5)}, {"x": torch.ones(2, 5)}
    assert traced(by_number, examples(torch, 2, 1, 3)) is by_number
    assert traced(by_value, [positive, negative]) is by_value
    assert traced(random, examples(torch, 2, 1, 3)) is random


def test_what_can_not_be_traced_stays_as_it_is(torch) -> None:
    def broken(inputs):
        raise RuntimeError("no")

    assert traced(broken, examples(torch, 1)) is broken


def test_the_bundled_towers_are_traced(torch) -> None:
    encoder = load_encoder("bundled:tiny-bind", settings=EncoderSettings(threads=1))
    assert encoder._image.forward.__name__ == encoder._image.from_bytes.__name__ == "run"
    assert encoder._text.forward.__name__ == "run"
