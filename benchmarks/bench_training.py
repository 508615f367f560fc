"""Controlled training against the published loop written plainly, at equal settings and in one run: seconds a step.

The plain loop follows the published description: labels by a nested loop over scenes and values with a look-up in a
tensor, a draw for each scene, scenes padded to full length, ``torch.nn.TransformerEncoder`` on all tokens,
Xavier-uniform matrices, AdamW. Both sides see batches of the same kind: up to two objects, at most 64 objects of the
batch queried, one swap negative a scene, any object as a negative. At the published size nearly all time goes into
matrix products at the core's peak, on both sides: only tokens that need not be computed can be saved there. Prints
JSON lines.
"""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from math import log

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, normalize

from benchmarks.published import say
from bindscope.models.transformer import sinusoids
from bindscope.scenes.concepts import ConceptSpace, grid_space
from bindscope.scenes.controlled import PRESETS, ControlledConfig
from bindscope.training.controlled.run import Run

PUBLISHED = replace(PRESETS["published"], space="grid-2x20", coverage=0.8)
SMALL = replace(PUBLISHED, width=64, layers=2, feedforward=256, batch=256)
#: Settings, and timed steps of each side.
CASES = (("width 64, 2 layers, batch 256", SMALL, 20), ("published, width 256, 6 layers, batch 512", PUBLISHED, 3))
ROUNDS = 3


