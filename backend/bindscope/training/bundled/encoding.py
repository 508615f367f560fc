"""Both towers as training reads them: arrays in, features out, with gradients where they are wanted."""

from typing import TYPE_CHECKING

import numpy as np

from bindscope.training.bundled.folder import MEAN, STD

if TYPE_CHECKING:
    from open_clip import CLIP
    from torch import Tensor


def encode_pictures(model: "CLIP", pictures: np.ndarray) -> "Tensor":
    """Vectors [picture, dim] of RGB [picture, side, side, 3]: what open_clip's own preprocessing leads to."""
    import torch

    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, STD))
    pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(255)
    features: Tensor = model.visual(pixels.sub_(mean).div_(std).contiguous(memory_format=torch.channels_last))
    return features


def encode_ids(model: "CLIP", ids: np.ndarray) -> "Tensor":
    """Vectors [text, dim] as ``model.encode_text`` gives them, without the padding up to the context length.

    Attention is causal and the text is read at its end mark, so that what comes after it changes nothing.
    """
    import torch

    tokens = torch.from_numpy(ids)
    length = tokens.shape[1]
    x = model.token_embedding(tokens) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    features: Tensor = x[torch.arange(len(x)), tokens.argmax(-1)] @ model.text_projection
    return features
