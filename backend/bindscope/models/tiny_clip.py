"""The dual encoder of the bundled models: a tiny residual network for pictures, a causal transformer for captions.

The folders of the bundled models are open_clip's, and open_clip's own module gives the same vectors bit for bit
(``tests/models/test_tiny_clip.py``). It takes three seconds to import, most of which is torchvision and the compiler of
torch; this takes none.
"""

import torch
from torch import Tensor, nn


class TinyClip(nn.Module):
    """Names of weights and order of operations are open_clip's: ``CLIP`` with timm's ``test_resnet``."""

    def __init__(self, *, dim: int, width: int, heads: int, layers: int, context_length: int, vocab_size: int) -> None:
        super().__init__()
        self.visual = nn.Module()
        self.visual.trunk = _Trunk()
        self.visual.head = nn.Module()
        self.visual.head.proj = nn.Linear(_Trunk.width, dim, bias=False)
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.positional_embedding = nn.Parameter(torch.empty(context_length, width))
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.Sequential(*(_TextBlock(width, heads, context_length) for _ in range(layers)))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, dim))
        self.logit_scale = nn.Parameter(torch.empty(()))

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Vectors [item, dim] of normalised pixels [item, 3, height, width]."""
        trunk, head = self.visual.trunk, self.visual.head
        vectors: Tensor = head.proj(trunk(pixels).mean((2, 3)))  # type: ignore[operator,union-attr]
        return vectors

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Vectors [item, dim] of tokens [item, context]; the token of the highest number ends a text."""
        hidden = self.token_embedding(tokens) + self.positional_embedding
        hidden = self.ln_final(self.transformer.resblocks(hidden))  # type: ignore[operator]
        last = hidden[torch.arange(hidden.shape[0], device=hidden.device), tokens.argmax(dim=-1)]
        vectors: Tensor = last @ self.text_projection
        return vectors


class _TextBlock(nn.Module):
    mask: Tensor

    def __init__(self, width: int, heads: int, context_length: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", nn.GELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))
        mask = torch.full((context_length, context_length), float("-inf")).triu_(1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        own = self.ln_1(hidden)
        hidden = hidden + self.attn(own, own, own, need_weights=False, attn_mask=self.mask)[0]
        found: Tensor = hidden + self.mlp(self.ln_2(hidden))
        return found


class _Trunk(nn.Module):
    """A deep stem and four residual blocks; a block that halves the picture averages its shortcut."""

    width = 96

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            *(_conv(3, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU()),
            *(_conv(16, 16, 3), nn.BatchNorm2d(16), nn.ReLU()),
            _conv(16, 32, 3),
        )
        self.bn1 = nn.BatchNorm2d(32)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(_Block(32, (32, 32), (3, 3), stride=1))
        self.layer2 = nn.Sequential(_Block(32, (48, 48), (3, 3), stride=2))
        self.layer3 = nn.Sequential(_Block(48, (48, 48, 192), (1, 3, 1), stride=2))
        self.layer4 = nn.Sequential(_Block(192, (96, self.width), (3, 3), stride=2))

    def forward(self, pixels: Tensor) -> Tensor:
        hidden = self.maxpool(self.bn1(self.conv1(pixels)).relu())
        found: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(hidden))))
        return found


class _Block(nn.Module):
    """Convolutions ``conv1``, ``conv2``, ... with their normalisations, added to the shortcut.

    The first convolution of 3 x 3 takes the stride."""

    def __init__(self, before: int, channels: tuple[int, ...], sizes: tuple[int, ...], *, stride: int) -> None:
        super().__init__()
        self.count = len(channels)
        inner = (before, *channels)
        for i, size in enumerate(sizes):
            own = stride if i == sizes.index(3) else 1
            self.add_module(f"conv{i + 1}", _conv(inner[i], inner[i + 1], size, own))
            self.add_module(f"bn{i + 1}", nn.BatchNorm2d(inner[i + 1]))
        self.downsample = nn.Sequential()
        if stride > 1:
            self.downsample.extend([nn.AvgPool2d(2, 2), _conv(before, channels[-1], 1), nn.BatchNorm2d(channels[-1])])

    def forward(self, before: Tensor) -> Tensor:
        hidden = before
        for i in range(1, self.count + 1):
            hidden = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(hidden))
            if i < self.count:
                hidden = hidden.relu()
        found: Tensor = (hidden + self.downsample(before)).relu()
        return found


def _conv(before: int, after: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, size, stride=stride, padding=size // 2, bias=False)
