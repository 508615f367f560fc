"""What Retrieve shows."""

from collections.abc import Mapping
from typing import Any, ClassVar

from bindscope.features.near_duplicates.schemas import NearDuplicatesRequest
from bindscope.features.retrievals.schemas import RetrievalRequest
from bindscope_dashboard.shared.links import PageState, body_of


class RetrieveState(PageState):
    """``close``: the tab of captions that share a vector."""

    OPENING: ClassVar[Mapping[str, Any]] = {"queries": 100}
    request: RetrievalRequest
    close: bool = False

    @property
    def near_duplicates(self) -> dict[str, Any]:
        """The request for captions that share a vector."""
        return body_of(NearDuplicatesRequest(model=self.model, space=self.space))
