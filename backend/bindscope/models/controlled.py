"""The two encoders of controlled training: scenes and queries in one space, compared by cosine
(docs/methods/trainings.md)."""

from collections.abc import Sequence
from math import log
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from bindscope.models.pictures import PictureEncoder, scaled
from bindscope.models.tokens import TokenAlphabet
from bindscope.models.transformer import TokenEncoder
from bindscope.scenes.controlled import ControlledConfig


class ControlledModel(nn.Module):
    """``scenes`` reads tokens or pictures, ``queries`` reads tokens; ``scale`` multiplies the cosines in training."""

    def __init__(self, config: ControlledConfig, values: tuple[int, ...]) -> None:
        super().__init__()
        self.alphabet = TokenAlphabet(values)
        self.most_scale = config.max_scale
        sizes: dict[str, Any] = {
            "width": config.width,
            "layers": config.layers,
            "heads": config.heads,
            "feedforward": config.feedforward,
            "dim": config.dim,
            "gated": config.activation == "gated",
        }
        merged = len(values) if config.tokens == "objects" else 0
        block, near = 1 if merged else len(values) + 2, config.positions == "near"
        # A query for one value has two tokens.
        query = max(block + 1, 2)
        self.scenes: TokenEncoder | PictureEncoder
        if config.inputs == "tokens":
            self.scenes = TokenEncoder(
                self.alphabet.size, length=block * config.objects + 1, near=near, merged=merged, **sizes
            )
        else:
            self.scenes = PictureEncoder(config.pixels, patch=config.patch, **sizes)
        self.queries = TokenEncoder(self.alphabet.size, length=query, near=near, merged=merged, **sizes)
        self.log_scale = nn.Parameter(torch.tensor(log(config.start_scale)))

    @property
    def scale(self) -> Tensor:
        """exp of the learned exponent, clamped."""
        return self.log_scale.exp().clamp(max=self.most_scale)

    def encode_scenes(self, scenes: Sequence[Tensor] | Tensor) -> Tensor:
        """Unit vectors [scene, dim] of token groups, or of uint8 pictures [scene, side, side, 3]."""
        inputs = scaled(scenes) if isinstance(scenes, Tensor) else scenes
        return normalize(self.scenes(inputs), dim=-1)

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self.queries.head.out_features

    def encode_pixels(self, pixels: Tensor) -> Tensor:
        """Unit vectors [picture, dim] of pixels [picture, 3, side, side] in -1..1."""
        return normalize(self.scenes(pixels), dim=-1)

    def encode_queries(self, groups: Sequence[Tensor]) -> Tensor:
        """Unit vectors [query, dim] of token groups."""
        return normalize(self.queries(groups), dim=-1)


def build_model(config: ControlledConfig, values: tuple[int, ...]) -> ControlledModel:
    """A model with weights drawn from ``config.seed``; torch's own generator is left as it was.

    Matrices are Xavier-uniform. Beside learned positions tokens begin larger, to stand out from their places.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = ControlledModel(config, values)
        for module in model.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, PictureEncoder):
                nn.init.normal_(module.positions, std=0.02)
            elif isinstance(module, TokenEncoder) and config.positions == "near":
                nn.init.normal_(module.positions, std=0.3)
                nn.init.normal_(module.embed.weight, std=0.7)
            elif isinstance(module, TokenEncoder):
                nn.init.xavier_uniform_(module.embed.weight)
    return model
