"""What Map shows."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from bindscope.core.errors import InvalidInput
from bindscope.features.projections.schemas import ProjectionRequest
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared.links import Spaces, body_of
from bindscope_dashboard.shared.states import SourceState


class MapState(SourceState):
    """``color``: a slot and concept (``1.color``), ``verdict`` or ``probe``. ``scene``: placed on the map with its
    swapped twin; apart from the request, so that the map stays."""

    OPENING: ClassVar[Mapping[str, Any]] = {"modality": "image", "limit": 2000}
    HIDDEN: ClassVar[frozenset[str]] = frozenset({"color_by"})
    request: ProjectionRequest
    color: str = ""
    scene: SceneModel | None = None

    def checked(self, link: Mapping[str, str], spaces: Spaces) -> Self:
        if self.scene is not None and self.scene.space != self.space:
            raise InvalidInput(f"The map is of space {self.space!r}, the scene of {self.scene.space!r}.")
        known = ("", *color_options(spaces[self.space]))
        if self.color not in known:
            raise InvalidInput(f"color must be one of {', '.join(known[1:])}, got {self.color!r}.")
        return self

    @property
    def body(self) -> dict[str, Any]:
        """The request of the map."""
        by = self.color if self.color in ("verdict", "probe") else "concepts"
        return body_of(self.changed(color_by=by).request)


def color_options(space: ConceptSpace) -> tuple[str, ...]:
    """What a map can be coloured by: concepts of the first and the second object, verdict, probe."""
    return (*(f"{slot}.{name}" for slot in (1, 2) for name in space.names), "verdict", "probe")
