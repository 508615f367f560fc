"""``bindscope serve`` for the length of a block."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bindscope.cli.supervisor import free_port


@contextlib.contextmanager
def serving(data_dir: Path, **variables: str) -> Iterator[int]:
    """Its port. ``variables``: settings by the name of their field."""
    port = free_port("127.0.0.1")
    own = {f"BINDSCOPE_{name.upper()}": value for name, value in variables.items()}
    env = {**os.environ, "BINDSCOPE_DATA_DIR": str(data_dir), "BINDSCOPE_PRELOAD": "", **own}
    process = subprocess.Popen([sys.executable, "-m", "bindscope", "serve", "--port", str(port)], env=env)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            with (
                contextlib.suppress(OSError, urllib.error.URLError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5),
            ):
                break
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(60)
