"""A small vision transformer over rendered scenes: patches, learned positions, the mean over patches."""

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
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.positions = nn.Parameter(torch.zeros((pixels // patch) ** 2, width))
        self.blocks = nn.ModuleList(Block(width, heads, feedforward, gated=gated) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, dim)

    def forward(self, pixels: Tensor) -> Tensor:
        """Vectors [picture, dim] of pixels [picture, 3, side, side] in -1..1."""
        placed = self.patches(pixels).flatten(2).transpose(1, 2) + self.positions
        shape = (placed.shape[0], placed.shape[1])
        x = placed.flatten(0, 1)
        for block in self.blocks:
            x = block(x, [shape])
        vectors: Tensor = self.head(self.norm(x).view(*shape, -1).mean(1))
        return vectors
