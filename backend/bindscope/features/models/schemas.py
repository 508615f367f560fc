"""Models that the service offers."""

from typing import Literal

from bindscope.core.wire import ResponseModel


class ModelSummary(ResponseModel):
    """One model. ``dim``, ``fingerprint``, ``device``, ``dtype`` and ``pixels`` may be null until it is loaded;
    ``checks`` until it was checked."""

    id: str
    family: str
    modalities: list[str]
    dim: int | None
    source: str
    loaded: bool
    fingerprint: str | None
    available: bool = True
    note: str | None = None
    device: str | None = None
    dtype: str | None = None
    pixels: int | None = None
    checks: Literal["passed", "warnings", "failed"] | None = None


class ModelList(ResponseModel):
    models: list[ModelSummary]
