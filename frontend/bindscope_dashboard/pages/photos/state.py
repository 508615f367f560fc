"""What Photo shows."""

from collections.abc import Mapping

from bindscope.core.wire import ModelId, RequestModel
from bindscope_dashboard.shared.links import PageState


class _Captions(RequestModel):
    """What is asked about a photo; ``other`` empty: the first exchange that is offered."""

    model: ModelId
    caption: str
    other: str = ""


class PhotoState(PageState):
    """The photo itself is never in a link."""

    request: _Captions
    second: ModelId | None = None

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        return {name: text[:500] for name, text in link.items()}

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {"second": "none", **link}
