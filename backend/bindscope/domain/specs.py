"""What an analysis is asked to do. Used as arguments of ``analysis`` and as fields of requests.

A ``ValueError`` in ``__post_init__`` becomes a located 422.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from bindscope.errors import InvalidInput, UnknownName

Estimator = Literal["avg", "avg_pos", "single", "lstsq", "lstsq_pos"]
ESTIMATORS: tuple[str, ...] = get_args(Estimator)
ProbeEstimator = Literal["ridge", "published"]
PROBE_ESTIMATORS: tuple[str, ...] = get_args(ProbeEstimator)
Split = Literal["bag", "scene"]
SPLITS: tuple[str, ...] = get_args(Split)
MOST_SPLITS = 50


def _check_ratio(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InvalidInput(f"{name} must lie between 0 and 1, got {value}.")


def _check_splits(splits: int) -> None:
    if not 1 <= splits <= MOST_SPLITS:
        raise InvalidInput(f"splits must be between 1 and {MOST_SPLITS}, got {splits}.")


@dataclass(frozen=True)
class ProbeSpec:
    """Linear probes under ``splits`` splits of seeds ``seed``, ``seed`` + 1, ...; regularisation is chosen inside the
    training part. ``split``: by ``bag``, or by ``scene`` as published."""

    train_ratio: float = 0.4
    seed: int = 0
    estimator: ProbeEstimator = "ridge"
    split: Split = "bag"
    splits: int = 5

    def __post_init__(self) -> None:
        _check_ratio("train_ratio", self.train_ratio)
        if self.estimator not in PROBE_ESTIMATORS:
            raise UnknownName("estimator", self.estimator, PROBE_ESTIMATORS)
        if self.split not in SPLITS:
            raise UnknownName("split", self.split, SPLITS)
        _check_splits(self.splits)


@dataclass(frozen=True)
class DecompositionSpec:
    """Additive decomposition under ``splits`` splits by bag. Level 1: sum of object vectors; level 2: of concept
    vectors."""

    estimator: Estimator = "lstsq_pos"
    level: Literal[1, 2] = 1
    test_ratio: float = 0.2
    seed: int = 0
    splits: int = 5

    def __post_init__(self) -> None:
        _check_ratio("test_ratio", self.test_ratio)
        _check_splits(self.splits)
        if self.estimator not in ESTIMATORS:
            raise UnknownName("estimator", self.estimator, ESTIMATORS)
        if self.level not in (1, 2):
            raise InvalidInput(f"level must be 1 (objects) or 2 (concepts), got {self.level}.")


@dataclass(frozen=True)
class RemovalSpec:
    """Targeted removal under ``splits`` splits by bag: probes are fitted anew on what each variant leaves."""

    train_ratio: float = 0.4
    seed: int = 0
    splits: int = 5

    def __post_init__(self) -> None:
        _check_ratio("train_ratio", self.train_ratio)
        _check_splits(self.splits)


@dataclass(frozen=True)
class SurgerySpec:
    """Object surgery: replace one value of one object in embedding space; probes read edits under ``splits`` splits.

    ``concept`` names the concept whose value is replaced; ``limit`` caps the edits (a seeded sample of all).
    """

    estimator: Estimator = "avg_pos"
    concept: str | None = None
    limit: int = 20_000
    seed: int = 0
    splits: int = 5

    def __post_init__(self) -> None:
        _check_splits(self.splits)
        if self.estimator not in ESTIMATORS:
            raise UnknownName("estimator", self.estimator, ESTIMATORS)
        if self.limit < 1:
            raise InvalidInput(f"limit must be at least 1, got {self.limit}.")