class PlainEncoder(nn.Module):
    """Padded tokens [sequence, token] to vectors [sequence, dim], read at the last token that is no padding."""

    positions: Tensor

    def __init__(self, config: ControlledConfig, tokens: int, length: int) -> None:
        super().__init__()
        self.pad = tokens - 1
        self.embed = nn.Embedding(tokens, config.width)
        layer = nn.TransformerEncoderLayer(
            config.width,
            config.heads,
            config.feedforward,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.body = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.head = nn.Linear(config.width, config.dim)
        self.register_buffer("positions", sinusoids(length, config.width), persistent=False)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        padding = tokens == self.pad
        x = self.body(self.embed(tokens) + self.positions[: tokens.shape[1]], src_key_padding_mask=padding)
        last = (~padding).sum(1) - 1
        vectors: Tensor = self.head(x[torch.arange(len(x)), last])
        return vectors


class PlainLoop:
    """The published training, one step at a time."""

    def __init__(self, config: ControlledConfig, space: ConceptSpace, train: list[int]) -> None:
        self.config, self.values, self.train = config, space.values, train
        self.offsets = [sum(space.values[:k]) for k in range(len(space.values))]
        self.count = sum(space.values)
        self.length = (len(space.values) + 2) * config.objects + 1
        torch.manual_seed(config.seed)
        self.random = random.Random(config.seed)
        self.scenes = PlainEncoder(config, self.count + 4, self.length)
        self.queries = PlainEncoder(config, self.count + 4, self.length)
        self.log_scale = nn.Parameter(torch.tensor(log(config.start_scale)))
        parameters = [*self.scenes.parameters(), *self.queries.parameters(), self.log_scale]
        self.optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)

    def step(self) -> None:
        scenes = [self._scene() for _ in range(self.config.batch)]
        tokens = torch.tensor([self._padded(self._scene_tokens(scene)) for scene in scenes])
        values = self._queried_values(scenes)
        objects = self._queried_objects(scenes)
        asked = (
            torch.tensor([[value, self.count + 2] for value in values]),
            torch.tensor([self._scene_tokens([self._tuple(number)]) for number in objects]),
        )
        queries = normalize(torch.cat([self.queries(part) for part in asked]), dim=-1)
        scale = self.log_scale.exp().clamp(max=self.config.max_scale)
        scores = scale * normalize(self.scenes(tokens), dim=-1) @ queries.T
        loss = self._loss(scores[:, : len(values)], self._value_labels(scenes, values))
        loss = loss + self._loss(scores[:, len(values) :], self._object_labels(scenes, objects))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def _scene(self) -> list[tuple[int, ...]]:
        count = self.random.randint(1, self.config.objects)
        return [self._tuple(self.random.choice(self.train)) for _ in range(count)]

    def _queried_values(self, scenes: list[list[tuple[int, ...]]]) -> list[int]:
        present = {o + v for scene in scenes for obj in scene for o, v in zip(self.offsets, obj, strict=True)}
        return self.random.sample(sorted(present), min(len(present), self.config.queries))

    def _queried_objects(self, scenes: list[list[tuple[int, ...]]]) -> list[int]:
        present = sorted({self._number(obj) for scene in scenes for obj in scene})
        found = set(self.random.sample(present, min(len(present), self.config.queries)))
        for scene in scenes:
            if len(scene) > 1:
                own, other = self.random.sample(scene, 2)
                concept = self.random.randrange(len(own))
                found.add(self._number(tuple(other[k] if k == concept else own[k] for k in range(len(own)))))
        return sorted(found)

    def _value_labels(self, scenes: list[list[tuple[int, ...]]], values: list[int]) -> Tensor:
        """Each scene and each value in turn: is the value among the scene's tokens?"""
        labels = torch.zeros(len(scenes), len(values))
        for row, scene in enumerate(scenes):
            held = torch.tensor([o + v for obj in scene for o, v in zip(self.offsets, obj, strict=True)])
            for column, value in enumerate(values):
                if value in held:
                    labels[row, column] = 1.0
        return labels

    def _object_labels(self, scenes: list[list[tuple[int, ...]]], objects: list[int]) -> Tensor:
        labels = torch.zeros(len(scenes), len(objects))
        place = {number: column for column, number in enumerate(objects)}
        for row, scene in enumerate(scenes):
            for obj in scene:
                column = place.get(self._number(obj))
                if column is not None:
                    labels[row, column] = 1.0
        return labels

    def _loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        active = labels.sum(1) > 0
        targets = labels[active] / labels[active].sum(1, keepdim=True)
        return -(targets * log_softmax(scores[active], dim=1)).sum(1).mean()

    def _scene_tokens(self, scene: list[tuple[int, ...]]) -> list[int]:
        tokens: list[int] = []
        for obj in scene:
            tokens += [self.count, *(o + v for o, v in zip(self.offsets, obj, strict=True)), self.count + 1]
        return [*tokens, self.count + 2]

    def _padded(self, tokens: list[int]) -> list[int]:
        return tokens + [self.count + 3] * (self.length - len(tokens))

    def _tuple(self, number: int) -> tuple[int, ...]:
        out: list[int] = []
        for size in reversed(self.values):
            number, digit = divmod(number, size)
            out.append(digit)
        return tuple(reversed(out))

    def _number(self, obj: tuple[int, ...]) -> int:
        number = 0
        for value, size in zip(obj, self.values, strict=True):
            number = number * size + value
        return number


def _seconds(step: Callable[[], None], steps: int) -> float:
    # Of the processor: one thread runs, and what else the machine does must not count.
    start = time.process_time()
    for _ in range(steps):
        step()
    return (time.process_time() - start) / steps


def main() -> None:
    """Rounds take turns, so that both sides meet the same machine; the best round of each counts."""
    torch.set_num_threads(1)
    for name, config, steps in CASES:
        space = grid_space(config.space)
        assert space is not None
        ours = Run(config, space, device="cpu")
        plain = PlainLoop(config, space, ours.partition.train.tolist())
        for side in (plain.step, ours.step):
            side()
        rounds = [(_seconds(plain.step, steps), _seconds(ours.step, steps)) for _ in range(ROUNDS)]
        published, own = (min(column) for column in zip(*rounds, strict=True))
        say(f"training step, {name}, plain loop", round(published, 4), "s")
        say(f"training step, {name}", round(own, 4), "s")
        say(f"training, times faster than the plain loop, {name}", round(published / own, 2), "x", aim=">= 3x")


if __name__ == "__main__":
    main()
