"""The service in this process: a real server on a socket that nobody else reaches, and a client of it."""

import secrets
import shutil
import socket
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from pydantic import SecretStr

from bindscope.api.app import create_app
from bindscope.client import BindscopeClient
from bindscope.core.config import Settings
from bindscope.core.errors import InvalidInput
from bindscope.services.container import Services, assembled
from bindscope.services.telemetry import Telemetry

#: Paths of sockets are short on every system.
_LONGEST = 100


class LocalClient(BindscopeClient):
    """Closing it stops the service: its models, threads and embedded store."""

    def __init__(self, settings: Settings, *, timeout: float = 3600.0) -> None:
        self._service = _Service(settings)
        transport = None if self._service.path is None else httpx2.HTTPTransport(uds=str(self._service.path))
        super().__init__(self._service.url, self._service.key, timeout=timeout, transport=transport)

    def close(self) -> None:
        """Ends the service; a second call does nothing."""
        super().close()
        self._service.close()


def local(**settings: Any) -> LocalClient:
    """A client of a service that lives as long as it does. Keywords are settings (``data_dir``, ``device``, ...);
    others come from ``BINDSCOPE_*`` as they do for the service. Raises InvalidInput where it cannot start."""
    # No key is needed where nobody else can call.
    fixed = {"preload": (), "log_level": "error", "api_keys": None, "allowed_hosts": (), **settings}
    return LocalClient(Settings().model_copy(update=Settings(**fixed).model_dump(include=set(fixed))))


class _Service:
    """A server in a thread: on a Unix socket in a folder of this user, or on a loopback port that wants a key."""

    def __init__(self, settings: Settings) -> None:
        self.url, self.path, self.key = "http://127.0.0.1", _socket_path(), None
        self._failure: Exception | None = None
        if self.path is not None:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(str(self.path))
            # Also where nobody closes the client.
            self._remove = weakref.finalize(self, shutil.rmtree, self.path.parent, ignore_errors=True)
        else:
            self._socket = socket.create_server(("127.0.0.1", 0))
            self.url += f":{self._socket.getsockname()[1]}"
            self.key = secrets.token_urlsafe(32)
            settings = settings.model_copy(update={"api_keys": SecretStr(self.key)})
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings, self._assembled),
                log_config=None,
                log_level="critical",
                access_log=False,
                # Longer than the client keeps a connection: the server never closes one that is about to be used.
                timeout_keep_alive=60,
                timeout_graceful_shutdown=settings.drain_s,
            )
        )
        self._thread = threading.Thread(target=self._run, name="local service", daemon=True)
        self._thread.start()
        while self._thread.is_alive() and not self._server.started:
            time.sleep(0.005)
        if not self._server.started:
            self.close()
            raise InvalidInput(f"The service could not start: {self._failure or 'see the lines above'}.")

    def close(self) -> None:
        """Ends the service once it has answered what it was asked."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        if self.path is not None:
            self._remove()

    def _run(self) -> None:
        with suppress(SystemExit):  # the server's way of saying that the app did not start
            self._server.run(sockets=[self._socket])

    @contextmanager
    def _assembled(self, settings: Settings, telemetry: Telemetry) -> Iterator[Services]:
        """Keeps the reason why it could not start: the server only says that it could not."""
        with ExitStack() as stack:
            try:
                services = stack.enter_context(assembled(settings, telemetry))
            except Exception as error:
                self._failure = error
                raise
            yield services


def _socket_path() -> Path | None:
    """A path in a new folder of this user; None where there are no Unix sockets or the path is too long for one."""
    if not hasattr(socket, "AF_UNIX"):
        return None
    path = Path(tempfile.mkdtemp(prefix="bindscope-")) / "http.sock"
    if len(bytes(path)) <= _LONGEST:
        return path
    path.parent.rmdir()
    return None
