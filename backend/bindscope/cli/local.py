"""A client for a running service, or for one that lives as long as the command."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator

from bindscope.client import BindscopeClient
from bindscope.errors import InvalidInput


@contextlib.contextmanager
def client_for(url: str | None) -> Iterator[BindscopeClient]:
    """The service at ``url`` (or ``BINDSCOPE_API_URL``); without one, a private service on a free loopback port."""
    url = service_address(url)
    if url:
        with BindscopeClient(url, os.environ.get("BINDSCOPE_API_KEY"), timeout=3600) as client:
            yield client
    else:
        with _private_service() as address, BindscopeClient(address, timeout=3600) as client:
            yield client


def service_address(url: str | None) -> str | None:
    """Where the service is that was asked for, if any."""
    return url or os.environ.get("BINDSCOPE_API_URL") or None


@contextlib.contextmanager
def _private_service() -> Iterator[str]:
    import uvicorn

    from bindscope.api.app import create_app
    from bindscope.config import Settings

    settings = Settings().model_copy(update={"preload": ()})
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="private service", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise InvalidInput("The service could not start: see the lines above.")
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
