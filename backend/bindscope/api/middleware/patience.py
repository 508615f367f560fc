"""A caller that leaves stops costing, and no caller waits for ever."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bindscope.api.errors import stopping, timed_out
from bindscope.core.cancellation import Token, carrying


class Patience:
    """Gives each request a token that is cancelled when its caller hangs up or ``limit_s`` is over.

    The answer to a request that takes too long goes out at once (504); its work ends at its next check of the token.
    An answer that has begun (a stream) has no limit.
    """

    def __init__(self, app: ASGIApp, *, limit_s: float) -> None:
        self._app, self._limit_s = app, limit_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = Token()
        listener = _Listener(receive, token, empty=_is_empty(scope))
        response = _Response(send)
        with carrying(token):
            work = asyncio.ensure_future(self._app(scope, listener.receive, response.send))
        try:
            await asyncio.wait({work}, timeout=self._limit_s)
            if not work.done() and not response.open:
                token.cancel("late")
                response.closed = True
                await timed_out(self._limit_s)(scope, receive, send)
            await work
        except asyncio.CancelledError:
            # The server waits no longer: its caller must not take that for a fault of the service.
            token.cancel("left")
            if response.open:
                raise
            response.closed = True
            await stopping()(scope, receive, send)
        finally:
            listener.stop()
            if not work.done():
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work


class _Response:
    """Drops messages after the response is closed."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.open = False
        self.closed = False

    async def send(self, message: Message) -> None:
        if self.closed:
            return
        self.open = True
        await self._send(message)


class _Listener:
    """Passes the body on, then watches for the caller's disconnect."""

    def __init__(self, receive: Receive, token: Token, *, empty: bool) -> None:
        self._receive, self._token = receive, token
        self._watcher: asyncio.Task[Message] | None = None
        self._body_to_come = not empty
        if empty:
            # A route that takes no body never asks for it.
            self._watcher = asyncio.create_task(self._watch())

    async def receive(self) -> Message:
        if self._watcher is not None:
            if not self._body_to_come:
                self._body_to_come = True
                return {"type": "http.request", "body": b"", "more_body": False}
            return await asyncio.shield(self._watcher)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._token.cancel("left")
        elif not message.get("more_body", False):
            self._watcher = asyncio.create_task(self._watch())
        return message

    async def _watch(self) -> Message:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._token.cancel("left")
                return message

    def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()


def _is_empty(scope: Scope) -> bool:
    """Whether the request announces no body."""
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
