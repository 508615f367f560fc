"""The short private folder that holds the server's socket (socket paths are limited to about 100 bytes)."""

import os
import stat
import tempfile
from pathlib import Path

from bindscope.core.errors import StoreUnavailable
from bindscope.core.hashing import digest

SOCKET = "kv.sock"
MAX_SOCKET_PATH = 100


def runtime_folder(data_dir: Path) -> Path:
    """The folder for ``data_dir``: in XDG_RUNTIME_DIR, else in the system's folder for temporary files.

    Only its name is worked out here. The name holds a hash of the data directory and the user.
    """
    user = os.geteuid()
    name = digest(f"{user}\0{data_dir}".encode("utf-8", "surrogateescape"), size=8)
    bases = (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp")
    for base in bases:
        folder = Path(base) / f"bindscope-{name}"
        if base and Path(base).is_dir() and len(os.fsencode(folder / SOCKET)) < MAX_SOCKET_PATH:
            return folder
    raise StoreUnavailable("No folder is short enough for the store's socket: set XDG_RUNTIME_DIR to a short one.")


def make_private(folder: Path) -> None:
    """Makes ``folder`` with mode 700, or makes sure that it is ours and closed to everybody else.

    Raises StoreUnavailable: in a shared temporary folder somebody else may have made it first.
    """
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreUnavailable(f"Cannot make the folder of the store's socket {folder}: {error.strerror}.") from error
    require_private(folder)


def require_private(folder: Path) -> None:
    """Raises StoreUnavailable unless ``folder`` is a real folder of ours with mode 700."""
    try:
        found = folder.lstat()
    except OSError as error:
        raise StoreUnavailable(f"The folder of the store's socket {folder} is gone: {error.strerror}.") from error
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise StoreUnavailable(
            f"The folder of the store's socket {folder} is not a private folder of this user (mode 700): remove it, or "
            "set XDG_RUNTIME_DIR to a folder that only you can write to."
        )
