"""Finished runs of controlled training, as their files say. Nothing heavy is imported here."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from bindscope.core.errors import InvalidInput, ModelUnavailable, UnknownName
from bindscope.encoders.settings import RunFiles
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.controlled import ControlledConfig, read_definition

CONFIG, MODEL, RESULT = "config.json", "model.safetensors", "result.json"


@dataclass(frozen=True)
class TrainedRun:
    """What was trained, and on which space."""

    id: str
    config: ControlledConfig
    space: ConceptSpace


def listed(runs: RunFiles | None) -> Iterator[TrainedRun]:
    """All finished runs; those whose files are damaged are left out."""
    if runs is None:
        return
    for run_id in runs.ids():
        try:
            yield described(runs, run_id)
        except (InvalidInput, ModelUnavailable):
            continue


def described(runs: RunFiles, run_id: str) -> TrainedRun:
    """The finished run ``run_id``. Raises UnknownName, ModelUnavailable where it has not finished."""
    definition = runs.read(run_id, CONFIG)
    try:
        # Written last: a run without it is still training, or was stopped.
        runs.read(run_id, RESULT)
    except UnknownName:
        raise ModelUnavailable(f"Run {run_id!r} has not finished: resume it, then it is a model.") from None
    try:
        config, space = read_definition(json.loads(definition))
    except ValueError as error:
        raise ModelUnavailable(f"The settings of run {run_id!r} cannot be read: delete it and train again.") from error
    return TrainedRun(run_id, config, space)
