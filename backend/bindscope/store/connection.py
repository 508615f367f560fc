"""The line to the store, and the breaker that keeps a dead store from slowing anybody down.

The first call that fails opens the breaker: from then on calls fail at once, without touching the network, while one
background thread asks every second whether the store is back (and starts the embedded server again if it died).
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bindscope.core.errors import InvalidInput, StoreRefused, StoreUnavailable
from bindscope.store.valkey import EmbeddedStore

_log = logging.getLogger(__name__)

T = TypeVar("T")
State = Literal["ok", "degraded", "off"]
Kind = Literal["embedded", "external", "off"]

_MAX_PAUSE_S = 30.0
#: How long one answer may take for work that cannot go on without it, and the time between two tries.
_PATIENT_S, _LOOK_S = 5.0, 0.05


class _Away(StoreUnavailable):
    """The line broke or stayed silent: the store may be back in a moment."""


@dataclass(frozen=True)
class StoreStatus:
    """``memory_bytes`` and ``keys`` as the server counts them; ``last_error`` is a sentence without secrets."""

    state: State
    kind: Kind
    server: str | None = None
    memory_bytes: int | None = None
    keys: int | None = None
    last_error: str | None = None


class Store:
    """A Redis or Valkey server at ``url``, the ``embedded`` one, or none at all (neither given).

    ``timeout_s`` bounds one answer, ``connect_s`` one connection attempt, ``retry_s`` is the time between two looks at
    a store that is gone. Making one never fails for a store that is not there; a malformed url is an InvalidInput.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        embedded: EmbeddedStore | None = None,
        connect_s: float = 0.2,
        timeout_s: float = 0.5,
        retry_s: float = 1.0,
    ) -> None:
        self._url = url
        self._embedded = embedded
        self._connect_s, self._timeout_s, self._retry_s = connect_s, timeout_s, retry_s
        self._kind: Kind = "embedded" if embedded else "external" if url else "off"
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._watch: threading.Thread | None = None
        self._client: redis.Redis | None = None
        self._patient: redis.Redis | None = None
        self._client_url: str | None = None
        self._last_error: str | None = None
        self._away_since: float | None = None
        if url is not None:
            self._connect_to(url)
        if self._kind != "off":
            try:
                self._reach()
            except StoreUnavailable as error:
                self._open_breaker(str(error))

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def available(self) -> bool:
        """Whether calls go through at the moment."""
        return self._kind != "off" and self._watch is None and not self._closing.is_set()

    def call(self, work: Callable[[redis.Redis], T], *, patience_s: float = 0.0) -> T:
        """What ``work(client)`` returns. Raises StoreUnavailable: at once while the store is known to be gone.

        With ``patience_s`` a store that is busy, or away for no longer than that, is waited for; ``work`` may then run
        twice.
        """
        until = (self._away_since or time.monotonic()) + patience_s
        while True:
            client = self._patient if patience_s else self._client
            if self._kind == "off" or client is None or self._closing.is_set():
                raise StoreUnavailable(self._last_error or "The store is switched off.")
            try:
                if not self.available:
                    raise StoreUnavailable(self._last_error or "The store is away.")
                return self._tried(work, client)
            except _Away:
                if time.monotonic() >= until:
                    raise
            except StoreUnavailable:
                if self.available or time.monotonic() >= until:
                    raise
            self._closing.wait(_LOOK_S)

    def _tried(self, work: Callable[[redis.Redis], T], client: redis.Redis) -> T:
        try:
            return work(client)
        except (redis.ConnectionError, redis.TimeoutError, redis.exceptions.InvalidResponse, OSError) as error:
            sentence = _sentence(error)
            self._open_breaker(sentence)
            raise _Away(sentence) from error
        except redis.RedisError as error:
            # It answers, but not to this command (full, read-only, no permission): no reason to step aside.
            raise StoreRefused(_sentence(error)) from error

    def status(self) -> StoreStatus:
        """Asks the server; never raises."""
        if self._kind == "off":
            return StoreStatus("off", "off")
        try:
            info, keys = self.call(lambda client: (client.info(), client.dbsize()))
        except StoreUnavailable as error:
            return StoreStatus("degraded", self._kind, last_error=str(error))
        name = "Valkey" if "valkey_version" in info else "Redis"
        version = info.get("valkey_version", info.get("redis_version", "unknown"))
        return StoreStatus("ok", self._kind, f"{name} {version}", int(info["used_memory"]), int(keys))

    def close(self) -> None:
        """Hangs up and leaves the embedded server, if there is one."""
        self._closing.set()
        if self._embedded is not None:
            self._embedded.stop()
        watch = self._watch
        if watch is not None:
            watch.join(timeout=60)
        for client in (self._client, self._patient):
            if client is not None:
                client.close()

    def _connect_to(self, url: str) -> None:
        """A client that gives up soon, for caches, and one that waits, for work that cannot go on without."""
        self._client, self._client_url = self._connect(url, self._timeout_s), url
        self._patient = self._connect(url, max(self._timeout_s, _PATIENT_S))

    def _connect(self, url: str, timeout_s: float) -> redis.Redis:
        try:
            return redis.Redis.from_url(
                url,
                protocol=3,
                retry=Retry(NoBackoff(), 0),
                socket_connect_timeout=self._connect_s,
                socket_timeout=timeout_s,
                decode_responses=False,
            )
        except (ValueError, TypeError):
            # Without the cause: its text may quote parts of the password.
            raise InvalidInput(
                "BINDSCOPE_REDIS_URL is not an address of a Redis or Valkey server: write redis://host:6379/0, "
                "rediss://... or unix:///path, with special characters of the password percent-encoded."
            ) from None

    def _reach(self) -> None:
        """Starts the embedded server if need be and has an answer from the store, or raises StoreUnavailable."""
        if self._embedded is not None:
            self._embedded.ensure()
            url = self._embedded.url
            if url != self._client_url:
                old = (self._client, self._patient)
                self._connect_to(url)
                for client in old:
                    if client is not None:
                        client.close()
        assert self._client is not None
        try:
            self._client.ping()
        except (redis.RedisError, OSError) as error:
            raise StoreUnavailable(_sentence(error)) from error

    def _open_breaker(self, sentence: str) -> None:
        with self._lock:
            self._last_error = sentence
            self._away_since = self._away_since or time.monotonic()
            if self._watch is None and not self._closing.is_set():
                self._watch = threading.Thread(target=self._wait_for_return, name="store watch", daemon=True)
                self._watch.start()

    def _wait_for_return(self) -> None:
        pause = self._retry_s
        while not self._closing.wait(pause):
            try:
                self._reach()
            except StoreUnavailable as error:
                self._last_error = str(error)
                # A server that does not start is not started every second for ever.
                pause = min(2 * pause, _MAX_PAUSE_S) if self._embedded is not None else self._retry_s
                continue
            with self._lock:
                self._watch = None
                self._last_error = self._away_since = None
            return


