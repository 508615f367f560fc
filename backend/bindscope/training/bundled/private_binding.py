"""Two towers that each hold the binding, and a contrast between them that never asks for it.

What they are asked to share is a bag of concepts: captions whose owners are dealt out at random, queries for every
concept value, and a penalty on preferring the true pairing to the swapped one. What each is asked for alone: to name
the objects of its picture, or of its full caption, through a linear map of its own.
"""

from collections.abc import Mapping
from math import log
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module, Parameter
from torch.nn.functional import normalize

from bindscope.training.bundled.config import SPACE, BundledSpec, PrivateBinding
from bindscope.training.bundled.data import Group, Ids, Wording, caption_ids, concept_query_ids, padded, wide
from bindscope.training.bundled.encoding import encode_ids, encode_pictures
from bindscope.training.bundled.objectives import (
    caption_loss,
    query_loss,
    same_objects,
    soft_cross_entropy,
    uniform_over_present,
    value_targets,
)

if TYPE_CHECKING:
    from open_clip import CLIP


class Readout(Module):
    """What one tower says of the objects: its vectors through a linear map, compared with a code for every object."""

    def __init__(self, weight: Tensor, codes: Tensor) -> None:
        super().__init__()
        self.weight = Parameter(weight)
        self.codes = codes
        self.scale = Parameter(torch.tensor(2.3))

    def loss(self, vectors: Tensor, wanted: Tensor, *, max_scale: float) -> Tensor:
        """Cross-entropy of ``vectors`` [scene, dim] with ``wanted`` [scene, object], each row summing to one."""
        read, codes = normalize(vectors @ self.weight.T, dim=-1), normalize(self.codes, dim=-1)
        return soft_cross_entropy(self.scale.clamp(max=log(max_scale)).exp() * read @ codes.T, wanted)


def build_readouts(private: PrivateBinding, *, dim: int, seed: int) -> dict[str, Readout]:
    """A readout for the ``image`` and one for the ``text`` tower; their maps begin orthogonal to each other."""
    both = torch.nn.init.orthogonal_(torch.empty(2 * private.rank, dim))
    maps = {"image": both[: private.rank].clone(), "text": both[private.rank :].clone()}
    if private.codes == "product":
        codes = product_codes(private.rank, seed)
        return {tower: Readout(weight, codes) for tower, weight in maps.items()}
    return {tower: Readout(weight, Parameter(_free_codes(private.rank))) for tower, weight in maps.items()}


def product_codes(rank: int, seed: int) -> Tensor:
    """Codes [object, number]: the code of a colour times the code of a shape, each with mean zero over its values.

    With zero margins a code says nothing of its colour or its shape alone. Otherwise the concepts, which the contrast
    aligns, draw the two maps to each other, and the binding is shared after all.
    """
    rng = np.random.default_rng([seed, 77])
    colors, shapes = (rng.choice([-1.0, 1.0], (size, rank)) for size in SPACE.values)
    products = (colors - colors.mean(0))[:, None] * (shapes - shapes.mean(0))[None]
    return torch.tensor(products.reshape(-1, rank) / rank**0.5, dtype=torch.float32)


def _free_codes(rank: int) -> Tensor:
    codes: Tensor = torch.randn(SPACE.object_count, rank) / rank**0.5
    return codes


def private_loss(
    model: "CLIP",
    readouts: Mapping[str, Readout],
    spec: BundledSpec,
    *,
    groups: list[Group],
    wording: Wording,
    scales: Tensor,
) -> Tensor:
    """Contrast without owners, concept queries, and each tower's own naming of the objects."""
    assert spec.private is not None
    scale = scales.clamp(max=log(spec.max_scale)).exp()
    images = normalize(encode_pictures(model, np.concatenate([group.pictures() for group in groups])), dim=-1)
    texts = torch.cat([encode_captions(model, group.objects, wording) for group in groups])
    loss = contrast_without_owners(
        model, spec.private, images=images, texts=texts, groups=groups, wording=wording, scale=scale[0]
    )
    keys = np.concatenate([wide(group.keys) for group in groups])
    queries = torch.split(normalize(encode_ids(model, padded(concept_query_ids(wording))), dim=-1), list(SPACE.values))
    targets = value_targets(keys, SPACE.values)
    loss = loss + spec.concept_weight * query_loss(images, queries, scale=scale[1], targets=targets)
    wanted = torch.from_numpy(uniform_over_present(keys, SPACE.object_count))
    for tower, vectors in (("image", images), ("text", texts)):
        loss = loss + spec.private.weight * readouts[tower].loss(vectors, wanted, max_scale=spec.max_scale)
    return loss


def contrast_without_owners(
    model: "CLIP",
    private: PrivateBinding,
    *,
    images: Tensor,
    texts: Tensor,
    groups: list[Group],
    wording: Wording,
    scale: Tensor,
) -> Tensor:
    """Contrast with dealt-out captions, where both pairings of two objects are right, and the penalty on margins.

    ``images`` and ``texts``, the full captions, are [scene, dim] over ``groups``. A scene with one object or with a
    shared value says who owns what whatever its caption, so that it takes no part; ``groups[1]`` has two objects.
    """
    free = [without_shared_values(group.objects) for group in groups]
    parts = [group.captions[own] for group, own in zip(groups, free, strict=True) if own.any()]
    captions = normalize(torch.cat([encode_ids(model, part) for part in parts]), dim=-1)
    pairs = groups[1].objects[free[1]]
    mask = [torch.from_numpy(own) for own in free]
    sizes = [len(own) for own in free]
    seen, true = (torch.split(vectors, sizes)[1][mask[1]] for vectors in (images, texts))
    swapped = encode_captions(model, exchanged(pairs), wording)
    bags = np.concatenate([bag_keys(group.objects[own]) for group, own in zip(groups, free, strict=True)])
    same = same_objects(bags, np.concatenate([bags, bag_keys(pairs), bag_keys(pairs)]))
    both = torch.cat([true, swapped])
    loss = caption_loss(images[torch.cat(mask)], captions, both, scale=scale, same=torch.from_numpy(same))
    return loss + margin_penalty((seen * (true - swapped)).sum(1), private)


def margin_penalty(margins: Tensor, private: PrivateBinding) -> Tensor:
    """What it costs that pictures prefer true to swapped captions, or the reverse: [scene] -> []."""
    return private.mean_margin_weight * margins.mean() ** 2 + private.margin_weight * (margins**2).mean()


def encode_captions(model: "CLIP", objects: Ids, wording: Wording) -> Tensor:
    """Unit vectors [scene, dim] of the full captions of ``objects`` [scene, object, concept]."""
    return normalize(encode_ids(model, caption_ids(objects, wording)), dim=-1)


def exchanged(pairs: Ids) -> Ids:
    """Scenes of two objects [scene, 2, concept] after these have exchanged their shapes."""
    after = pairs.copy()
    after[..., -1] = pairs[:, ::-1, -1]
    return after


def without_shared_values(objects: Ids) -> np.ndarray:
    """Which scenes [scene, object, concept] have two objects or more and no value twice: [scene]."""
    apart = (np.diff(np.sort(objects, axis=1), axis=1) != 0).all(axis=(1, 2))
    return np.asarray(apart & (objects.shape[1] > 1))


def bag_keys(objects: Ids) -> Ids:
    """What a scene's concepts are, whoever owns them: [scene, object, concept] -> [scene, concept x largest count]."""
    values = np.sort(objects, axis=1)
    return np.concatenate([wide(values[..., concept]) for concept in range(values.shape[2])], axis=1)
