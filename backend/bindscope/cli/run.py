"""``up``, ``serve`` and ``dashboard``: start things and keep them running."""

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bindscope.errors import InvalidInput

if TYPE_CHECKING:
    from bindscope.config import Settings

_Host = Annotated[str | None, typer.Option(help="Address to listen on (default: loopback only).")]
_Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port (0: any free one).")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(serve)
    app.command()(dashboard)
    app.command()(up)


def serve(host: _Host = None, port: _Port = None) -> None:
    """Start the service (REST API on port 8000)."""
    import uvicorn

    from bindscope.api.app import create_app
    from bindscope.config import Settings

    settings = _with(Settings(), host=host, port=port)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=60,
    )


def dashboard(
    host: _Host = None,
    port: _Port = None,
    url: Annotated[str | None, typer.Option(help="The service that it shows (default: http://127.0.0.1:8000).")] = None,
) -> None:
    """Start the dashboard (port 8501) for the service at --url."""
    from bindscope.config import Settings

    _needs_dashboard()
    settings = Settings()
    if url is not None:
        os.environ["BINDSCOPE_API_URL"] = url
    command = dashboard_command(host or settings.host, settings.dashboard_port if port is None else port)
    os.execv(command[0], command)


def up(host: _Host = None, port: _Port = None, dashboard_port: _Port = None) -> None:
    """Start store, service and dashboard together; Ctrl-C stops all of it."""
    from bindscope.cli.supervisor import run_together
    from bindscope.config import Settings

    _needs_dashboard()
    settings = _with(Settings(), host=host, port=port)
    raise typer.Exit(
        run_together(
            host=settings.host,
            port=settings.port,
            dashboard_port=settings.dashboard_port if dashboard_port is None else dashboard_port,
        )
    )


def dashboard_command(host: str, port: int) -> list[str]:
    """The dashboard is its own program: the service never imports it."""
    return [sys.executable, "-m", "bindscope_dashboard", "--host", host, "--port", str(port)]


def _needs_dashboard() -> None:
    if importlib.util.find_spec("streamlit") is None or importlib.util.find_spec("bindscope_dashboard") is None:
        raise InvalidInput("The dashboard is not installed: run pip install 'bindscope[all]'.")


def _with(settings: "Settings", **changes: object) -> "Settings":
    given = {name: value for name, value in changes.items() if value is not None}
    return settings.model_copy(update=given)
