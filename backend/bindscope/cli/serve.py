"""``up``, ``serve``, ``dashboard``, ``worker`` and ``health``: start things, and look whether they run."""

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bindscope.cli.options import Url
from bindscope.core.errors import InvalidInput

if TYPE_CHECKING:
    from bindscope.core.config import Settings

_Host = Annotated[str | None, typer.Option(help="Address to listen on (default: loopback only).")]
_Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port (0: any free one).")]


def add(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    for command in (up, serve, dashboard, worker, health):
        app.command()(command)


def serve(host: _Host = None, port: _Port = None) -> None:
    """Start the service (REST API on port 8000)."""
    import uvicorn

    from bindscope.api.app import create_app
    from bindscope.core.config import Settings
    from bindscope.core.logs import configure

    settings = _with(Settings(), host=host, port=port)
    check_service(settings)
    configure(settings.log_level, settings.log_format)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_s,
        timeout_keep_alive=60,
    )


def dashboard(
    host: _Host = None,
    port: _Port = None,
    url: Annotated[str | None, typer.Option(help="The service that it shows (default: http://127.0.0.1:8000).")] = None,
) -> None:
    """Start the dashboard (port 8501) for the service at --url."""
    from bindscope.core.config import Settings

    _needs_dashboard()
    settings = _with(Settings(), host=host)
    check_dashboard(settings)
    if url is not None:
        os.environ["BINDSCOPE_API_URL"] = url
    command = dashboard_command(settings.host, settings.dashboard_port if port is None else port)
    os.execv(command[0], command)


def up(host: _Host = None, port: _Port = None, dashboard_port: _Port = None) -> None:
    """Start store, service and dashboard together; Ctrl-C stops all of it."""
    from bindscope.cli.supervisor import run_together
    from bindscope.core.config import Settings

    _needs_dashboard()
    settings = _with(Settings(), host=host, port=port)
    check_service(settings)
    check_dashboard(settings)
    keys = [key.get_secret_value() for key in settings.keys.values()]
    raise typer.Exit(
        run_together(
            key=os.environ.get("BINDSCOPE_API_KEY") or next(iter(keys), None),
            host=settings.host,
            port=settings.port,
            dashboard_port=settings.dashboard_port if dashboard_port is None else dashboard_port,
        )
    )


def worker(
    scheduler: Annotated[
        str | None, typer.Argument(help="The scheduler's address (default: BINDSCOPE_SCHEDULER), tcp:// or tls://.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Cells that it computes at once.")] = 1,
    name: Annotated[str | None, typer.Option(help="The worker's name.")] = None,
) -> None:
    """Join a cluster as a worker; it offers its GPU where it has one. Ctrl-C leaves."""
    from bindscope.core.config import Settings
    from bindscope.jobs.joining import join

    address = scheduler or Settings().scheduler
    if address is None:
        raise InvalidInput("Name the scheduler: bindscope worker tcp://HOST:8786, or set BINDSCOPE_SCHEDULER.")
    join(address, threads=threads, name=name, say=typer.echo)


def health(url: Url = None) -> None:
    """Is the service at --url (or BINDSCOPE_API_URL, or port 8000 here) ready? Exit 1 where it is not."""
    from bindscope.client import BindscopeClient
    from bindscope.client.connection import DEFAULT_URL

    address = url or os.environ.get("BINDSCOPE_API_URL") or DEFAULT_URL
    with BindscopeClient(address, os.environ.get("BINDSCOPE_API_KEY"), timeout=10) as client:
        state = client.ready()
    typer.echo(f"ready{', without its store' if state.degraded else ''}: {state.canary}")


def dashboard_command(host: str, port: int) -> list[str]:
    """The dashboard is its own program: the service never imports it."""
    return [sys.executable, "-m", "bindscope_dashboard", "--host", host, "--port", str(port)]


def check_service(settings: "Settings") -> None:
    """Refuses to let a network in without keys, unless told so. Raises InvalidInput."""
    from bindscope.core.config import is_loopback

    if not (is_loopback(settings.host) or settings.keys or settings.allow_open_service):
        raise InvalidInput(
            f"Everybody who reaches {settings.host} could use this service: set BINDSCOPE_API_KEYS, or "
            "BINDSCOPE_ALLOW_OPEN_SERVICE=1 where something in front of it asks for a login."
        )


def check_dashboard(settings: "Settings") -> None:
    """The dashboard has no login of its own. Raises InvalidInput where a network would reach it, unless told so."""
    from bindscope.core.config import is_loopback

    if not (is_loopback(settings.host) or settings.allow_open_dashboard):
        raise InvalidInput(
            f"Everybody who reaches {settings.host} could use the dashboard, and it has no login: leave it on "
            "127.0.0.1, or set BINDSCOPE_ALLOW_OPEN_DASHBOARD=1 where something in front of it asks for one."
        )


def _needs_dashboard() -> None:
    if importlib.util.find_spec("streamlit") is None or importlib.util.find_spec("bindscope_dashboard") is None:
        raise InvalidInput("The dashboard is not installed: run pip install 'bindscope[all]'.")


def _with(settings: "Settings", **changes: object) -> "Settings":
    given = {name: value for name, value in changes.items() if value is not None}
    return settings.model_copy(update=given)
