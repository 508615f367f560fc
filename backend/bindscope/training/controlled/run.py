"""The state of one controlled training: model, optimiser, data and history, and one step of it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bindscope.encoders.checksummed import Sealed
from bindscope.models.controlled import build_model
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.controlled import ControlledConfig
from bindscope.scenes.labels import SceneLabels
from bindscope.training.controlled.binding import closed_scenes
from bindscope.training.controlled.checkpoints import optimizer_tensors, restore_optimizer
from bindscope.training.controlled.data import Batch, SceneSampler, object_partition, scenes_of
from bindscope.training.controlled.evaluation import (
    QueryVectors,
    Tick,
    encode_all_queries,
    encode_scenes,
    labels_of,
    recognition,
)
from bindscope.training.controlled.objectives import batch_loss
from bindscope.training.controlled.scenes import SceneInputs, scene_form

#: What an evaluation measures, beside the loss since the last one.
FIGURES = ("seen_object", "seen_concepts", "unseen_object", "unseen_concepts")


@dataclass
class Course:
    """How far a run has come. ``best`` is the highest figure on validation objects, its step ``best_step``."""

    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float | None]] = field(default_factory=list)
    best: tuple[float, float, float] | None = None
    best_step: int = 0
    losses: int = 0


@dataclass(frozen=True, eq=False)
class SceneSet:
    """Scenes of one number of objects, ready to be judged."""

    inputs: SceneInputs
    labels: SceneLabels


class Run:
    """Everything that a training holds. The same config and space give the same run."""

    def __init__(self, config: ControlledConfig, space: ConceptSpace, *, device: str) -> None:
        self.config, self.space, self.device = config, space, torch.device(device)
        self.partition = object_partition(space, coverage=config.coverage, seed=config.seed)
        self.model = build_model(config, space.values).to(self.device)
        self.optimizer = _optimizer(self.model, config, self.device)
        self.form = scene_form(space, config, self.model.alphabet)
        self.sampler = SceneSampler(config, self.model.alphabet, self.partition.train)
        self.course = Course()
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        self._seen = self.scenes(self.partition.train, config.evaluation_scenes)
        self._validation = self.scenes(self.partition.validation, config.evaluation_scenes)

    def step(self) -> None:
        """One optimiser step."""
        config, course = self.config, self.course
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * schedule(course.step, config)
        batch = self.sampler.draw()
        inputs = self.form.inputs(batch.groups, self.sampler.generator)
        with self._precision():
            loss = batch_loss(self.model, self._placed(batch), self.model.encode_scenes(self._moved(inputs)))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.loss_sum += loss.detach()
        course.losses += 1
        course.step += 1

    def evaluate(self, *, tick: Tick) -> bool:
        """Adds the figures at this step to the history. True where they are the best on validation objects so far."""
        course = self.course
        queries = encode_all_queries(self.model, tick=tick)
        seen = self.judge(self._seen, queries, tick=tick)
        unseen = self.judge(self._validation, queries, tick=tick)
        loss = float(self.loss_sum) / course.losses if course.losses else None
        figures = dict(zip(FIGURES, (*seen, *unseen), strict=True))
        course.history.append({"step": course.step, "loss": loss, **figures})
        self.loss_sum.zero_()
        course.losses = 0
        # Few validation objects leave many ties: then seen objects decide, and of equal checkpoints the later one.
        value = (figures["unseen_object"], figures["unseen_concepts"], figures["seen_object"])
        better = course.best is None or value >= course.best
        if better:
            course.best, course.best_step = value, course.step
        return better

    def due(self) -> bool:
        """Whether this step's evaluation is still to be done."""
        course = self.course
        done = bool(course.history) and course.history[-1]["step"] == course.step
        return not done and (course.step % self.config.evaluate_every == 0 or course.step == self.config.steps)

    def scenes(self, objects: NDArray[np.int64], number: int) -> SceneSet:
        """Scenes with the most objects that the config allows, all from ``objects``."""
        return self._set(scenes_of(objects, self.config.objects, number=number, seed=self.config.seed))

    def closed(self, objects: NDArray[np.int64]) -> SceneSet | None:
        """Scenes from ``objects`` whose swaps are made of ``objects`` too, with these; None where there are none."""
        ids = closed_scenes(objects, self.space, count=self.config.objects, seed=self.config.seed)
        return None if ids is None else self._set(ids)

    def _set(self, ids: NDArray[np.int64]) -> SceneSet:
        generator = torch.Generator().manual_seed(self.config.seed)
        inputs = self.form.inputs([torch.from_numpy(ids)], generator)
        return SceneSet(inputs, labels_of(ids, self.space.values, self.space.names))

    def judge(self, scenes: SceneSet, queries: QueryVectors, *, tick: Tick) -> tuple[float, float]:
        """Shares of scenes whose objects, and whose concepts, are recognised."""
        found = recognition(encode_scenes(self.model, scenes.inputs, tick=tick), queries, scenes.labels, tick=tick)
        return float(found.object.mean()), float(found.concepts.mean())

    def checkpoint(self) -> Sealed:
        """All that ``restore`` needs."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= optimizer_tensors(self.optimizer)
        tensors |= {"generator": self.sampler.generator.get_state(), "loss_sum": self.loss_sum}
        return Sealed(tensors, asdict(self.course))

    def restore(self, checkpoint: Sealed) -> None:
        """Goes on where ``checkpoint`` was taken."""
        own = {k.removeprefix("model."): v for k, v in checkpoint.tensors.items() if k.startswith("model.")}
        self.model.load_state_dict(own)
        restore_optimizer(self.optimizer, checkpoint.tensors)
        self.sampler.generator.set_state(checkpoint.tensors["generator"])
        self.loss_sum = checkpoint.tensors["loss_sum"].to(self.device)
        self.course = Course(**checkpoint.facts)
        self.course.best = _as_value(checkpoint.facts["best"])

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast("cuda", dtype=torch.bfloat16, enabled=self.device.type == "cuda")

    def _placed(self, batch: Batch) -> Batch:
        groups = [group.to(self.device) for group in batch.groups]
        return Batch(groups, *(part.to(self.device) for part in (batch.weights, batch.values, batch.objects)))

    def _moved(self, inputs: SceneInputs) -> SceneInputs:
        return inputs.to(self.device) if isinstance(inputs, Tensor) else [part.to(self.device) for part in inputs]


def schedule(step: int, config: ControlledConfig) -> float:
    """Share of the learning rate at ``step`` (from 0): linear warm-up, then a line down to 0."""
    warm = config.warmup * config.steps
    if step < warm:
        return (step + 1) / (warm + 1)
    return (config.steps - step) / max(1.0, config.steps - warm)


def _optimizer(model: torch.nn.Module, config: ControlledConfig, device: torch.device) -> torch.optim.Optimizer:
    plain = [p for p in model.parameters() if p.ndim < 2]
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, config.beta2), fused=True)


def _as_value(best: Sequence[float] | None) -> tuple[float, float, float] | None:
    return None if best is None else (best[0], best[1], best[2])
