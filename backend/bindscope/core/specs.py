"""What an analysis is asked to do. Used as arguments of ``analysis`` and as fields of requests.

A ``ValueError`` in ``__post_init__`` becomes a located 422.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from bindscope.core.errors import InvalidInput, UnknownName

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
class InterventionSpec:
    """Replace one value of one object in embedding space; probes read the edits under ``splits`` splits.

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


#: Families that are offered; the width of an MLP may be any from 1 to MAX_WIDTH.
COMPLEXITY_KINDS = (
    "additive",
    "per_object_product",
    "global_product",
    "mlp:64",
    "mlp:256",
    "mlp:1024",
    "mlp:4096",
    "random_forest",
    "gradient_boosting",
)
MAX_WIDTH = 8192

_MLP = re.compile(r"mlp:([1-9][0-9]{0,3})")


@dataclass(frozen=True)
class ComplexityCell:
    """One fit: a family, the share of the objects that it learns from, and the seed of the split and of the start.

    ``coverage`` lies in (0, 1]; at 1 no object is unseen and the split raises. Raises UnknownName for another kind and
    InvalidInput for another coverage or a negative seed.
    """

    kind: str
    coverage: float
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in COMPLEXITY_KINDS and self.width is None:
            raise UnknownName("kind", self.kind, (*COMPLEXITY_KINDS, f"mlp:WIDTH (1 to {MAX_WIDTH})"))
        if not 0 < self.coverage <= 1:
            raise InvalidInput(f"coverage must be above 0 and at most 1, got {self.coverage}.")
        if self.seed < 0:
            raise InvalidInput(f"seed must be 0 or more, got {self.seed}.")

    @property
    def width(self) -> int | None:
        """Hidden units of an MLP; None for the other families."""
        found = _MLP.fullmatch(self.kind)
        width = int(found[1]) if found else 0
        return width if 1 <= width <= MAX_WIDTH else None


#: Bags of held-out objects, each with a swap of theirs, that validation takes, and the test as well.
LEAST_BLOCK_BAGS = 20
#: A map is kept where its gain on the confirming bags has a smaller one-sided p in a sign-flip test.
REPAIR_LEVEL = 0.025
#: Loss of ordinary retrieval on validation scenes that the chosen part of a map may cost.
MOST_LOST = 0.03


@dataclass(frozen=True)
class RepairSpec:
    """``coverage``: share of the objects that the map learns from, in (0, 1); the others are two blocks of values of
    equal size, one for the choice of the map and one for its test. Raises InvalidInput."""

    coverage: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.coverage < 1:
            raise InvalidInput(f"coverage must lie between 0 and 1, both excluded, got {self.coverage}.")
        if self.seed < 0:
            raise InvalidInput(f"seed must be 0 or more, got {self.seed}.")
