"""The checks of a model."""

from typing import Literal

from bindscope.core.wire import Endpoint, ModelId, Provenance, RequestModel, ResponseModel

CheckState = Literal["passed", "noted", "warning", "failed", "skipped"]
ReportState = Literal["passed", "warnings", "failed"]


class ModelCheckRequest(RequestModel):
    """``refresh`` repeats checks whose outcome is known."""

    model: ModelId
    refresh: bool = False


class ModelCheck(ResponseModel):
    """``message``: what was found, and what to do where it is bad. ``figure``: what was measured."""

    name: str
    state: CheckState
    message: str
    figure: float | None = None


class ModelCheckReport(ResponseModel):
    """``failed``: the numbers are not those of the model that was meant. Computed once for each way of loading it."""

    model: str
    fingerprint: str
    state: ReportState
    checks: list[ModelCheck]
    computed_at: str
    provenance: Provenance


MODEL_CHECKS = Endpoint("/v1/model-checks", ModelCheckRequest, ModelCheckReport)