def open_store(url: str | None, data_dir: Path, *, maxmemory_mb: int = 512) -> Store:
    """The server at ``url``, or else the embedded one of ``data_dir``; degraded, not failing, where neither works."""
    store = Store(url) if url is not None else Store(embedded=EmbeddedStore(data_dir, maxmemory_mb=maxmemory_mb))
    if not store.available:
        _log.warning(
            "Until there is a store, vectors and answers are kept in memory only, and jobs are refused. %s",
            store.status().last_error,
        )
    return store


def _sentence(error: Exception) -> str:
    """What went wrong, in our words: those of the client library can quote addresses and credentials."""
    if isinstance(error, redis.AuthenticationError):
        return "The store refused the user or the password: check BINDSCOPE_REDIS_URL."
    if isinstance(error, redis.BusyLoadingError):
        return "The store is still reading its files: it is picked up when it is ready."
    if isinstance(error, redis.exceptions.InvalidResponse):
        return "What answers there is no Redis or Valkey server: check BINDSCOPE_REDIS_URL."
    if isinstance(error, (redis.TimeoutError, TimeoutError)):
        return "The store does not answer in time; work goes on without it until it does."
    if isinstance(error, (redis.ConnectionError, OSError)):
        return "The store cannot be reached; work goes on without it until it comes back."
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return "The store is full and holds nothing that may be evicted: raise its memory limit."
    if isinstance(error, redis.exceptions.NoPermissionError):
        return "The store's user lacks a permission: allow it the string, key and server commands."
    return f"The store refused a command ({type(error).__name__})."
