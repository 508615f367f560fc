"""What Repair shows."""

from collections.abc import Mapping

from pydantic import Field

from bindscope.features.repairs.schemas import RepairRequest
from bindscope_dashboard.shared.links import PageState
from bindscope_dashboard.shared.states import of_percent


class RepairState(PageState):
    """``run``: the link shows results; ``tenths`` of the map, None for the chosen part."""

    request: RepairRequest
    run: bool = False
    tenths: int | None = Field(None, ge=0, le=10)

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        return of_percent(link, "percent", "coverage")
