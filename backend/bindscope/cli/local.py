"""A client for a running service, or for one that lives as long as the command."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bindscope.client import BindscopeClient


@contextlib.contextmanager
def client_for(url: str | None) -> "Iterator[BindscopeClient]":
    """The service at ``url`` (or ``BINDSCOPE_API_URL``); without one, a service in this process."""
    url = service_address(url)
    if url:
        from bindscope.client import BindscopeClient

        with BindscopeClient(url, os.environ.get("BINDSCOPE_API_KEY"), timeout=3600) as client:
            yield client
    else:
        import bindscope

        with bindscope.local() as client:
            yield client


def service_address(url: str | None) -> str | None:
    """Where the service is that was asked for, if any."""
    return url or os.environ.get("BINDSCOPE_API_URL") or None
