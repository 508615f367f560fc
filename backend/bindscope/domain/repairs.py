"""What a repair is asked to be (METHODS section 9)."""

from dataclasses import dataclass

from bindscope.errors import InvalidInput


@dataclass(frozen=True)
class RepairSpec:
    """``coverage``: share of the objects that the map is trained on, in (0, 1). Raises InvalidInput."""

    coverage: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.coverage < 1:
            raise InvalidInput(f"coverage must lie between 0 and 1, both excluded, got {self.coverage}.")
        if self.seed < 0:
            raise InvalidInput(f"seed must be 0 or more, got {self.seed}.")
