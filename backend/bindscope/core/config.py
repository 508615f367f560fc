"""Settings of the service: environment variables ``BINDSCOPE_*``. Nothing is read at import."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SHORTEST_KEY = 16


class Settings(BaseSettings):
    """One field per variable: ``BINDSCOPE_PORT`` is ``port``."""

    model_config = SettingsConfigDict(env_prefix="BINDSCOPE_", frozen=True, extra="ignore")

    #: Address and port of the service, and port of the dashboard. Loopback only by default.
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    dashboard_port: int = Field(8501, ge=0, le=65535)
    #: Beyond loopback the service needs keys, and the dashboard, which has no login, a word from its operator.
    allow_open_service: bool = False
    allow_open_dashboard: bool = False
    #: Keys that callers must send (``name:key``, comma-separated; 16 characters at least), and requests a minute of
    #: each (0: any number). Host names that are answered to (default: loopback without keys, any with them), and
    #: origins of pages that may ask (none by default).
    api_keys: SecretStr | None = None
    rate_limit: int = Field(0, ge=0)
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    #: Requests at once (more: 429), seconds until an answer begins (504), seconds that one wait for the encoder takes
    #: (504), threads that answer, and seconds that requests under way may take when the service is told to stop.
    max_requests: int = Field(512, ge=1)
    request_timeout_s: float = Field(1800.0, gt=0)
    encode_timeout_s: float = Field(300.0, gt=0)
    request_threads: int = Field(128, ge=4, le=2048)
    drain_s: int = Field(30, ge=0)
    #: Embedded store, own spaces and own models live here.
    data_dir: Path = Field(default_factory=lambda: user_data_path("bindscope"))
    #: A Redis or Valkey server to use instead of the embedded one; ``store=off`` runs without any.
    redis_url: SecretStr | None = None
    store: Literal["on", "off"] = "on"
    store_memory_mb: int = Field(512, ge=16)
    cache_memory_mb: int = Field(128, ge=1)
    cache_ttl_days: float = Field(30.0, gt=0)
    #: Arithmetic: device, dtype, and threads of one forward pass (0: one fewer than there are cores).
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    threads: int = Field(0, ge=0)
    #: Hub models are fetched only when this is on. Local folders must lie below one of the roots.
    allow_downloads: bool = False
    model_roots: Annotated[tuple[Path, ...], NoDecode] = ()
    #: Models loaded at start (comma-separated), how many stay loaded at once, how many bytes their weights may take
    #: together (0: half of the memory that is there), and minutes after which an unused one leaves (0: never).
    preload: Annotated[tuple[str, ...], NoDecode] = ("bundled:tiny-bag", "bundled:tiny-bind")
    max_loaded_models: int = Field(6, ge=1)
    model_memory_mb: int = Field(0, ge=0)
    model_idle_minutes: float = Field(0.0, ge=0)
    #: Whether a model is checked in the background once it is loaded (its checks); asked for it always is.
    model_checks: Literal["on", "off"] = "on"
    #: The batching queue: how long a batch waits for company, and how many items may wait.
    batch_window_ms: float = Field(2.0, ge=0, le=1000)
    queue_capacity: int = Field(8192, ge=1)
    #: Pixels of uploaded pictures that may be decoded at once, over all requests, in millions (3 bytes each), and
    #: threads that decode and resize them (0: as many as cores, four at most).
    decode_megapixels: int = Field(256, ge=16)
    decode_threads: int = Field(0, ge=0, le=64)
    #: Long work: a Dask scheduler (tcp:// or tls://) instead of embedded workers, how many of these (0: one a core,
    #: eight at most), and where checkpoints and inputs of cells lie (a folder, or a bucket that all workers reach).
    scheduler: str | None = None
    workers: int = Field(0, ge=0, le=256)
    artifacts: str | None = None
    #: Log lines go to stderr: JSON where that is no terminal. Traces go where OTEL_* says, if asked for.
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "warning"
    log_format: Literal["auto", "json", "text"] = "auto"
    tracing: bool = False
    #: Largest request body, and largest dataset once unpacked.
    max_body_mb: int = Field(64, ge=1)
    max_upload_mb: int = Field(1024, ge=1)

    @field_validator("model_roots", mode="before")
    @classmethod
    def _paths(cls, value: object) -> object:
        return tuple(Path(p) for p in value.split(":") if p) if isinstance(value, str) else value

    @field_validator("preload", "allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value

    @field_validator("api_keys", "redis_url", "scheduler", "artifacts", mode="before")
    @classmethod
    def _unset(cls, value: object) -> object:
        """A variable that is there and empty, as compose files write them, is one that is not there."""
        return None if value == "" else value

    @field_validator("api_keys")
    @classmethod
    def _strong(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _keys(value)
        return value

    @property
    def keys(self) -> dict[str, SecretStr]:
        """The keys by name; none where no key is needed."""
        return {} if self.api_keys is None else _keys(self.api_keys)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names that the service answers to."""
        if self.allowed_hosts:
            return self.allowed_hosts
        beyond = self.keys or not is_loopback(self.host)
        return ("*",) if beyond else (*_LOOPBACK, self.host)

    @property
    def artifacts_url(self) -> str:
        """Where artifacts lie."""
        return self.artifacts or str(self.data_dir / "artifacts")

    @property
    def all_model_roots(self) -> tuple[Path, ...]:
        """The configured roots and ``models`` in the data directory."""
        return (self.data_dir / "models", *self.model_roots)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _keys(text: SecretStr) -> dict[str, SecretStr]:
    """``name:key, ...`` by name; a key without a name is called by its place. Raises ValueError without quoting any."""
    found: dict[str, SecretStr] = {}
    for place, part in enumerate(text.get_secret_value().split(","), start=1):
        name, colon, key = part.strip().rpartition(":")
        name = name if colon else f"key-{place}"
        if len(key) < _SHORTEST_KEY:
            raise ValueError(f"key {place} is shorter than {_SHORTEST_KEY} characters: try 'openssl rand -hex 24'")
        if name in found:
            raise ValueError(f"two keys are called {name!r}")
        found[name] = SecretStr(key)
    return found
