"""The Dask engine: started when the first job needs it, left alone when nothing runs.

Embedded: worker processes of this machine, one thread each, behind TLS with keys made for the occasion, so that no
other user of the machine can hand them work. A cluster: whatever scheduler ``BINDSCOPE_SCHEDULER`` names; workers
join it with ``bindscope worker``.
"""

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bindscope.core.errors import ComputeUnavailable
from bindscope.jobs.joining import quiet
from bindscope.jobs.worker import Call, perform, stop

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

#: Most embedded workers: each holds some 500 MB once it has imported torch.
MOST_WORKERS = 8
NICENESS = 10
#: Dask gives freed memory back at once by default; fits that take and leave arrays all the time then spend most of it
#: in the kernel. Bytes that a worker keeps, and of the largest array that is not mapped on its own.
_KEPT_MEMORY = 256 * 2**20
_LARGEST_MAPPED = 32 * 2**20
_TRIM, _MAP = (f"distributed.nanny.pre-spawn-environ.MALLOC_{name}_THRESHOLD_" for name in ("TRIM", "MMAP"))
_CONNECT_S = 10.0


@dataclass(frozen=True)
class EngineStatus:
    """``gpus`` counts the workers that offer one. ``state`` off: nothing was asked of it yet."""

    kind: Literal["embedded", "cluster"]
    state: Literal["off", "running", "unreachable"]
    workers: int = 0
    threads: int = 0
    gpus: int = 0


class Engine:
    """``workers`` 0: as many as there are cores, at most eight. Safe between threads."""

    def __init__(self, *, scheduler: str | None = None, workers: int = 0, idle_s: float = 600.0) -> None:
        self._scheduler = scheduler
        #: Embedded workers; a cluster has as many as have joined it.
        self.workers = workers or min(os.cpu_count() or 1, MOST_WORKERS)
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._cluster: LocalCluster | None = None
        self._users = 0
        self._rest: threading.Timer | None = None

    @property
    def niceness(self) -> int:
        """How far embedded workers stand back behind the service."""
        return 0 if self._scheduler else NICENESS

    def enter(self) -> None:
        """A job begins: the engine is started if need be. Raises ComputeUnavailable."""
        with self._lock:
            if self._rest is not None:
                self._rest.cancel()
                self._rest = None
            if self._client is not None and self._client.status not in ("running", "connecting"):
                self._shut()
            if self._client is None:
                self._start()
            self._users += 1

    def leave(self) -> None:
        """A job ended; shuts embedded workers down after ``idle_s`` idle seconds."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._cluster is not None:
                self._rest = threading.Timer(self._idle_s, self._shut_down_idle)
                self._rest.daemon = True
                self._rest.start()

    def submit(self, call: Call, *, key: str, gpu: bool = False, first: bool = False) -> "Future":
        """The future of one call's outcomes. ``gpu``: run where a GPU is. ``first``: before everything that only
        waits."""
        client = self._running()
        options: dict[str, Any] = {"resources": {"GPU": 1}} if gpu else {}
        return client.submit(perform, call, key=key, pure=False, priority=10 if first else 0, **options)

    def withdraw(self, token: str, futures: "Sequence[Future]") -> None:
        """Ends the tasks of ``token``: running ones at their next tick, the others before they begin."""
        client = self._client
        if client is not None:
            with contextlib.suppress(OSError, TimeoutError, RuntimeError):
                client.run(stop, token, on_error="ignore")
                client.cancel(list(futures), reason="the job was stopped")

    def listen(self, topic: str, handler: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Calls ``handler`` with each report on ``topic``, in another thread, until the returned function is called."""
        client = self._running()
        client.subscribe_topic(topic, lambda event: handler(event[1]))
        return lambda: client.unsubscribe_topic(topic)

    def status(self) -> EngineStatus:
        """Never raises."""
        kind: Literal["embedded", "cluster"] = "cluster" if self._scheduler else "embedded"
        client = self._client
        if client is None:
            return EngineStatus(kind, "off")
        try:
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
        except (OSError, TimeoutError, RuntimeError):
            return EngineStatus(kind, "unreachable")
        threads = sum(int(worker["nthreads"]) for worker in workers)
        gpus = sum(1 for worker in workers if worker.get("resources", {}).get("GPU"))
        return EngineStatus(kind, "running", len(workers), threads, gpus)

    def close(self) -> None:
        """Ends embedded workers, leaves a cluster."""
        with self._lock:
            if self._rest is not None:
                self._rest.cancel()
            self._shut()

    def _running(self) -> "Client":
        if self._client is None:
            raise ComputeUnavailable("The engine is not running: ask again.")
        return self._client

    def _start(self) -> None:
        import dask
        from distributed import Client, LocalCluster
        from distributed.security import Security

        quiet()
        try:
            if self._scheduler is not None:
                self._client = Client(self._scheduler, timeout=_CONNECT_S, set_as_default=False, name="bindscope")
                return
            with warnings.catch_warnings(), dask.config.set({_TRIM: _KEPT_MEMORY, _MAP: _LARGEST_MAPPED}):
                warnings.simplefilter("ignore")  # "this takes surprisingly long", on a busy machine
                self._cluster = LocalCluster(
                    n_workers=self.workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    # Dask's own page stays shut, but its listener wants a port: any free one, without pages.
                    dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"dashboard": False},
                    security=Security.temporary(),
                    memory_limit=0,
                    silence_logs=logging.CRITICAL,
                )
            self._client = Client(self._cluster, set_as_default=False, name="bindscope")
        except (OSError, TimeoutError, RuntimeError, ValueError) as error:
            self._shut()
            where = f"The scheduler at {self._scheduler}" if self._scheduler else "The embedded engine"
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            raise ComputeUnavailable(f"{where} could not be reached ({reason}): is it running?") from error

    def _shut_down_idle(self) -> None:
        with self._lock:
            if self._users == 0:
                self._shut()

    def _shut(self) -> None:
        client, cluster = self._client, self._cluster
        self._client = self._cluster = None
        if client is not None:
            client.close(timeout=5)
        if cluster is not None:
            cluster.close(timeout=10)
