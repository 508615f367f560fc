"""What Interventions shows."""

from collections.abc import Mapping
from typing import Any, Self

from bindscope.core.errors import InvalidInput
from bindscope.features.interventions.schemas import EditRequest, InterventionRequest
from bindscope.features.removals.schemas import RemovalRequest
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared.links import Spaces, body_of
from bindscope_dashboard.shared.states import SceneState, moved

#: Edits of Interventions' totals.
EDITS = 2000


class InterventionState(SceneState):
    """``edits`` and ``removal``: the link shows those results too."""

    request: EditRequest
    edits: bool = False
    removal: bool = False

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        return super().read(moved(link, "object", -1))

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return super().written(moved({"object": "0", **link}, "object", 1))

    def checked(self, link: Mapping[str, str], spaces: Spaces) -> Self:
        found = super().checked(link, spaces)
        if found.number > 1:
            raise InvalidInput(f"object must be 1 or 2, got {link['object']!r}.")
        return found if "replacement" in link else found.with_another_object(spaces[found.space])

    def with_another_object(self, space: ConceptSpace) -> Self:
        """The edit that puts another object in the place of the one that is there."""
        return self.changed(replacement=another_object(self.scene.objects[self.number].values, space))

    @property
    def scene(self) -> SceneModel:
        """What is edited."""
        return self.request.scene

    @property
    def number(self) -> int:
        """Which object is replaced, from 0."""
        return self.request.object

    @property
    def many(self) -> dict[str, Any]:
        """The request over many edits."""
        return body_of(InterventionRequest(source=self.source, estimator=self.request.estimator, limit=EDITS))

    @property
    def removed(self) -> dict[str, Any]:
        """The request of the removal."""
        return body_of(RemovalRequest(source=self.source))


def another_object(values: Mapping[str, str], space: ConceptSpace) -> dict[str, str]:
    """The object with the next value of its first concept: a replacement that is always another object."""
    first = space.concepts[0]
    following = (first.index[values[first.name]] + 1) % len(first.values)
    return {**values, first.name: first.values[following]}
