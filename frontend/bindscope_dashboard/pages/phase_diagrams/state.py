"""What Phase shows."""

from collections.abc import Mapping
from typing import Any, ClassVar

from bindscope.features.trainings.schemas import PhaseRequest
from bindscope.scenes.controlled import ControlledConfig
from bindscope_dashboard.shared.links import PageState
from bindscope_dashboard.shared.states import JobId, counted, in_order

#: Settings of a phase diagram that its axes replace.
AXES = frozenset({"space", "coverage", "seed"})


class PhaseState(PageState):
    """``config`` of the request is shared by all runs; ``square`` is the one with its curves."""

    HIDDEN: ClassVar[frozenset[str]] = AXES
    request: PhaseRequest
    preset: str = ""
    job: JobId = ""
    square: str = ""

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        return in_order(counted(link, "seeds"), "coverages")

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {**link, "seeds": str(len(self.request.seeds))}

    @property
    def body(self) -> dict[str, Any]:
        """The request; its axes stand outside of the settings."""
        found = super().body
        config = {name: value for name, value in found.pop("config", {}).items() if name not in AXES}
        return {**found, "config": config} if config else found

    @property
    def config(self) -> ControlledConfig:
        """The settings."""
        return self.request.config
