"""Controlled training, and the phase diagram over coverage and size of the object space."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Response

from bindscope.api.dependencies import Parts
from bindscope.core.errors import Conflict
from bindscope.features.jobs.schemas import JobModel
from bindscope.features.jobs.wire import accepted
from bindscope.features.trainings.schemas import (
    PhaseOverview,
    PhasePresetModel,
    PhaseRequest,
    TrainingOverview,
    TrainingPreset,
    TrainingRequest,
    TrainingRun,
)
from bindscope.features.trainings.service import cell_of
from bindscope.scenes.controlled import NOT_RUN, PHASE_PRESETS, PRESET_NOTES, PRESETS

router = APIRouter(prefix="/v1", tags=["long work"])


@router.get("/trainings")
def list_trainings(parts: Parts) -> TrainingOverview:
    """Presets, and the finished runs of this installation."""
    return TrainingOverview(
        presets=[
            TrainingPreset(name=name, config=asdict(preset), note=PRESET_NOTES[name], measured=name not in NOT_RUN)
            for name, preset in PRESETS.items()
        ],
        runs=[TrainingRun.model_validate(run) for run in parts.runs.finished()],
    )


@router.post("/trainings", status_code=202)
def start_training(body: TrainingRequest, parts: Parts, response: Response) -> JobModel:
    """Starts a training, or finds the job that does it already. The finished run is a model, ``controlled:RUN``."""
    return accepted(parts.jobs.submit("training", {"config": asdict(body.config)}), response)


@router.delete("/trainings/{run}", status_code=204)
def delete_run(run: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")], parts: Parts) -> Response:
    """Deletes the files of a run; its model is gone after that, and the same training starts from its first step."""
    busy = parts.jobs.at_work_on(run)
    if busy is not None:
        raise Conflict(f"Run {run} is being trained by job {busy}: cancel it before you delete the run.")
    definition = parts.runs.delete(run)
    parts.jobs.forget_run(run, [cell_of(kind, definition).key for kind in ("training", "phase")])
    parts.models.forget(f"controlled:{run}")
    return Response(status_code=204)


@router.get("/phase-diagrams")
def list_phase_presets() -> PhaseOverview:
    """Named diagrams."""
    return PhaseOverview(
        presets=[
            PhasePresetModel(
                name=name,
                spaces=list(preset.spaces),
                coverages=list(preset.coverages),
                seeds=list(preset.seeds),
                config=asdict(preset.config),
                note=preset.note,
                measured=preset.measured,
            )
            for name, preset in PHASE_PRESETS.items()
        ]
    )


@router.post("/phase-diagrams", status_code=202)
def start_phase_diagram(body: PhaseRequest, parts: Parts, response: Response) -> JobModel:
    """Starts one training for every space, coverage and seed, or finds the job that does them already."""
    request = {**body.model_dump(mode="json", exclude={"config"}), "config": asdict(body.config)}
    return accepted(parts.jobs.submit("phase_diagram", request), response)
