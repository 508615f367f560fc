"""Scenes and queries as tokens: values of all concepts, then SOO, EOO, EOS (start and end of object, end of scene).

The published alphabet (concept c with value v is token sum of the sizes before it + v); sequences of one length stand
together, so that there is no padding.
"""

from math import prod

import torch
from torch import Tensor


class TokenAlphabet:
    """``values`` V_k of each concept. Object ids are mixed radix, last concept fastest (``ConceptSpace.object_id``)."""

    def __init__(self, values: tuple[int, ...]) -> None:
        self.values = values
        self.value_count = sum(values)
        self.object_count = prod(values)
        self.start, self.end, self.stop = (self.value_count + i for i in range(3))
        self.size = self.value_count + 3
        self.strides = torch.tensor([prod(values[k + 1 :]) for k in range(len(values))])
        self.sizes = torch.tensor(values)
        self.offsets = torch.tensor([sum(values[:k]) for k in range(len(values))])

    def object_values(self, ids: Tensor) -> Tensor:
        """Value indices [..., concept] of object ids [...]."""
        return ids[..., None] // self.strides.to(ids.device) % self.sizes.to(ids.device)

    def value_tokens(self, ids: Tensor) -> Tensor:
        """Value tokens [..., concept] of object ids [...]."""
        return self.object_values(ids) + self.offsets.to(ids.device)

    def scenes(self, ids: Tensor) -> Tensor:
        """Tokens [scene, (C + 2) objects + 1] of scenes [scene, object]: SOO, values, EOO for each object, then EOS."""
        count, objects = ids.shape
        block = torch.full((count, objects, len(self.values) + 2), self.start, device=ids.device)
        block[..., 1:-1] = self.value_tokens(ids)
        block[..., -1] = self.end
        return torch.cat([block.flatten(1), block.new_full((count, 1), self.stop)], dim=1)

    def object_queries(self, ids: Tensor) -> Tensor:
        """Tokens [object, C + 3] of single objects: SOO, values, EOO, EOS."""
        return self.scenes(ids[:, None])

    def concept_queries(self, tokens: Tensor) -> Tensor:
        """Tokens [value, 2] of value tokens [value]: the value, EOS."""
        return torch.stack([tokens, torch.full_like(tokens, self.stop)], dim=1)
