"""Files and folders that appear whole or not at all, and one error for a disk that is full."""

import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bindscope.core.errors import DiskFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: End of the name of a file that is still being written.
UNFINISHED = ".part"


def is_full(error: BaseException | None) -> bool:
    """Whether the error says that there is no room for a file."""
    return isinstance(error, OSError) and error.errno in _FULL


def no_room(place: object) -> DiskFull:
    """The error for a file that does not fit below ``place``."""
    return DiskFull(f"The disk is full: make room where {place} lies and try again.")


@contextmanager
def room_below(place: object) -> Iterator[None]:
    """Raises DiskFull in place of an OSError that says so."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise no_room(place) from error
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Replaces the file at once: a reader sees the old bytes or the new ones. Raises DiskFull, then nothing changed."""
    beside = path.with_name(f"{path.name}.{uuid.uuid4().hex}{UNFINISHED}")
    with room_below(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(beside, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """A new folder below ``parent`` to be filled and then moved to its place (``move_whole``); where it was not moved,
    it is gone after the block. Raises DiskFull."""
    with room_below(parent):
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=f"{UNFINISHED}-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def move_whole(folder: Path, target: Path) -> None:
    """Gives a filled folder its name, unless another of the same content won the race for it."""
    try:
        os.replace(folder, target)
    except OSError:
        if not target.is_dir():
            raise
