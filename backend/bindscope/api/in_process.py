"""The service without a server: a client whose requests go to the app in this process, no socket between them."""

import asyncio
import queue
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import httpx2

from bindscope.api.app import create_app
from bindscope.client import BindscopeClient
from bindscope.core.config import Settings
from bindscope.core.errors import InvalidInput

_ADDRESS = "http://127.0.0.1"
_START_S = 120.0


class LocalClient(BindscopeClient):
    """Closing it stops the service: its models, threads and embedded store."""

    def __init__(self, settings: Settings, *, timeout: float = 3600.0) -> None:
        self._service = InProcessTransport(settings)
        super().__init__(_ADDRESS, timeout=timeout, transport=self._service)

    def close(self) -> None:
        """Ends the service; a second call does nothing."""
        super().close()
        self._service.close()


def local(**settings: Any) -> LocalClient:
    """A client of a service that lives as long as it does. Keywords are settings (``data_dir``, ``device``, ...);
    others come from ``BINDSCOPE_*`` as they do for the service. Raises InvalidInput where it cannot start."""
    # No key is needed where nobody else can call.
    fixed = {"preload": (), "log_level": "error", "api_keys": None, "allowed_hosts": (), **settings}
    return LocalClient(Settings().model_copy(update=Settings(**fixed).model_dump(include=set(fixed))))


class InProcessTransport(httpx2.BaseTransport):
    """Requests of a synchronous client on an event loop of its own; answers stream as they are made."""

    def __init__(self, settings: Settings) -> None:
        self._app = create_app(settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="local service", daemon=True)
        self._state: dict[str, Any] = {}
        self._to_lifespan: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._from_lifespan: queue.Queue[Mapping[str, Any]] = queue.Queue()
        self._closed = False
        self._thread.start()
        self._lifespan = asyncio.run_coroutine_threadsafe(self._live(), self._loop)
        self._tell({"type": "lifespan.startup"})
        try:
            answer = self._from_lifespan.get(timeout=_START_S)
        except queue.Empty:
            answer = {"type": "lifespan.startup.failed", "message": "it took too long"}
        if answer["type"] != "lifespan.startup.complete":
            self._stop_loop()
            raise InvalidInput(f"The service could not start: {answer.get('message') or 'see the lines above'}.")

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises what the app raises before its answer begins."""
        if self._closed:
            raise InvalidInput("This client is closed: make another one.")
        exchange = _Exchange(self._loop, request.read())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.url.path,
            "raw_path": request.url.raw_path.split(b"?", 1)[0],
            "query_string": request.url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 80),
            "state": dict(self._state),
        }
        asyncio.run_coroutine_threadsafe(self._answer(scope, exchange), self._loop)
        status, headers = exchange.head()
        return httpx2.Response(status, headers=headers, stream=exchange)

    def close(self) -> None:
        """Ends the lifespan and the loop."""
        if self._closed:
            return
        self._closed = True
        self._tell({"type": "lifespan.shutdown"})
        self._lifespan.result(timeout=120)
        self._stop_loop()

    async def _answer(self, scope: Mapping[str, Any], exchange: "_Exchange") -> None:
        try:
            await self._app(dict(scope), exchange.receive, exchange.send)
        except BaseException as error:
            exchange.failed(error)
            if not isinstance(error, Exception):
                raise
        finally:
            exchange.ended()

    async def _live(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}

        async def send(message: Mapping[str, Any]) -> None:
            self._from_lifespan.put(message)

        await self._app(scope, self._to_lifespan.get, send)

    def _tell(self, message: MutableMapping[str, Any]) -> None:
        self._loop.call_soon_threadsafe(self._to_lifespan.put_nowait, message)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _stop_loop(self) -> None:
        async def finish() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._loop.shutdown_default_executor()

        asyncio.run_coroutine_threadsafe(finish(), self._loop).result(timeout=60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()


class _Exchange(httpx2.SyncByteStream):
    """One request and its answer, between the loop and the thread that asks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, body: bytes) -> None:
        self._loop, self._body = loop, body
        self._sent = False
        self._left = asyncio.Event()
        self._parts: queue.Queue[bytes | BaseException | None] = queue.Queue()
        self._head: queue.Queue[tuple[int, list[tuple[bytes, bytes]]] | BaseException] = queue.Queue()

    async def receive(self) -> MutableMapping[str, Any]:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._head.put((int(message["status"]), list(message.get("headers", []))))
        elif message["type"] == "http.response.body":
            if message.get("body"):
                self._parts.put(bytes(message["body"]))
            if not message.get("more_body"):
                self._parts.put(None)

    def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Status and headers, once the app has begun to answer."""
        found = self._head.get()
        if isinstance(found, BaseException):
            raise httpx2.RemoteProtocolError(f"The service failed: {type(found).__name__}: {found}")
        return found

    def failed(self, error: BaseException) -> None:
        self._head.put(error)
        self._parts.put(httpx2.RemoteProtocolError(f"The service failed: {type(error).__name__}: {error}"))

    def ended(self) -> None:
        self._head.put(httpx2.RemoteProtocolError("no answer"))
        self._parts.put(None)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            part = self._parts.get()
            if part is None:
                return
            if isinstance(part, BaseException):
                raise part
            yield part

    def close(self) -> None:
        """The caller has left: the app may stop."""
        self._loop.call_soon_threadsafe(self._left.set)
