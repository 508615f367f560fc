"""What one fit of the binding function is asked to be."""

import re
from dataclasses import dataclass

from bindscope.errors import InvalidInput, UnknownName

#: Families that are offered; the width of an MLP may be any from 1 to MAX_WIDTH.
KINDS = (
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
        if self.kind not in KINDS and self.width is None:
            raise UnknownName("kind", self.kind, (*KINDS, f"mlp:WIDTH (1 to {MAX_WIDTH})"))
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
