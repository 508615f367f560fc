"""The only place that picks real parts."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bindscope.compute.engine import Engine
from bindscope.config import Settings
from bindscope.encoders.batching import BatchLimits
from bindscope.encoders.registry import EncoderSettings
from bindscope.errors import BindscopeError
from bindscope.services.comparisons import Comparisons
from bindscope.services.counterexamples import Counterexamples
from bindscope.services.embedder import Embedder
from bindscope.services.jobs import Jobs
from bindscope.services.lookalikes import LookalikeFinder
from bindscope.services.maps import Maps
from bindscope.services.models import ModelPool
from bindscope.services.noise import NoiseMeter
from bindscope.services.repairs import Repairs, RepairShelf
from bindscope.services.retrievals import Retrievals
from bindscope.services.sources import Sources
from bindscope.services.spaces import SpaceShelf
from bindscope.services.surveys import Surveys
from bindscope.services.sweeps.complexity import ComplexitySweep
from bindscope.services.sweeps.training import PhaseSweep, RunShelf, TrainingSweep
from bindscope.services.telemetry import Telemetry
from bindscope.services.verdicts import Verdicts
from bindscope.store.artifacts import Artifacts
from bindscope.store.connection import Store, open_store
from bindscope.store.datasets import DatasetShelf
from bindscope.store.embeddings import EmbeddingCache
from bindscope.store.jobs import JobStore
from bindscope.store.measurements import Measurements


@dataclass(frozen=True)
class Services:
    """Everything that routes need."""

    settings: Settings
    telemetry: Telemetry
    store: Store
    cache: EmbeddingCache
    models: ModelPool
    spaces: SpaceShelf
    datasets: DatasetShelf
    sources: Sources
    measurements: Measurements
    embedder: Embedder
    verdicts: Verdicts
    surveys: Surveys
    counterexamples: Counterexamples
    retrievals: Retrievals
    lookalikes: LookalikeFinder
    repairs: Repairs
    maps: Maps
    comparisons: Comparisons
    jobs: Jobs
    runs: RunShelf
    warm: threading.Event
    warm_errors: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)


@contextmanager
def assembled(settings: Settings) -> Iterator[Services]:
    """Starts the parts (embedded store, caches, model queues) and stops them at the end."""
    with ExitStack() as stack:
        telemetry = Telemetry()
        store = stack.enter_context(_store(settings))
        cache = EmbeddingCache(
            store,
            ttl_s=int(settings.cache_ttl_days * 86_400),
            memory_mb=settings.cache_memory_mb,
            observer=telemetry,
        )
        stack.callback(cache.close)
        artifacts = Artifacts(settings.artifacts_url)
        runs = RunShelf(artifacts)
        models = ModelPool(
            encoder_settings(settings, runs=runs, repairs=RepairShelf(artifacts)),
            BatchLimits(window_ms=settings.batch_window_ms, capacity=settings.queue_capacity),
            max_loaded=settings.max_loaded_models,
            observer=telemetry,
        )
        stack.callback(models.close)
        embedder = Embedder(models, cache)
        measurements = Measurements(store)
        noise = NoiseMeter(embedder, measurements)
        spaces = SpaceShelf(settings.data_dir / "spaces")
        datasets = DatasetShelf(settings.data_dir / "datasets")
        verdicts = Verdicts(embedder, noise)
        sources = Sources(embedder, spaces, datasets)
        repairs = Repairs(embedder, sources, spaces, RepairShelf(artifacts))
        engine = Engine(scheduler=settings.scheduler, workers=settings.workers)
        memory = None if settings.scheduler else _memory() // engine.workers
        jobs = Jobs(
            JobStore(store),
            [
                ComplexitySweep(sources),
                TrainingSweep(spaces, memory=memory),
                PhaseSweep(spaces, memory=memory),
            ],
            engine=engine,
            artifacts=artifacts,
            device=settings.device,
        )
        stack.callback(jobs.close)
        services = Services(
            settings=settings,
            telemetry=telemetry,
            store=store,
            cache=cache,
            models=models,
            spaces=spaces,
            datasets=datasets,
            sources=sources,
            measurements=measurements,
            embedder=embedder,
            verdicts=verdicts,
            surveys=Surveys(embedder, noise),
            counterexamples=Counterexamples(verdicts),
            retrievals=Retrievals(embedder, sources, spaces),
            lookalikes=LookalikeFinder(embedder, spaces),
            repairs=repairs,
            maps=Maps(sources, noise),
            comparisons=Comparisons(embedder, noise, sources, spaces=spaces, repairs=repairs),
            jobs=jobs,
            runs=runs,
            warm=threading.Event(),
        )
        warmer = threading.Thread(target=_warm_up, args=(services,), name="warm-up", daemon=True)
        warmer.start()
        stack.callback(warmer.join, 60)
        yield services


def encoder_settings(
    settings: Settings, *, runs: RunShelf | None = None, repairs: RepairShelf | None = None
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


def _warm_up(services: Services) -> None:
    """Loads the models that most people use first, so that their first question is fast."""
    available = {state.entry.id for state in services.models.states() if state.entry.available}
    for name in services.settings.preload:
        try:
            if name in available:
                services.embedder.texts(name, ["a red square"])
        except BindscopeError as error:
            services.warm_errors.append(f"{name}: {error}")
        except Exception as error:
            services.warm_errors.append(f"{name}: {type(error).__name__}")
    services.warm.set()
