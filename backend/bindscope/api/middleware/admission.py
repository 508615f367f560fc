"""How many requests are worked on at once; more are told to come again."""

from starlette.types import ASGIApp, Receive, Scope, Send

from bindscope.api.errors import answer_to
from bindscope.core.errors import Overloaded

#: Asked by whoever watches over the service: they are never turned away.
WATCHERS = frozenset({"/livez", "/readyz", "/metrics"})


class Admission:
    """At most ``most`` requests at once. A request counts until its work has ended, even where its caller left."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app, self._most = app, most
        self._inside = 0
        # Made once: turning away must cost next to nothing.
        self._full = answer_to(Overloaded(f"{most} requests are being answered already: try again in a moment."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in WATCHERS:
            await self._app(scope, receive, send)
            return
        if self._inside >= self._most:
            await self._full(scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1
