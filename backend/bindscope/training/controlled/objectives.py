"""The loss of controlled training: soft cross-entropy over concept queries and over object queries."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from bindscope.models.controlled import ControlledModel
from bindscope.models.tokens import TokenAlphabet
from bindscope.training.controlled.data import Batch


def object_labels(groups: Sequence[Tensor], objects: Tensor) -> Tensor:
    """Which queried objects [object] each scene of the groups holds: bool [scene, object]."""
    return torch.cat([(group[:, :, None] == objects).any(1) for group in groups])


def value_labels(groups: Sequence[Tensor], values: Tensor, alphabet: TokenAlphabet) -> Tensor:
    """Which queried values (tokens [value]) each scene of the groups holds: bool [scene, value]."""
    labels = []
    for group in groups:
        held = torch.zeros((len(group), alphabet.value_count), dtype=torch.bool, device=group.device)
        held.scatter_(1, alphabet.value_tokens(group).flatten(1), True)
        labels.append(held[:, values])
    return torch.cat(labels)


def soft_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy with targets uniform over each row's true ``labels`` [scene, query], weighted mean over the rows
    that have one."""
    present = labels.sum(1)
    weight = weights * (present > 0)
    held = (log_softmax(logits, dim=1) * labels).sum(1) / present.clamp(min=1)
    return -(weight * held).sum() / weight.sum().clamp(min=1)


def batch_loss(model: ControlledModel, batch: Batch, scenes: Tensor) -> Tensor:
    """Concept loss plus object loss. ``scenes`` are the unit vectors [scene of all groups, dim] of the batch."""
    alphabet = model.alphabet
    queries = model.encode_queries([alphabet.concept_queries(batch.values), alphabet.object_queries(batch.objects)])
    # Reduced precision ends here: differences between scores are small beside the scores.
    scores = model.scale * (scenes.float() @ queries.float().T)
    count = len(batch.values)
    concepts = value_labels(batch.groups, batch.values, alphabet)
    objects = object_labels(batch.groups, batch.objects)
    return soft_cross_entropy(scores[:, :count], concepts, batch.weights) + soft_cross_entropy(
        scores[:, count:], objects, batch.weights
    )
