import pytest
import torch
from torch import Tensor, nn

from bindscope.models.controlled import build_model
from bindscope.models.pictures import PictureEncoder, scaled
from bindscope.models.tokens import TokenAlphabet
from bindscope.models.transformer import Block, TokenEncoder, last_tokens, sinusoids
from bindscope.scenes.controlled import ControlledConfig

WIDTH, HEADS, HIDDEN, LAYERS = 16, 4, 24, 3


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def encoder(*, near: bool = False) -> TokenEncoder:
    return TokenEncoder(
        11, length=9, width=WIDTH, layers=LAYERS, heads=HEADS, feedforward=HIDDEN, dim=5, near=near
    ).eval()


def torch_layer(block: Block) -> nn.TransformerEncoderLayer:
    layer = nn.TransformerEncoderLayer(
        WIDTH, HEADS, HIDDEN, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    pairs = {
        "self_attn.in_proj_": block.project,
        "self_attn.out_proj.": block.out,
        "linear1.": block.up,
        "linear2.": block.down,
        "norm1.": block.norm_attention,
        "norm2.": block.norm_feedforward,
    }
    state = {f"{name}{part}": getattr(own, part) for name, own in pairs.items() for part in ("weight", "bias")}
    layer.load_state_dict(state)
    return layer


def padded(own: TokenEncoder, groups: list[Tensor], mask: Tensor | None = None) -> Tensor:
    """The same network with torch's own layers, padding and a mask."""
    length = max(group.shape[1] for group in groups)
    tokens = torch.cat([nn.functional.pad(group, (0, length - group.shape[1])) for group in groups])
    lengths = torch.cat([torch.full((len(group),), group.shape[1]) for group in groups])
    padding = torch.arange(length) >= lengths[:, None]
    x = own.embed(tokens) + own.positions[:length]
    hidden = torch.zeros(padding.shape).masked_fill(padding, float("-inf"))
    for block in own.blocks:
        assert isinstance(block, Block)
        x = torch_layer(block).train()(x, src_mask=mask, src_key_padding_mask=hidden)
    out: Tensor = own.head(x[torch.arange(len(x)), lengths - 1])
    return out


def groups() -> list[Tensor]:
    return [torch.randint(11, (count, length)) for count, length in ((4, 5), (3, 9), (6, 2))]


def test_groups_without_padding_give_what_padded_sequences_give() -> None:
    own, said = encoder(), groups()
    assert torch.allclose(own(said), padded(own, said), atol=1e-5)


def test_near_heads_are_a_mask_that_falls_with_distance() -> None:
    own, said = encoder(near=True), groups()
    nn.init.normal_(own.positions)
    place = torch.arange(9)
    bias = torch.stack([-(0.5**head) * (place[:, None] - place).abs() for head in range(HEADS)])
    mask = bias.repeat(sum(map(len, said)), 1, 1)
    assert torch.allclose(own(said), padded(own, said, mask), atol=1e-5)
    assert not torch.allclose(own(said), padded(own, said), atol=1e-3)


def test_groups_together_equal_groups_apart() -> None:
    own, said = encoder(), groups()
    assert torch.allclose(own(said), torch.cat([own([group]) for group in said]), atol=1e-6)


def test_the_last_tokens_end_their_sequences() -> None:
    assert last_tokens([(2, 3), (1, 4), (3, 1)], torch.device("cpu")).tolist() == [2, 5, 9, 10, 11, 12]


def test_positions_are_the_published_sinusoids() -> None:
    table = sinusoids(7, 6)
    for place in range(7):
        for pair in range(3):
            angle = torch.tensor(place / 10_000 ** (2 * pair / 6))
            assert table[place, 2 * pair] == pytest.approx(float(angle.sin()), abs=1e-5)
            assert table[place, 2 * pair + 1] == pytest.approx(float(angle.cos()), abs=1e-5)


def test_a_gated_feed_forward_multiplies_two_linear_maps() -> None:
    block = Block(WIDTH, HEADS, HIDDEN, gated=True)
    x = torch.randn(6, WIDTH)
    attended = block(x, [(2, 3)])
    nn.init.zeros_(block.down.weight)
    nn.init.zeros_(block.down.bias)
    before = block(x, [(2, 3)])
    normed = block.norm_feedforward(before)
    first, second = block.up.weight.chunk(2)
    bias_first, bias_second = block.up.bias.chunk(2)
    torch.manual_seed(1)
    nn.init.normal_(block.down.weight)
    product = (normed @ first.T + bias_first) * (normed @ second.T + bias_second)
    assert torch.allclose(block(x, [(2, 3)]), before + product @ block.down.weight.T, atol=1e-5)
    assert not torch.allclose(attended, before)


def test_merged_values_are_one_token_an_object() -> None:
    alphabet = TokenAlphabet((4, 3))

    def build(size: int, *, near: bool, merged: int) -> TokenEncoder:
        return TokenEncoder(
            size,
            length=3,
            width=WIDTH,
            layers=LAYERS,
            heads=HEADS,
            feedforward=HIDDEN,
            dim=5,
            near=near,
            merged=merged,
        )

    own = build(alphabet.size, near=True, merged=2)
    nn.init.normal_(own.positions)
    scenes, values = torch.tensor([[0, 7], [11, 4]]), torch.arange(7)
    found = own([alphabet.scenes(scenes), alphabet.concept_queries(values)])
    # The same blocks over embeddings that are summed by hand: a token an object, then the end of the scene.
    table, stop = own.embed.weight, own.embed.weight[alphabet.stop]
    summed = table[alphabet.value_tokens(scenes)].sum(2)
    ends = stop.expand(len(scenes), 1, -1)
    plain = build(3, near=False, merged=0)
    plain.load_state_dict({k: v for k, v in own.state_dict().items() if k.startswith(("blocks", "head"))}, strict=False)
    for inputs, expected in (
        (torch.cat([summed, ends], 1), found[:2]),
        (torch.stack([table[values], stop.expand(7, -1)], 1), found[2:]),
    ):
        x, shape = (inputs + own.positions[: inputs.shape[1]]).flatten(0, 1), (inputs.shape[0], inputs.shape[1])
        for block in plain.blocks[:-1]:
            x = block(x, [shape])
        last = plain.blocks[-1]
        assert isinstance(last, Block)
        assert torch.allclose(plain.head(last.last(x, [shape])), expected, atol=1e-5)


@pytest.mark.parametrize("positions", ["near", "sinusoids"])
def test_weights_come_from_the_seed_alone(positions: str) -> None:
    def weights(seed: int) -> dict[str, Tensor]:
        config = ControlledConfig(width=16, dim=8, seed=seed, positions=positions)  # type: ignore[arg-type]
        return build_model(config, (3, 4)).state_dict()

    one = weights(3)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again, other = weights(3), weights(4)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["scenes.head.weight"], other["scenes.head.weight"])


