"""State of the service."""

from typing import Literal

from bindscope.core.wire import ResponseModel


class StoreState(ResponseModel):
    """``ok``, ``degraded`` (configured, does not answer: work goes on without cache) or ``off``."""

    state: Literal["ok", "degraded", "off"]
    kind: str
    server: str | None = None
    memory_bytes: int | None = None
    keys: int | None = None
    message: str | None = None


class CacheState(ResponseModel):
    hits: int
    misses: int
    hit_share: float | None


class LoadedModel(ResponseModel):
    id: str
    device: str
    dtype: str
    fingerprint: str
    queue_depth: int
    encoded_items: int


class SystemState(ResponseModel):
    """What runs where, for the System page. ``message``: what is wrong, where models cannot run on ``device``."""

    version: str
    device: str
    device_name: str
    message: str | None = None
    uptime_seconds: float
    store: StoreState
    cache: CacheState
    models: list[LoadedModel]
    versions: dict[str, str]


class Readiness(ResponseModel):
    """``degraded``: the store does not answer, the rest works."""

    ready: bool
    degraded: bool
    canary: str
    store: StoreState
    message: str | None = None


class Liveness(ResponseModel):
    alive: bool
