"""Controlled training (METHODS section 8) and the phase diagram over it."""

from typing import Any

from pydantic import Field, model_validator

from bindscope.domain.controlled import ControlledConfig
from bindscope.schemas.base import Interval, Recognition, RequestModel, ResponseModel


class TrainingRequest(RequestModel):
    """One training; fields of ``config`` that are left out have their defaults."""

    config: ControlledConfig = Field(default_factory=ControlledConfig)


class TrainingResult(ResponseModel):
    """``result`` of a job of kind ``training``; ``model`` is an id for every other question.

    ``seen``: scenes of training objects; ``unseen``: of objects that training never saw, against all queries; both at
    the best step by the validation objects. ``history`` has ``step``, ``loss``, ``seen_object``, ``seen_concepts``,
    ``unseen_object`` and ``unseen_concepts`` (validation).
    """

    model: str
    run: str
    config: dict[str, Any]
    seen: Recognition
    unseen: Recognition
    chance: Recognition | None = None
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


class PhaseCell(ResponseModel):
    """One training of the diagram.

    ``product_r2`` is how well the global product (METHODS section 7), fitted on scenes of ``product_coverage`` of the
    objects, predicts scenes made only of the others, ``additive_r2`` the same of the sum; ``product_share`` is the
    share of what the sum leaves that the product explains. ``product_object``: objects recognised in the product's
    predictions by the run's own queries, where a swap exists; ``ceiling_object``: in the true embeddings of all scenes.
    """

    space: str
    objects: int
    coverage: float
    seed: int
    model: str
    run: str
    seen: Recognition
    unseen: Recognition
    chance: Recognition | None = None
    product_r2: float | None = None
    additive_r2: float | None = None
    product_share: float | None = None
    product_object: Interval | None = None
    ceiling_object: Interval | None = None
    product_coverage: float | None = None
    best_step: int
    steps: int
    seconds: float
    history: list[dict[str, float | None]]


class PhaseResult(ResponseModel):
    """``result`` of a job of kind ``phase_diagram``."""

    cells: list[PhaseCell]


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
