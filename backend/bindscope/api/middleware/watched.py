"""What an operator sees of a request (an id, a log line, counters), and the headers that every answer carries."""

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bindscope.api.middleware.admission import WATCHERS
from bindscope.core.logs import logger
from bindscope.services.traffic import Traffic

_log = logger("bindscope.requests")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
#: The page of the documentation loads its own script and style, from here and nowhere else.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)


class Watched:
    """The outermost layer. Neither bodies nor headers nor queries are logged."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app, self._traffic = app, traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get("x-request-id", "")
        request_id = sent if _ID.fullmatch(sent) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=request_id)
        started, status = time.perf_counter(), 499  # nothing was sent: the caller left

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"] == "/docs":
                    headers["Content-Security-Policy"] = _DOCS_POLICY
                headers["X-Request-Id"] = request_id
            await send(message)

        self._traffic.began()
        try:
            await self._app(scope, receive, send_on)
        except Exception:
            status = 500
            _log.exception("request failed", method=scope["method"], path=scope["path"])
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "unknown")
            self._traffic.ended(scope["method"], route, status, seconds)
            say = _log.debug if scope["path"] in WATCHERS else _log.warning if status >= 500 else _log.info
            say("request", method=scope["method"], route=route, status=status, ms=round(1000 * seconds, 1))
