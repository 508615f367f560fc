"""Service and dashboard as two processes that live and end together."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import FrameType

from bindscope.cli.serve import dashboard_command
from bindscope.core.errors import InvalidInput

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 45.0


def run_together(*, host: str, port: int, dashboard_port: int, key: str | None = None) -> int:
    """Starts both, prints the addresses, waits. Returns the exit code: 0 after Ctrl-C, 1 when one ended by itself.

    ``key`` is what the dashboard shows to the service.
    """
    port, dashboard_port = port or free_port(host), dashboard_port or free_port(host)
    for name, number in (("service", port), ("dashboard", dashboard_port)):
        _check_free(host, number, name)
    reach = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    url = f"http://{reach}:{port}"
    with _stop_signals(), contextlib.ExitStack() as stack:
        try:
            print("Starting the store and the service ...", flush=True)
            serve = [sys.executable, "-m", "bindscope", "serve", "--host", host, "--port", str(port)]
            service = stack.enter_context(_process(serve, {}))
            _wait_for(f"{url}/livez", service, "service")
            print("Starting the dashboard ...", flush=True)
            page_needs = {"BINDSCOPE_API_URL": url} | ({"BINDSCOPE_API_KEY": key} if key else {})
            page = stack.enter_context(_process(dashboard_command(host, dashboard_port), page_needs))
            _wait_for(f"http://{reach}:{dashboard_port}/_stcore/health", page, "dashboard")
            print(f"\n  Bindscope is running\n\n    Dashboard  http://{reach}:{dashboard_port}")
            print(f"    Service    {url}  (documentation at {url}/docs)\n\n  Ctrl-C stops everything.", flush=True)
            return _wait_until_one_ends(service, page)
        except _Stopped:
            print("\nStopping ...", flush=True)
            return 0


class _Stopped(Exception):
    """Ctrl-C, SIGTERM or SIGHUP (which Windows lacks) arrived."""


@contextlib.contextmanager
def _stop_signals() -> Iterator[None]:
    names = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

    def stop(_: int, __: FrameType | None) -> None:
        # Stopping takes a moment: a second Ctrl-C must not leave children behind.
        for name in names:
            signal.signal(name, signal.SIG_IGN)
        raise _Stopped

    before = {name: signal.signal(name, stop) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


@contextlib.contextmanager
def _process(command: list[str], extra: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    # A session of its own: the terminal's Ctrl-C reaches only the supervisor, which stops its children in order.
    # Its greetings would stand between ours; errors go to stderr and stay.
    process = subprocess.Popen(command, env={**os.environ, **extra}, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                # Its own children too, where the system has process groups.
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
            process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]", name: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise InvalidInput(f"The {name} ended at once with code {process.returncode}: see the lines above.")
        with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise InvalidInput(f"The {name} did not answer at {url} within {START_TIMEOUT_S:.0f} seconds.")


def _wait_until_one_ends(service: "subprocess.Popen[bytes]", page: "subprocess.Popen[bytes]") -> int:
    while True:
        for name, process in (("service", service), ("dashboard", page)):
            if process.poll() is not None:
                print(f"The {name} ended with code {process.returncode}; stopping the rest.", file=sys.stderr)
                return 1
        time.sleep(0.3)


def free_port(host: str) -> int:
    """A port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _check_free(host: str, port: int, name: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            variable = "BINDSCOPE_PORT" if name == "service" else "BINDSCOPE_DASHBOARD_PORT"
            raise InvalidInput(
                f"Port {port} for the {name} is taken: stop what uses it or set {variable} to another one."
            ) from error
