"""The passport of a model."""

from typing import Literal

from bindscope.schemas.base import Provenance, ResponseModel


class PassportCheck(ResponseModel):
    """``said``: what was found, and what to do where it is bad. ``figure``: what was measured."""

    name: str
    state: Literal["passed", "noted", "warning", "failed", "skipped"]
    said: str
    figure: float | None = None


class PassportModel(ResponseModel):
    """``failed``: the numbers are not those of the model that was meant. Computed once for each way of loading it."""

    model: str
    fingerprint: str
    state: Literal["passed", "warnings", "failed"]
    checks: list[PassportCheck]
    computed_at: str
    provenance: Provenance
