"""Names that the service answers to: a page elsewhere that points its own name at this machine gets nothing."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from bindscope.api.errors import refusal


class HostCheck:
    """``hosts``: names without port, ``*.example.org`` for all below one, ``*`` for any."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app, self._hosts = app, tuple(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "*" not in self._hosts:
            name = _name(Headers(scope=scope).get("host", ""))
            if not any(fnmatchcase(name, host) for host in self._hosts):
                detail = "This service does not answer to that host name: add it to BINDSCOPE_ALLOWED_HOSTS."
                await refusal("unknown-host", 421, detail)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _name(host: str) -> str:
    """Without the port; brackets of an IPv6 address belong to the name."""
    if host.startswith("["):
        return host.partition("]")[0].lstrip("[").lower()
    return host.partition(":")[0].lower()
