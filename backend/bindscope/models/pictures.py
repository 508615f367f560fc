"""A small vision transformer over rendered scenes: convolutions down to patches, positions, the mean over patches.

Each convolution halves the side, so that patches overlap: small models learn shapes sooner than from patches that are
cut apart (Xiao and others, 2021).
"""

import torch
from torch import Tensor, nn

from bindscope.models.transformer import Block

#: Mean and spread of each channel in 0..1: pixels then lie in -1..1.
MEAN = STD = (0.5, 0.5, 0.5)


def scaled(pictures: Tensor) -> Tensor:
    """Pixels [picture, 3, side, side] in -1..1 of uint8 pictures [picture, side, side, 3]."""
    return pictures.permute(0, 3, 1, 2).float().div_(255).sub_(MEAN[0]).div_(STD[0])


class PictureEncoder(nn.Module):
    """RGB pictures to vectors (not normalised)."""

    def __init__(
        self,
        pixels: int,
        *,
        patch: int,
        width: int,
        layers: int,
        heads: int,
        feedforward: int,
        dim: int,
        gated: bool = False,
    ) -> None:
        super().__init__()
        self.stem = _stem(patch, width)
        self.positions = nn.Parameter(torch.zeros((pixels // patch) ** 2, width))
        self.blocks = nn.ModuleList(Block(width, heads, feedforward, gated=gated) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, dim)

    def forward(self, pixels: Tensor) -> Tensor:
        """Vectors [picture, dim] of pixels [picture, 3, side, side] in -1..1."""
        placed = self.stem(pixels).flatten(2).transpose(1, 2) + self.positions
        shape = (placed.shape[0], placed.shape[1])
        x = placed.flatten(0, 1)
        for block in self.blocks:
            x = block(x, [shape])
        vectors: Tensor = self.head(self.norm(x).view(*shape, -1).mean(1))
        return vectors


def _stem(patch: int, width: int) -> nn.Sequential:
    """log2(patch) convolutions of stride 2; channels double up to ``width``."""
    steps = patch.bit_length() - 1
    parts: list[nn.Module] = []
    channels = 3
    for step in range(steps):
        after = max(8, width >> (steps - 1 - step)) if step < steps - 1 else width
        parts += [nn.Conv2d(channels, after, 3, stride=2, padding=1), nn.GELU()]
        channels = after
    return nn.Sequential(*parts[:-1])
