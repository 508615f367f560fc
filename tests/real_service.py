"""A service on a real socket, in a thread of the test or as a process of its own."""

import contextlib
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from bindscope.api.app import create_app
from bindscope.cli.supervisor import free_port
from bindscope.core.config import Settings


@contextlib.contextmanager
def serving(settings: Settings, app=None) -> Iterator[str]:
    """Address of a service in a thread."""
    app = app or create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


class Process:
    """``bindscope serve`` as a user starts it. ``lines`` is what it wrote to stderr."""

    def __init__(self, data_dir: Path, *prefix: str, **variables: str) -> None:
        self.port = free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("BINDSCOPE_")}
        env = {**plain, "BINDSCOPE_DATA_DIR": str(data_dir), "BINDSCOPE_PRELOAD": "", "BINDSCOPE_LOG_LEVEL": "info"}
        self._log = (data_dir.parent / f"{data_dir.name}-{self.port}.log").open("wb+")
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "bindscope", "serve", "--port", str(self.port)],
            env={**env, **{f"BINDSCOPE_{name.upper()}": value for name, value in variables.items()}},
            stderr=self._log,
            stdout=subprocess.DEVNULL,
        )

    @property
    def lines(self) -> list[str]:
        return Path(self._log.name).read_text(encoding="utf-8").splitlines()

    def __enter__(self) -> "Process":
        deadline = time.monotonic() + 90
        while True:
            with contextlib.suppress(OSError, urllib.error.URLError):
                urllib.request.urlopen(f"{self.url}/livez", timeout=2).close()
                return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise AssertionError("\n".join(self.lines))
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        self._log.close()
