"""File locks that end with their process, however it ends. POSIX only; imported by ``embedded`` where it runs."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bindscope.core.errors import StoreUnavailable


def open_lock(path: Path) -> int:
    """A file descriptor to lock; the file is made when missing, readable by us only."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Takes the lock (or changes it to this kind) if nobody is in the way."""
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether some process holds the lock exclusively."""
    descriptor = open_lock(path)
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether ``condition`` came true in time; asks often at first, then every 50 ms."""
    deadline = time.monotonic() + seconds
    pause = 0.002
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return True


@contextmanager
def exclusive(path: Path, *, seconds: float) -> Iterator[None]:
    """Holds the lock of ``path``. Raises StoreUnavailable when another process keeps it for ``seconds``."""
    descriptor = open_lock(path)
    try:
        if not wait_until(lambda: try_lock(descriptor), seconds=seconds):
            raise StoreUnavailable(
                f"Another process has been starting or stopping the store of this data directory for {seconds:.0f} s: "
                "try again, or set BINDSCOPE_DATA_DIR to another folder."
            )
        yield
    finally:
        os.close(descriptor)