def test_vectors_are_unit_and_the_scale_is_clamped() -> None:
    model = build_model(ControlledConfig(width=16, dim=8, max_scale=12.0), (3, 4))
    alphabet: TokenAlphabet = model.alphabet
    scenes = model.encode_scenes([alphabet.scenes(torch.tensor([[0, 11], [4, 4]]))])
    queries = model.encode_queries(
        [alphabet.concept_queries(torch.arange(7)), alphabet.object_queries(torch.arange(12))]
    )
    assert scenes.shape == (2, 8)
    assert queries.shape == (19, 8)
    assert torch.cat([scenes, queries]).norm(dim=1).tolist() == pytest.approx([1.0] * 21, abs=1e-5)
    with torch.no_grad():
        model.log_scale.fill_(9.0)
    assert float(model.scale.detach()) == 12.0


def test_pictures_are_read_patch_by_patch() -> None:
    own = PictureEncoder(32, patch=8, width=WIDTH, layers=2, heads=HEADS, feedforward=HIDDEN, dim=5)
    pictures = torch.randint(256, (3, 32, 32, 3), dtype=torch.uint8)
    vectors = own(scaled(pictures))
    assert vectors.shape == (3, 5)
    assert scaled(pictures).min() == pytest.approx(-1, abs=0.02)
    assert scaled(pictures).max() == pytest.approx(1, abs=0.02)
    turned = own(scaled(pictures.flip(0)))
    assert torch.allclose(vectors.flip(0), turned, atol=1e-6)
