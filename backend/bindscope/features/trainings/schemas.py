"""Controlled training and the phase diagram over it."""

from typing import Any, Literal

from pydantic import Field, model_validator

from bindscope.core.wire import Binding, Endpoint, Recognition, RequestModel, ResponseModel, StrictChance
from bindscope.features.jobs.schemas import JobModel
from bindscope.scenes.controlled import ControlledConfig


class TrainingRequest(RequestModel):
    """One training; fields of ``config`` that are left out have their defaults."""

    config: ControlledConfig = Field(default_factory=ControlledConfig)


class TrainingResult(ResponseModel):
    """``result`` of a job of kind ``training``; ``model`` is an id for every other question.

    ``binding``: the paired forced choice of its queries between scenes made only of objects that training never saw and
    their swaps, of such objects too (chance 1/2, n counts objects where these are fewer than bags); ``seen_binding``
    the same of training objects. ``seen`` and ``unseen`` are strict recognition against all queries, beside the levels
    of ``object_chance``; all at the best step by the validation objects. ``history`` has ``step``, ``loss``,
    ``seen_object``, ``seen_concepts``, ``unseen_object`` and ``unseen_concepts`` (validation).
    """

    model: str
    run: str
    config: dict[str, Any]
    binding: Binding | None = None
    seen_binding: Binding | None = None
    seen: Recognition
    unseen: Recognition
    chance: Recognition | None = None
    object_chance: StrictChance | None = None
    best_step: int
    steps: int
    seconds: float
    parameters: int
    device: str
    history: list[dict[str, float | None]]


class TrainingPreset(ResponseModel):
    """A named config. ``note`` says what to expect; ``measured`` is false where it was never run by the project."""

    name: str
    config: dict[str, Any]
    note: str
    measured: bool = True


class TrainingRun(ResponseModel):
    """A finished training."""

    model: str
    run: str
    config: dict[str, Any]
    unseen_object: float | None
    seen_object: float | None
    binding: Binding | None = None


class TrainingOverview(ResponseModel):
    """Presets, and the finished runs of this installation."""

    presets: list[TrainingPreset]
    runs: list[TrainingRun]


class PhaseRequest(RequestModel):
    """One training for every space, coverage and seed; ``config`` holds what all of them share."""

    spaces: list[str] = Field(min_length=1, max_length=32)
    coverages: list[float] = Field(min_length=1, max_length=32)
    seeds: list[int] = Field(default=[0], min_length=1, max_length=64)
    config: ControlledConfig = Field(default_factory=ControlledConfig)

    @model_validator(mode="after")
    def _cells_exist(self) -> "PhaseRequest":
        count = len(self.spaces) * len(self.coverages) * len(self.seeds)
        if count > 2_000:
            raise ValueError(f"This asks for {count:,} trainings; one job holds at most 2,000: split it.")
        self.configs()
        return self

    def configs(self) -> list[ControlledConfig]:
        """Each training once, spaces slowest."""
        from dataclasses import replace

        every = (
            replace(self.config, space=space, coverage=coverage, seed=seed)
            for space in self.spaces
            for coverage in self.coverages
            for seed in self.seeds
        )
        return list(dict.fromkeys(every))


class ProductFit(ResponseModel):
    """Sum and global product, fitted on scenes of four fifths of ``objects`` and scored on scenes of the ``held_out``.

    ``product_share`` is the share of what the sum leaves unexplained that the product explains; ``binding`` the paired
    forced choice of the run's own queries in the product's predictions, between scenes of held-out objects."""

    objects: int
    held_out: int
    additive_r2: float | None
    product_r2: float | None
    product_share: float | None
    binding: Binding


class PhaseProducts(ResponseModel):
    """The fits among the objects that the run saw, and among those that it did not see; null where these are few."""

    seen: ProductFit | None = None
    unseen: ProductFit | None = None


class PhaseCell(ResponseModel):
    """One training of the diagram; figures as in a training's result."""

    space: str
    objects: int
    coverage: float
    seed: int
    model: str
    run: str
    binding: Binding | None = None
    seen_binding: Binding | None = None
    seen: Recognition
    unseen: Recognition
    chance: Recognition | None = None
    object_chance: StrictChance | None = None
    product: PhaseProducts = Field(default_factory=PhaseProducts)
    best_step: int
    steps: int
    seconds: float
    history: list[dict[str, float | None]]


class PhasePoint(ResponseModel):
    """The binding score of unseen objects over the seeds of one space and coverage."""

    space: str
    coverage: float
    seeds: int
    binding: Binding


class PhaseCourse(ResponseModel):
    """The shape of that score against coverage in one space, by BIC; null where none stands out. ``at``: the coverages
    on both sides of a jump."""

    space: str
    n: int
    shape: Literal["constant", "line", "climb", "jump"] | None
    bic: dict[str, float]
    at: tuple[float, float] | None = None


class PhaseRelation(ResponseModel):
    """Rank correlation over runs of what the product adds to the sum (among ``part`` of the objects) with the binding
    score of unseen objects: ``rank`` as it is, ``partial`` among runs of equal space and coverage, with its ``p``."""

    part: Literal["seen", "unseen"]
    n: int
    rank: float | None
    partial: float | None
    p: float | None


class PhaseResult(ResponseModel):
    """``result`` of a job of kind ``phase_diagram``."""

    cells: list[PhaseCell]
    points: list[PhasePoint] = Field(default_factory=list)
    courses: list[PhaseCourse] = Field(default_factory=list)
    relations: list[PhaseRelation] = Field(default_factory=list)


class PhasePresetModel(ResponseModel):
    """A named diagram."""

    name: str
    spaces: list[str]
    coverages: list[float]
    seeds: list[int]
    config: dict[str, Any]
    note: str
    measured: bool = True


class PhaseOverview(ResponseModel):
    presets: list[PhasePresetModel]


TRAINING = Endpoint("/v1/trainings", TrainingRequest, JobModel)

PHASE_DIAGRAM = Endpoint("/v1/phase-diagrams", PhaseRequest, JobModel)
