"""A worker that joins a cluster: Dask's own, told how many cells it takes and whether it has a GPU."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable

from bindscope.core.errors import ComputeUnavailable

_CONNECT_S = 20.0


def join(address: str, *, threads: int, name: str | None, say: Callable[[str], object]) -> None:
    """Works for the scheduler at ``address`` until a signal or the scheduler ends it. Raises ComputeUnavailable.

    Certificates for ``tls://`` come from Dask's own settings (``DASK_DISTRIBUTED__COMM__TLS__...``).
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    try:
        asyncio.run(_work(address, threads=threads, name=name, say=say))
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        raise ComputeUnavailable(
            f"The scheduler at {address} cannot be reached ({type(error).__name__}): is it running?"
        ) from error


async def _work(address: str, *, threads: int, name: str | None, say: Callable[[str], object]) -> None:
    from distributed import Worker

    quiet()
    resources = {"GPU": 1.0} if _gpu() else {}
    worker = Worker(
        address,
        nthreads=threads,
        name=name,
        resources=resources,
        dashboard_address=None,
        dashboard=False,
        memory_limit=0,
        death_timeout=_CONNECT_S,
    )
    async with worker:
        say(f"Worker {worker.name} joined {address}: {threads} at once, {'a GPU' if resources else 'no GPU'}.")
        if sys.platform != "win32":  # there Ctrl-C raises by itself
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(
                    number, lambda: asyncio.ensure_future(worker.close(nanny=False))
                )
        await worker.finished()
    say("Worker left.")


def quiet() -> None:
    """Dask sets the levels of its loggers while it is imported: only errors are news here."""
    import distributed  # noqa: F401

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)


def _gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())
