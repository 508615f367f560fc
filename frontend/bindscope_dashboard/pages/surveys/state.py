"""What Survey shows."""

from bindscope.features.surveys.schemas import VerdictBatchRequest
from bindscope_dashboard.shared.states import WordedState


class SurveyState(WordedState):
    """``run``: the link shows results, not only the settings."""

    request: VerdictBatchRequest
    run: bool = False
