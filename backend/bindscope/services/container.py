"""The only place that picks real parts."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from anyio import CapacityLimiter

from bindscope.core.config import Settings
from bindscope.core.errors import BindscopeError
from bindscope.encoders.batching import BatchLimits
from bindscope.encoders.registry import EncoderSettings
from bindscope.jobs.dask import Engine
from bindscope.jobs.service import Jobs
from bindscope.jobs.store import JobStore
from bindscope.services.analyses import Analyses
from bindscope.services.embedder import Embedder
from bindscope.services.model_pool import ModelPool
from bindscope.services.noise import NoiseMeter
from bindscope.services.pictures import ImageDecoder, uploaded_pictures
from bindscope.services.pools import ScenePools
from bindscope.services.spaces import SpaceRepository
from bindscope.services.telemetry import Telemetry
from bindscope.store.artifacts import Artifacts
from bindscope.store.cache import EmbeddingCache
from bindscope.store.connection import Store, open_store
from bindscope.store.datasets import DatasetRepository
from bindscope.store.measurements import Measurements
from bindscope.store.repairs import RepairRepository
from bindscope.store.runs import RunRepository

_Service = TypeVar("_Service")


@dataclass(frozen=True)
class Services:
    """What all features share. A feature's own service is made from it when it is first asked for: ``of``."""

    settings: Settings
    telemetry: Telemetry
    store: Store
    cache: EmbeddingCache
    artifacts: Artifacts
    models: ModelPool
    spaces: SpaceRepository
    datasets: DatasetRepository
    runs: RunRepository
    repairs: RepairRepository
    measurements: Measurements
    embedder: Embedder
    noise: NoiseMeter
    pictures: ImageDecoder
    pools: ScenePools
    analyses: Analyses
    jobs: Jobs
    at_end: Callable[[Callable[[], object]], object]
    warm: threading.Event = field(default_factory=threading.Event)
    watch_threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(4))
    warm_errors: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    _made: dict[Any, Any] = field(default_factory=dict)
    _making: threading.RLock = field(default_factory=threading.RLock)

    def of(self, kind: Callable[["Services"], _Service]) -> _Service:
        """The one service of this kind."""
        with self._making:
            if kind not in self._made:
                self._made[kind] = kind(self)
            made: _Service = self._made[kind]
            return made

    def worker_memory(self) -> int | None:
        """Bytes of memory that each worker of this machine has; None on a cluster, where it is not known."""
        return None if self.settings.scheduler else _memory() // self.jobs.engine.workers


@contextmanager
def assembled(settings: Settings, telemetry: Telemetry | None = None) -> Iterator[Services]:
    """Starts the parts (embedded store, caches, model queues) and stops them at the end."""
    telemetry = telemetry or Telemetry()
    with ExitStack() as stack:
        store = stack.enter_context(_store(settings))
        cache = EmbeddingCache(
            store,
            ttl_s=int(settings.cache_ttl_days * 86_400),
            memory_mb=settings.cache_memory_mb,
            observer=telemetry,
        )
        stack.callback(cache.close)
        artifacts = Artifacts(settings.artifacts_url)
        runs, repairs = RunRepository(artifacts), RepairRepository(artifacts)
        datasets = DatasetRepository(settings.data_dir / "datasets")
        models = ModelPool(
            encoder_settings(settings, runs=runs, repairs=repairs, uploads=datasets),
            BatchLimits(
                window_ms=settings.batch_window_ms,
                capacity=settings.queue_capacity,
                timeout_s=settings.encode_timeout_s,
            ),
            max_loaded=settings.max_loaded_models,
            max_bytes=lambda: settings.model_memory_mb * 2**20 or _memory_of_models(settings) // 2,
            idle_s=60 * settings.model_idle_minutes,
            on_leaving=telemetry.forget,
            observer=telemetry,
        )
        stack.callback(models.close)
        pool = ThreadPoolExecutor(settings.decode_threads or min(4, os.cpu_count() or 1), thread_name_prefix="pictures")
        stack.callback(pool.shutdown, cancel_futures=True)
        pictures = ImageDecoder(pool, megapixels=settings.decode_megapixels)
        embedder = Embedder(
            models, cache, pool, uploaded=lambda origins: uploaded_pictures(datasets, pictures, origins)
        )
        measurements = Measurements(store)
        spaces = SpaceRepository(settings.data_dir / "spaces")
        jobs = Jobs(
            JobStore(store),
            engine=Engine(scheduler=settings.scheduler, workers=settings.workers),
            artifacts=artifacts,
            device=settings.device,
        )
        stack.callback(jobs.close)
        services = Services(
            settings=settings,
            telemetry=telemetry,
            store=store,
            cache=cache,
            artifacts=artifacts,
            models=models,
            spaces=spaces,
            datasets=datasets,
            runs=runs,
            repairs=repairs,
            measurements=measurements,
            embedder=embedder,
            noise=NoiseMeter(embedder, measurements),
            pictures=pictures,
            pools=ScenePools(embedder, spaces, datasets),
            analyses=Analyses(measurements),
            jobs=jobs,
            at_end=stack.callback,
        )
        _watch(services)
        warmer = threading.Thread(target=_warm_up, args=(services,), name="warm-up", daemon=True)
        warmer.start()
        stack.callback(warmer.join, 60)
        yield services


