"""Controlled training and the phase diagram over it as jobs: one cell a training (docs/methods/trainings.md)."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from bindscope import __version__
from bindscope.core.errors import InvalidInput
from bindscope.features.trainings.phase_figures import courses, points, relations, shown
from bindscope.features.trainings.run_products import PRODUCT_COVERAGE, PRODUCT_SCENES, run_products
from bindscope.jobs.kind import Desk, Fields, Plan, counted, digest, plain
from bindscope.jobs.worker import Cell, Workplace
from bindscope.scenes.controlled import ControlledConfig, run_definition
from bindscope.services.container import Services
from bindscope.services.spaces import SpaceRepository

if TYPE_CHECKING:
    from bindscope.training.controlled.results import Progress, RunResult

#: Go up when equal settings give other runs, and when the fits of their embeddings change.
_VERSION, _FIT_VERSION = 2, 5
#: Share of a worker's memory that one run may take.
_SHARE = 0.8


class TrainingSweep:
    """Requests hold ``config``."""

    name = "training"
    work = "bindscope.features.trainings.service:train"
    gpu = True

    def __init__(self, parts: Services) -> None:
        self._spaces, self._memory = parts.spaces, parts.worker_memory()

    def title(self, request: Fields) -> str:
        """A line for people."""
        config = ControlledConfig(**request["config"])
        return f"Training on {config.space} ({config.inputs}), coverage {config.coverage:g}, {config.steps:,} steps"

    def identity(self, request: Fields) -> Fields:
        """The definition of the run. Raises UnknownName, InvalidInput."""
        run = definition(self._spaces, ControlledConfig(**request["config"]), memory=self._memory)
        return {"run": run, "version": _version("training")}

    def prepare(self, request: Fields, desk: Desk) -> Plan:
        """One cell."""
        return Plan([cell_of("training", self.identity(request)["run"])])

    def grouped(self, cells: Sequence[Cell]) -> list[tuple[Cell, ...]]:
        """Each for itself."""
        return [(cell,) for cell in cells]

    def result(self, facts: Fields, cells: Sequence[tuple[Fields, Fields]]) -> Fields:
        """The one run."""
        spec, result = cells[0]
        return {"config": spec["config"], **shown(result)}


class PhaseSweep:
    """Requests hold ``spaces``, ``coverages``, ``seeds`` and ``config``."""

    name = "phase_diagram"
    work = "bindscope.features.trainings.service:train_and_fit"
    gpu = True

    def __init__(self, parts: Services) -> None:
        self._spaces, self._memory = parts.spaces, parts.worker_memory()

    def title(self, request: Fields) -> str:
        """A line for people."""
        spaces = ", ".join(request["spaces"])
        sizes = f"{counted(request['coverages'], 'coverage')}, {counted(request['seeds'], 'seed')}"
        return f"Phase diagram: {spaces}; {sizes}"

    def identity(self, request: Fields) -> Fields:
        """The definitions of all runs. Raises UnknownName, InvalidInput."""
        runs = [definition(self._spaces, config, memory=self._memory) for config in configs_of(request)]
        return {"runs": runs, "version": _version("phase")}

    def prepare(self, request: Fields, desk: Desk) -> Plan:
        """One cell a run; the large ones first, so that no worker is left alone with one in the end."""
        return Plan([cell_of("phase", run) for run in self.identity(request)["runs"]])

    def grouped(self, cells: Sequence[Cell]) -> list[tuple[Cell, ...]]:
        """Each for itself; those with most objects first, so that no worker is left alone with one in the end."""
        return [(cell,) for cell in sorted(cells, key=lambda cell: -cell.spec["objects"])]

    def result(self, facts: Fields, cells: Sequence[tuple[Fields, Fields]]) -> Fields:
        """The finished runs in the order of the request, what the seeds of each space and coverage show together, and
        what all runs do."""
        runs = [
            {**{name: spec["config"][name] for name in ("space", "coverage", "seed")}, **result}
            | {"objects": spec["objects"]}
            for spec, result in cells
        ]
        return {
            "cells": [shown(run) for run in runs],
            "points": points(runs),
            "courses": courses(runs),
            "relations": relations(runs),
        }


def configs_of(request: Fields) -> list[ControlledConfig]:
    """Each training once, spaces slowest."""
    shared = ControlledConfig(**request["config"])
    every = (
        replace(shared, space=space, coverage=coverage, seed=seed)
        for space in request["spaces"]
        for coverage in request["coverages"]
        for seed in request["seeds"]
    )
    return list(dict.fromkeys(every))


def definition(spaces: SpaceRepository, config: ControlledConfig, *, memory: int | None) -> Fields:
    """What the run is, once it is known that it can be. Raises UnknownName, InvalidInput."""
    from bindscope.training.controlled.train import check_partition, memory_needed

    space = spaces.get(config.space)
    if config.inputs == "images" and not space.renderable:
        raise InvalidInput(f"Space {space.name!r} cannot be drawn: take inputs tokens, or a space such as shapes2d.")
    needed = memory_needed(config, space)
    if memory is not None and needed > _SHARE * memory:
        raise InvalidInput(
            f"This run on {space.object_count:,} objects needs about {needed / 2**30:,.1f} GiB of memory and each "
            f"worker of this machine has {memory / 2**30:.1f}: take a smaller space, batch or model, fewer workers "
            "(BINDSCOPE_WORKERS), or a cluster with more."
        )
    check_partition(space, coverage=config.coverage)
    return json.loads(json.dumps(run_definition(config, space)))  # type: ignore[no-any-return]


def cell_of(kind: str, run: Fields) -> Cell:
    """The cell of one run; the run itself has the same id in a training and in a diagram."""
    objects = 1
    for values in run["space"]["concepts"].values():
        objects *= len(values)
    spec = {"config": run["config"], "objects": objects, "run": run_id(run), "definition": run}
    return Cell(digest(kind, _version(kind), run), spec)


def _version(kind: str) -> Fields:
    """What changes the numbers of equal requests."""
    fit = {"fit": [_FIT_VERSION, PRODUCT_COVERAGE, PRODUCT_SCENES]} if kind == "phase" else {}
    return {"training": [__version__, _VERSION], **fit}


def run_id(run: Fields) -> str:
    """Sixteen hexadecimal characters that name the run of a definition."""
    return digest("run", __version__, _VERSION, run)[:16]


def train(place: Workplace, cells: Sequence[Cell]) -> Iterator[Fields]:
    """Work: one training, from its last checkpoint on."""
    for cell in cells:
        yield _trained(place, cell)


def train_and_fit(place: Workplace, cells: Sequence[Cell]) -> Iterator[Fields]:
    """Work: one training, and how well the global product predicts its embeddings of unseen objects."""
    for cell in cells:
        result = _trained(place, cell)
        place.report(cell, step=result["steps"], steps=result["steps"], seconds=result["seconds"])
        yield {**result, "product": run_products(place, cell)}


def _trained(place: Workplace, cell: Cell) -> Fields:
    from bindscope.scenes.controlled import read_definition
    from bindscope.training.controlled.train import train_controlled

    config, space = read_definition(cell.spec["definition"])
    run = cell.spec["run"]

    def report(progress: "Progress") -> None:
        place.tick()
        if progress.loss is not None and not math.isfinite(progress.loss):
            raise InvalidInput(
                f"The loss is no longer a number at step {progress.step:,}: take a lower learning_rate than "
                f"{config.learning_rate:g}, or a longer warm-up."
            )
        figures = progress.figures or {}
        place.report(
            cell,
            step=progress.step,
            steps=progress.steps,
            seconds=progress.seconds,
            loss=progress.loss,
            **figures,
        )

    result = train_controlled(
        config, space, folder=place.artifacts.folder("runs", run), device=place.device, report=report
    )
    return {"run": run, "model": f"controlled:{run}", **_plain(result)}


def _plain(result: "RunResult") -> Fields:
    fields: Fields = asdict(result)
    n = fields["unseen"]["object"]["n"]
    fields["chance"] = {name: {"value": v, "low": v, "high": v, "n": n} for name, v in fields["chance"].items()}
    fields["partition"] = fields.pop("objects")
    return plain(fields)


def start(parts: Services) -> None:
    """Says how this work is done."""
    parts.jobs.register(TrainingSweep(parts))
    parts.jobs.register(PhaseSweep(parts))
