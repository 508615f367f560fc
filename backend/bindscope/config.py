"""Settings of the service: environment variables ``BINDSCOPE_*``. Nothing is read at import."""

from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """One field per variable: ``BINDSCOPE_PORT`` is ``port``."""

    model_config = SettingsConfigDict(env_prefix="BINDSCOPE_", frozen=True, extra="ignore")

    #: Address and port of the service, and port of the dashboard. Loopback only by default.
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    dashboard_port: int = Field(8501, ge=0, le=65535)
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
    #: Models loaded at start (comma-separated) and how many stay loaded at once.
    preload: Annotated[tuple[str, ...], NoDecode] = ("bundled:tiny-bag", "bundled:tiny-bind")
    max_loaded_models: int = Field(6, ge=1)
    #: The batching queue: how long a batch waits for company, and how many items may wait.
    batch_window_ms: float = Field(2.0, ge=0, le=1000)
    queue_capacity: int = Field(8192, ge=1)
    #: Long work: a Dask scheduler (tcp:// or tls://) instead of embedded workers, how many of these (0: one a core,
    #: eight at most), and where checkpoints and inputs of cells lie (a folder, or a bucket that all workers reach).
    scheduler: str | None = None
    workers: int = Field(0, ge=0, le=256)
    artifacts: str | None = None
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "warning"
    #: Largest request body, and largest dataset once unpacked.
    max_body_mb: int = Field(64, ge=1)
    max_upload_mb: int = Field(1024, ge=1)

    @field_validator("model_roots", mode="before")
    @classmethod
    def _paths(cls, value: object) -> object:
        return tuple(Path(p) for p in value.split(":") if p) if isinstance(value, str) else value

    @field_validator("preload", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value

    @property
    def artifacts_url(self) -> str:
        """Where artifacts lie."""
        return self.artifacts or str(self.data_dir / "artifacts")

    @property
    def all_model_roots(self) -> tuple[Path, ...]:
        """The configured roots and ``models`` in the data directory."""
        return (self.data_dir / "models", *self.model_roots)
