"""What every request passes before a route sees it, from the outside in.

``watched`` (id, log line, counters, headers) > ``hosts`` (who may be addressed) > ``keys`` (who may ask, how often) >
``admission`` (how many at once) > ``patience`` (leaving callers and time limits) > the app. All of it is plain ASGI:
behind a ``BaseHTTPMiddleware`` a service never learns that its caller has left.
"""

from fastapi import FastAPI
from starlette.types import ASGIApp

from bindscope.api.middleware.admission import Admission
from bindscope.api.middleware.hosts import HostCheck
from bindscope.api.middleware.keys import KeyCheck
from bindscope.api.middleware.patience import Patience
from bindscope.api.middleware.watched import Watched
from bindscope.core.config import Settings
from bindscope.services.traffic import Traffic


def install(app: FastAPI, settings: Settings, traffic: Traffic) -> None:
    """Puts the door before ``app``, its error handlers and its limit of the body."""
    plain = app.build_middleware_stack

    def build() -> ASGIApp:
        inner: ASGIApp = Patience(plain(), limit_s=settings.request_timeout_s)
        inner = Admission(inner, most=settings.max_requests)
        inner = KeyCheck(inner, settings.keys, per_minute=settings.rate_limit, origins=settings.cors_origins)
        inner = HostCheck(inner, settings.hosts)
        return Watched(inner, traffic)

    app.build_middleware_stack = build  # type: ignore[method-assign]
