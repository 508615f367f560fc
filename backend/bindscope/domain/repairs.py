"""What a repair is asked to be, and what it takes to keep one."""

from dataclasses import dataclass

from bindscope.errors import InvalidInput

#: Bags of held-out objects, each with a swap of theirs, that validation takes, and the test as well.
LEAST_BLOCK_BAGS = 20
#: A map is kept where its gain on the confirming bags has a smaller one-sided p in a sign-flip test.
LEVEL = 0.025
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