def _watch(services: Services) -> None:
    """Gauges that are looked at when somebody scrapes."""
    telemetry, models = services.telemetry, services.models
    telemetry.watch("bindscope_store_up", "1 while the store answers", lambda: float(services.store.available))
    telemetry.watch("bindscope_cache_dropped", "Entries that were not written", lambda: services.cache.dropped_writes)
    telemetry.watch_each(
        "bindscope_queue_depth",
        "Items that wait",
        "model",
        lambda: {queue.info.id: float(queue.depth) for queue in models.loaded()},
    )
    telemetry.watch_each(
        "bindscope_model_bytes",
        "Bytes of the weights of each model in memory",
        "model",
        lambda: {queue.info.id: float(queue.info.weight_bytes) for queue in models.loaded()},
    )
    telemetry.watch_each("bindscope_jobs", "Jobs of this installation", "state", services.jobs.counted)
    telemetry.watch_each("bindscope_gpu_memory_bytes", "Memory of the graphics card", "kind", _gpu_memory)


def _gpu_memory() -> dict[str, float]:
    """Nothing where there is no graphics card, or nothing has used one yet."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return {}
    free, total = torch.cuda.mem_get_info()
    return {"allocated": float(torch.cuda.memory_allocated()), "used": float(total - free), "total": float(total)}


def encoder_settings(
    settings: Settings,
    *,
    runs: RunRepository | None = None,
    repairs: RepairRepository | None = None,
    uploads: DatasetRepository | None = None,
) -> EncoderSettings:
    """The part of the settings that encoders need."""
    return EncoderSettings(
        device=settings.device,
        dtype=settings.dtype,
        threads=settings.threads or max(1, (os.cpu_count() or 2) - 1),
        allow_downloads=settings.allow_downloads,
        model_roots=settings.all_model_roots,
        runs=runs,
        repairs=repairs,
        uploads=uploads,
    )


def _store(settings: Settings) -> Store:
    if settings.store == "off":
        return Store()
    url = settings.redis_url.get_secret_value() if settings.redis_url is not None else None
    return open_store(url, settings.data_dir, maxmemory_mb=settings.store_memory_mb)


def _memory() -> int:
    """Bytes of memory that this machine has."""
    import psutil

    return int(psutil.virtual_memory().total)


def _memory_of_models(settings: Settings) -> int:
    """Bytes of the graphics card where models run on one, else of this machine."""
    torch = sys.modules.get("torch")
    if settings.device != "cpu" and torch is not None and torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[1])
    return _memory()


def _warm_up(services: Services) -> None:
    """Loads the models that most people use first, so that their first question is fast."""
    if not services.settings.preload:
        services.warm.set()
        return
    try:
        available = {state.entry.id for state in services.models.states() if state.entry.available}
    except OSError as error:
        services.warm_errors.append(f"The models cannot be listed: {error.strerror}")
        available = set()
    for name in services.settings.preload:
        try:
            if name in available:
                _warm_model(services, name)
        except BindscopeError as error:
            services.warm_errors.append(f"{name}: {error}")
        except Exception as error:
            services.warm_errors.append(f"{name}: {type(error).__name__}")
    services.warm.set()


def _warm_model(services: Services, name: str) -> None:
    """One pass of each shape that questions have: a few texts, a picture, and on a graphics card a full batch."""
    info = services.models.info(name)
    if info.reads("text"):
        services.models.encode(name, "text", ["a red square", "a red square and a blue circle"])
    if info.pixels is not None and info.reads("image"):
        picture = np.full((info.pixels, info.pixels, 3), 128, np.uint8)
        sizes = (1, 64) if info.device == "cuda" else (1,)
        for size in sizes:
            services.models.encode(name, "image", [picture] * size)
