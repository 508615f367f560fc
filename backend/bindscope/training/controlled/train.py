"""Controlled training: scenes of some objects are shown, scenes of the others are judged (docs/methods/trainings.md).

``train_controlled`` reads top to bottom. Files of a run: ``config.json`` (settings and space),
``checkpoint.safetensors`` (resumes to the same next step), ``best-STEP.safetensors`` (best on validation objects at
that step), ``model.safetensors`` (the best of them at the end) and ``result.json``, written last. Two processes may
train one run in one folder: each ends on the best step of its own course, and the first to finish is believed.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bindscope.analysis.binding import BagScores, Pairs, binding_of, strict_chance
from bindscope.analysis.readings import recognition_over_bags
from bindscope.analysis.verdict import chance
from bindscope.core.errors import Cancelled, Conflict, InvalidInput
from bindscope.encoders.checksummed import Sealed, pack, unpack
from bindscope.encoders.trained_runs import CONFIG, MODEL, RESULT
from bindscope.models.controlled import ControlledModel, build_model
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.controlled import ControlledConfig, run_definition
from bindscope.store.artifacts import ArtifactFolder
from bindscope.training.controlled.binding import BoundScores, bound_scores
from bindscope.training.controlled.data import check_partition, object_partition
from bindscope.training.controlled.evaluation import QueryVectors, encode_all_queries, encode_scenes, recognition
from bindscope.training.controlled.memory import memory_needed
from bindscope.training.controlled.results import Progress, RunResult, finished_run, scene_vectors
from bindscope.training.controlled.run import FIGURES, Run

__all__ = [
    "Progress",
    "RunResult",
    "check_partition",
    "finished_run",
    "memory_needed",
    "object_partition",
    "scene_vectors",
    "train_controlled",
]

Report = Callable[[Progress], None]

_REPORT_SECONDS = 0.25
_CHECKPOINT = "checkpoint.safetensors"


def train_controlled(
    config: ControlledConfig,
    space: ConceptSpace,
    *,
    folder: ArtifactFolder,
    device: str = "cpu",
    report: Report,
    resume: bool = True,
) -> RunResult:
    """Trains one run in ``folder``, or goes on with the one that is there; a finished run is returned at once.

    ``report`` is called several times a second and may raise ``Cancelled``: the state is then kept, and the next call
    takes the same next step. Raises InvalidInput, Conflict (the folder holds another run), ModelUnavailable (damaged
    checkpoint).
    """
    if space.name != config.space:
        raise InvalidInput(f"The config asks for space {config.space!r}, but space {space.name!r} was given.")
    _claim(folder, config, space, resume=resume)
    done = finished_run(folder)
    if done is not None:
        return done
    run = Run(config, space, device=_device(device))
    if _CHECKPOINT in folder.names():
        run.restore(unpack(folder.read(_CHECKPOINT), what="checkpoint of this run"))
    reporter = _Reporter(run, report)
    try:
        _train(run, folder, reporter)
        result = _final(run, folder, reporter)
    except Cancelled:
        _keep(run, folder, reporter)
        raise
    return result


def _train(run: Run, folder: ArtifactFolder, reporter: "_Reporter") -> None:
    config, course = run.config, run.course
    while True:
        if run.due():
            if RESULT in folder.names():
                return  # somebody else has finished the same run
            before = course.best_step
            if run.evaluate(tick=reporter.tick):
                folder.write(_best(course.best_step), _weights(run))
                _keep(run, folder, reporter)
                if before != course.best_step:
                    folder.remove(_best(before))
            reporter.tell(course.history[-1])
        if course.step >= config.steps:
            return
        run.step()
        if course.step % config.checkpoint_every == 0:
            _keep(run, folder, reporter)
        reporter.tick()


class _Reporter:
    """Calls ``report`` now and then, by the clock, and keeps the time of the run."""

    def __init__(self, run: Run, report: Report) -> None:
        self._run, self._report = run, report
        self._before, self._start = run.course.seconds, time.perf_counter()
        self._last, self._step = self._start, run.course.step
        self._loss: float | None = None
        self._pace = 0.0

    @property
    def seconds(self) -> float:
        return self._before + time.perf_counter() - self._start

    def tick(self) -> None:
        """A report, if the last one is old enough."""
        if time.perf_counter() - self._last >= _REPORT_SECONDS:
            self.tell(None)

    def tell(self, figures: dict[str, float | None] | None) -> None:
        """A report at once, with the figures of an evaluation where there was one."""
        course, now = self._run.course, time.perf_counter()
        if course.step > self._step:
            self._pace = (now - self._last) / (course.step - self._step)
        if figures is not None:
            self._loss = figures["loss"]
        elif course.losses:
            self._loss = float(self._run.loss_sum) / course.losses
        self._last, self._step = now, course.step
        shown = None if figures is None else {name: figures[name] or 0.0 for name in FIGURES}
        self._report(Progress(course.step, self._run.config.steps, self._loss, self.seconds, self._pace, shown))


def _final(run: Run, folder: ArtifactFolder, reporter: _Reporter) -> RunResult:
    """Figures of the best checkpoint on training objects and on test objects."""
    config, course = run.config, run.course
    done = finished_run(folder)
    if done is not None:
        return done
    best = unpack(folder.read(_best(course.best_step)), what="best checkpoint of this run")
    model = build_model(config, run.space.values).to(run.device)
    model.load_state_dict(dict(best.tensors))
    result = RunResult(
        history=course.history,
        **judged(run, model, tick=reporter.tick),
        best_step=course.best_step,
        steps=course.step,
        seconds=reporter.seconds,
        parameters=sum(p.numel() for p in model.parameters()),
        device=str(run.device),
    )
    folder.write(MODEL, pack(best))
    folder.write(RESULT, json.dumps(asdict(result)).encode())
    folder.remove(_best(course.best_step))
    return result


def judged(run: Run, model: ControlledModel, *, tick: Callable[[], None]) -> dict[str, Any]:
    """The figures of a ``RunResult`` that ``model`` reaches on the scenes of a run."""
    queries, partition, space = encode_all_queries(model, tick=tick), run.partition, run.space
    figures, bound, labels = {}, {}, {}
    for name, objects in (("seen", partition.train), ("unseen", partition.test)):
        scenes = run.scenes(objects, run.config.test_scenes)
        found = recognition(encode_scenes(model, scenes.inputs, tick=tick), queries, scenes.labels, tick=tick)
        rows, pairs = np.arange(len(scenes.labels)), Pairs.of(scenes.labels)
        figures[name] = recognition_over_bags([(rows, found)], scenes.labels, pairs, units=len(objects))
        bound[name], labels[name] = _bound(run, model, queries, objects, tick=tick), scenes.labels
    swappable = labels["unseen"].take(labels["unseen"].has_valid_swap)
    return {
        **figures,
        "chance": chance(space.values, space.names, scenes=labels["unseen"].scenes),
        "object_chance": asdict(strict_chance(swappable)),
        "binding": _headline(bound["unseen"]),
        "seen_binding": _headline(bound["seen"]),
        "bags": {name: _kept(found) for name, found in bound.items()},
        "objects": {name: len(getattr(partition, name)) for name in ("train", "validation", "test")},
    }


def _bound(
    run: Run, model: ControlledModel, queries: QueryVectors, objects: NDArray[np.int64], *, tick: Callable[[], None]
) -> BoundScores:
    """The binding score of scenes of these objects; empty where none has a swap of these objects."""
    scenes = run.closed(objects)
    if scenes is None:
        return BoundScores(BagScores.merged([]), 0)
    return bound_scores(encode_scenes(model, scenes.inputs, tick=tick), queries, scenes.labels)


def _headline(found: BoundScores) -> dict[str, Any]:
    return asdict(binding_of([found.scores], units=found.objects))


def _kept(found: BoundScores) -> dict[str, Any]:
    scores = found.scores
    return {"scores": scores.scores.tolist(), "undecided": scores.undecided.tolist(), "objects": found.objects}


def _best(step: int) -> str:
    return f"best-{step}.safetensors"


def _claim(folder: ArtifactFolder, config: ControlledConfig, space: ConceptSpace, *, resume: bool) -> None:
    """Writes the definition of the run, or checks that the folder's own is the same."""
    if not resume:
        folder.delete()
    definition = run_definition(config, space)
    if CONFIG in folder.names():
        if json.loads(folder.read(CONFIG)) != definition:
            raise Conflict("The folder holds a run with other settings: take another folder, or resume=False.")
        return
    folder.write(CONFIG, json.dumps(definition, indent=1).encode())


def _keep(run: Run, folder: ArtifactFolder, reporter: _Reporter) -> None:
    run.course.seconds = reporter.seconds
    folder.write(_CHECKPOINT, pack(run.checkpoint()))


def _weights(run: Run) -> bytes:
    return pack(Sealed(run.model.state_dict(), {"step": run.course.step}))


def _device(name: str) -> str:
    if name not in ("cpu", "cuda"):
        raise InvalidInput(f"device must be cpu or cuda, got {name!r}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise InvalidInput("There is no CUDA device here: train on the cpu.")
    return name
