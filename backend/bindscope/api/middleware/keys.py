"""Who may ask, and how often."""

import hashlib
import hmac
import math
import time
from collections.abc import Mapping, Sequence

import structlog
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from bindscope.api.errors import answer_to, refusal
from bindscope.core.errors import Overloaded

#: Says only that the process is there, or what every copy of Bindscope says about itself.
_OPEN = frozenset({"/livez", "/docs", "/openapi.json"})
_OPEN_FILES = "/static-offline-docs/"


class KeyCheck:
    """``keys`` by name; none means that everybody may ask. Each has ``per_minute`` requests (0: any number).

    ``origins`` may send the question that browsers ask before a request (CORS), which carries no key.
    """

    def __init__(
        self, app: ASGIApp, keys: Mapping[str, SecretStr], *, per_minute: int = 0, origins: Sequence[str] = ()
    ) -> None:
        self._app = app
        self._hashes = {name: _hash(key.get_secret_value()) for name, key in keys.items()}
        self._bucket = Buckets(per_minute)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_open(scope["path"]) or self._asks_first(scope):
            await self._app(scope, receive, send)
            return
        name = self._caller(scope)
        if name is None:
            detail = "Send a key of this service: Authorization: Bearer KEY (the client reads BINDSCOPE_API_KEY)."
            answer = refusal("unauthorized", 401, detail, {"WWW-Authenticate": "Bearer"})
            await answer(scope, receive, send)
            return
        structlog.contextvars.bind_contextvars(key=name)
        wait = self._bucket.take(name)
        if wait:
            error = Overloaded(f"Key {name!r} has used its requests of this minute: try again.", retry_after=wait)
            await answer_to(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _asks_first(self, scope: Scope) -> bool:
        return scope["method"] == "OPTIONS" and Headers(scope=scope).get("origin") in self._origins

    def _caller(self, scope: Scope) -> str | None:
        """Name of the key that was sent, ``anyone`` where none is needed, None where it is wrong."""
        if not self._hashes:
            return "anyone"
        kind, _, sent = Headers(scope=scope).get("authorization", "").partition(" ")
        digest = _hash(sent.strip() if kind.lower() == "bearer" else "")
        # All are compared, each in constant time: how long it takes tells nothing.
        fits = [name for name, own in self._hashes.items() if hmac.compare_digest(own, digest)]
        return fits[0] if fits else None


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_FILES)


class Buckets:
    """A bucket of requests for each name, refilled evenly; a full one allows a burst of a tenth of a minute's."""

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute / 60.0
        self._most = max(1.0, per_minute / 10.0)
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> float:
        """0 where the request may go on, else the seconds until one may. Called from the event loop only."""
        if not self._rate:
            return 0.0
        now = time.monotonic()
        left, since = self._left.get(name, (self._most, now))
        left = min(self._most, left + (now - since) * self._rate)
        if left < 1.0:
            self._left[name] = (left, now)
            return math.ceil((1.0 - left) / self._rate)
        self._left[name] = (left - 1.0, now)
        return 0.0


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
