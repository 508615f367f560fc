"""The framework's own answer to a body beyond the limit is plain text: here it becomes a problem like every other."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bindscope.api.errors import body_too_large


class _LimitProblem:
    """Wraps the whole app, since the limit is checked outside of every middleware that can be added."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced = False

        async def send_problem(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start":
                kind = dict(message["headers"]).get(b"content-type", b"")
                replaced = message["status"] == 413 and kind.startswith(b"text/plain")
                if replaced:
                    await body_too_large()(scope, receive, send)
                    return
            if not replaced:
                await send(message)

        await self._app(scope, receive, send_problem if scope["type"] == "http" else send)


def install(app: FastAPI) -> None:
    """Makes the refusal of a body that is too large a problem."""
    plain = app.build_middleware_stack

    def build() -> ASGIApp:
        return _LimitProblem(plain())

    app.build_middleware_stack = build  # type: ignore[method-assign]
