"""What Train shows."""

from bindscope.features.trainings.schemas import TrainingRequest
from bindscope.scenes.controlled import ControlledConfig
from bindscope_dashboard.shared.links import PageState
from bindscope_dashboard.shared.states import JobId


class TrainState(PageState):
    """``preset`` is what the settings started from; ``job`` is empty for none."""

    request: TrainingRequest
    preset: str = ""
    job: JobId = ""

    @property
    def config(self) -> ControlledConfig:
        """The settings."""
        return self.request.config
