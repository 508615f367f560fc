"""What Decompose shows."""

from collections.abc import Mapping
from typing import Any

from bindscope.features.decompositions.schemas import DecompositionRequest, SceneShareRequest
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared.links import body_of
from bindscope_dashboard.shared.states import SceneState, of_percent


class DecomposeState(SceneState):
    """``compare``: all estimators, also where that takes a while."""

    request: DecompositionRequest
    scene: SceneModel
    compare: bool = False

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        return super().read(of_percent(link, "test_percent", "test_ratio"))

    @property
    def shares(self) -> dict[str, Any]:
        """The request for the shares of the scene, down to its concepts."""
        return body_of(SceneShareRequest(source=self.source, scene=self.scene, estimator=self.request.estimator))
