"""What a controlled training reports while it runs, what it reached, and the vectors of a finished one."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bindscope.analysis.metrics import Interval
from bindscope.core.errors import InvalidInput
from bindscope.encoders.checksummed import unpack
from bindscope.encoders.trained_runs import CONFIG, MODEL, RESULT
from bindscope.models.controlled import build_model
from bindscope.scenes.controlled import read_definition
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.scene import slots
from bindscope.store.artifacts import ArtifactFolder
from bindscope.training.controlled.evaluation import encode_scenes
from bindscope.training.controlled.scenes import SceneInputs, draw_pictures


@dataclass(frozen=True)
class Progress:
    """One report. ``loss`` is the mean since the last one, None before the first step; ``seconds`` counts earlier
    sessions of the run as well; ``figures`` (``seen_object`` ... ``unseen_concepts``, on validation objects) come with
    each evaluation."""

    step: int
    steps: int
    loss: float | None
    seconds: float
    step_seconds: float
    figures: dict[str, float] | None = None


@dataclass(frozen=True)
class RunResult:
    """What a run reached, at its best checkpoint. All scenes have the most objects that the config allows.

    ``binding`` is the headline: the paired forced choice of the run's object queries on scenes made only of test
    objects, whose swaps are made of test objects too; ``seen_binding`` the same of training objects. Each is a
    ``Binding`` as plain fields, n counts objects where they are fewer than bags, and ``bags`` (``unseen``, ``seen``)
    holds what a figure over several runs takes. ``seen`` and ``unseen`` are strict recognition, against all values and
    all |O| objects; ``chance`` is what random scores would reach on the unseen ones, ``object_chance`` all levels of
    object recognition where a swap exists."""

    history: list[dict[str, float | None]]
    seen: dict[str, Interval]
    unseen: dict[str, Interval]
    chance: dict[str, float]
    object_chance: dict[str, float | None]
    binding: dict[str, Any]
    seen_binding: dict[str, Any]
    bags: dict[str, dict[str, Any]]
    objects: dict[str, int]
    best_step: int
    steps: int
    seconds: float
    parameters: int
    device: str


def finished_run(folder: ArtifactFolder) -> RunResult | None:
    """The result of the run in ``folder``; None where it is not finished."""
    if RESULT not in folder.names():
        return None
    data = json.loads(folder.read(RESULT))
    for name in ("seen", "unseen"):
        data[name] = {key: Interval(**value) for key, value in data[name].items()}
    return RunResult(**data)


def scene_vectors(folder: ArtifactFolder, labels: SceneLabels) -> NDArray[np.float32]:
    """Unit vectors [scene, dim] of a finished run's scene encoder; pictures show the objects in their slots.

    Raises InvalidInput for labels of another space, ModelUnavailable for damaged files.
    """
    config, space = read_definition(json.loads(folder.read(CONFIG)))
    if labels.values != space.values or labels.slots > config.objects:
        raise InvalidInput(
            f"The run knows scenes of at most {config.objects} objects with {list(space.values)} values, got "
            f"{labels.slots} objects with {list(labels.values)}."
        )
    model = build_model(config, space.values)
    model.load_state_dict(dict(unpack(folder.read(MODEL), what="model of this run").tensors))
    inputs: SceneInputs
    if config.inputs == "tokens":
        inputs = [model.alphabet.scenes(torch.from_numpy(labels.object_ids))]
    else:
        places = np.broadcast_to(np.array(slots(labels.slots)), (len(labels), labels.slots, 3))
        inputs = torch.from_numpy(draw_pictures(space, labels.object_ids, places=places, pixels=config.pixels))
    vectors: NDArray[np.float32] = encode_scenes(model, inputs, tick=lambda: None).numpy()
    return vectors
