"""Break it: the smallest edit of a scene that flips the winner of its contest."""

from typing import Literal

from pydantic import Field

from bindscope.core.wire import Endpoint, ResponseModel
from bindscope.features.verdicts.schemas import SceneQuestion, Verdict
from bindscope.scenes.wire import SceneModel


class CounterexampleRequest(SceneQuestion):
    """``budget``: at most this many edited scenes are tried."""

    budget: int = Field(400, ge=1, le=2000)


class Edit(ResponseModel):
    """``size`` is in canvas widths for moves and resizes; 1 for an exchange of places, 2 for one changed value."""

    kind: Literal["move", "resize", "exchange_places", "change_value"]
    size: float
    text: str


class Counterexample(ResponseModel):
    """``scene`` and ``after`` are null when no edit within the budget flips the outcome."""

    found: bool
    tried: int
    edit: Edit | None
    scene: SceneModel | None
    before: Verdict
    after: Verdict | None


COUNTEREXAMPLE = Endpoint("/v1/counterexamples", CounterexampleRequest, Counterexample)
