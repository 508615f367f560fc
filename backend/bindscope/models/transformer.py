"""Pre-norm transformer over sequences of several lengths at once, read at the last token (docs/methods/trainings.md).

Sequences of one length make a group. Everything that looks at one token runs over the tokens of all groups in one
call; only attention runs group by group. Nothing is padded, and the last layer computes the last token only.
"""

from collections.abc import Sequence
from math import log
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

Shape = tuple[int, int]  # sequences, tokens in each


def sinusoids(length: int, width: int) -> Tensor:
    """Fixed positions [length, width]: sines in even columns, cosines in odd ones."""
    rate = torch.exp(torch.arange(0, width, 2) * (-log(10_000.0) / width))
    angle = torch.arange(length)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)


class Block(nn.Module):
    """Attention and feed-forward, both pre-norm. ``x`` is flat: [token of all groups, width].

    ``near``, where above 0, is the length of the longest sequence: head h then attends less to a token that is further
    away, by exp(-2^-h) for each step (ALiBi of Press and others, 2022, in both directions), so that the values of one
    object find each other from the start. ``gated``: the feed-forward multiplies two linear maps of the token instead
    of passing one through GELU (bilinear unit of Dauphin and others, 2017; Shazeer, 2020).
    """

    nearness: Tensor

    def __init__(self, width: int, heads: int, feedforward: int, *, near: int = 0, gated: bool = False) -> None:
        super().__init__()
        self.heads, self.gated = heads, gated
        place = torch.arange(near)
        slopes = 0.5 ** torch.arange(heads)
        nearness = -slopes[None, :, None, None] * (place[:, None] - place).abs()
        self.register_buffer("nearness", nearness, persistent=False)
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, (1 + gated) * feedforward), nn.Linear(feedforward, width)

    def forward(self, x: Tensor, shapes: Sequence[Shape]) -> Tensor:
        """All tokens [token, width] after the block."""
        mixed = self.project(self.norm_attention(x))
        parts = _by_group(mixed, shapes)
        attended = [self._attend(part, shape) for part, shape in zip(parts, shapes, strict=True)]
        return self._feed(x + self.out(torch.cat(attended)))

    def last(self, x: Tensor, shapes: Sequence[Shape]) -> Tensor:
        """The last token of each sequence after the block: [sequence, width]."""
        normed = self.norm_attention(x)
        width = x.shape[1]
        weight, bias = self.project.weight, self.project.bias
        pairs = torch.nn.functional.linear(normed, weight[width:], bias[width:])
        ends = last_tokens(shapes, x.device)
        queries = torch.nn.functional.linear(normed[ends], weight[:width], bias[:width])
        attended = []
        split = zip(
            _by_group(pairs, shapes),
            _by_group(queries, [(count, 1) for count, _ in shapes]),
            shapes,
            strict=True,
        )
        for pair, query, (count, length) in split:
            key, value = pair.view(count, length, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
            query = query.view(count, 1, self.heads, -1).transpose(1, 2)
            near = self._near(length, query.dtype)
            mixed = scaled_dot_product_attention(query, key, value, None if near is None else near[:, :, -1:])
            attended.append(mixed.reshape(count, width))
        return self._feed(x[ends] + self.out(torch.cat(attended)))

    def _attend(self, part: Tensor, shape: Shape) -> Tensor:
        count, length = shape
        query, key, value = part.view(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(query, key, value, self._near(length, query.dtype))
        return mixed.transpose(1, 2).reshape(count * length, -1)

    def _near(self, length: int, dtype: torch.dtype) -> Tensor | None:
        return self.nearness[:, :, :length, :length].to(dtype) if self.nearness.numel() else None

    def _feed(self, x: Tensor) -> Tensor:
        hidden = self.up(self.norm_feedforward(x))
        if self.gated:
            first, second = hidden.chunk(2, dim=1)
            mixed = first * second
        else:
            mixed = gelu(hidden)
        fed: Tensor = self.down(mixed)
        return x + fed


def _by_group(x: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
    return list(torch.split(x, [count * length for count, length in shapes]))


def last_tokens(shapes: Sequence[Shape], device: torch.device) -> Tensor:
    """Rows of the flat tokens that end a sequence: [sequence]."""
    parts, begin = [], 0
    for count, length in shapes:
        parts.append(torch.arange(count, device=device) * length + (begin + length - 1))
        begin += count * length
    return torch.cat(parts)


class TokenEncoder(nn.Module):
    """Token sequences to vectors (not normalised), of at most ``length`` tokens each.

    Positions are fixed sinusoids, or, with ``near``, learned beside blocks that prefer near tokens. ``merged`` is the
    number of concepts where the values of an object are summed into one token (0: each value is a token of its own).
    """

    positions: Tensor

    def __init__(
        self,
        alphabet: int,
        *,
        length: int,
        width: int,
        layers: int,
        heads: int,
        feedforward: int,
        dim: int,
        near: bool,
        gated: bool = False,
        merged: int = 0,
    ) -> None:
        super().__init__()
        self.merged = merged
        self.embed = nn.Embedding(alphabet, width)
        self.blocks = nn.ModuleList(
            Block(width, heads, feedforward, near=length if near and not merged else 0, gated=gated)
            for _ in range(layers)
        )
        self.head = nn.Linear(width, dim)
        if near:
            self.positions = nn.Parameter(torch.zeros(length, width))
        else:
            self.register_buffer("positions", sinusoids(length, width), persistent=False)

    def forward(self, groups: Sequence[Tensor]) -> Tensor:
        """Vectors [sequence of all groups, dim] of token groups [sequence, token], each of one length."""
        embedded = [self._embedded(group) for group in groups]
        shapes = [(part.shape[0], part.shape[1]) for part in embedded]
        placed = [part + self.positions[: part.shape[1]] for part in embedded]
        x = torch.cat([part.flatten(0, 1) for part in placed])
        blocks = cast(list[Block], list(self.blocks))
        for block in blocks[:-1]:
            x = block(x, shapes)
        vectors: Tensor = self.head(blocks[-1].last(x, shapes))
        return vectors

    def _embedded(self, group: Tensor) -> Tensor:
        """Tokens as the blocks read them: [sequence, token, width]."""
        block = self.merged + 2
        if not self.merged or group.shape[1] <= block:  # a query for one value
            return self.embed(group)  # type: ignore[no-any-return]
        values = group[:, :-1].view(len(group), -1, block)[..., 1:-1]
        return torch.cat([self.embed(values).sum(2), self.embed(group[:, -1:])], dim=1)
