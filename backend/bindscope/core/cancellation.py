"""Cooperative cancellation of abandoned requests.

A request carries a token; everything below finds it in the context of its thread. Work without a token (the command
line, jobs) is never stopped this way.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Literal

from bindscope.core.errors import CallerLeft

Reason = Literal["left", "late"]


class Token:
    """``cancel`` once; whoever works for it finds out by ``check`` or is called back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: Reason | None = None
        self._calls: list[Callable[[], object]] = []

    @property
    def reason(self) -> Reason | None:
        """Why nobody waits: the caller ``left``, or its time is up (``late``); None while somebody waits."""
        return self._reason

    def cancel(self, reason: Reason) -> None:
        """Only the first call counts."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def check(self) -> None:
        """Raises CallerLeft where the caller left, TimeoutError where its time is up."""
        if self._reason == "left":
            raise CallerLeft("The caller closed the connection.")
        if self._reason == "late":
            raise TimeoutError("The time of the request is up.")

    @contextmanager
    def calling(self, call: Callable[[], object]) -> Iterator[None]:
        """``call`` is called if the token is cancelled within the block (at once, if it was before)."""
        with self._lock:
            gone = self._reason is not None
            if not gone:
                self._calls.append(call)
        if gone:
            call()
        try:
            yield
        finally:
            with self._lock, suppress(ValueError):
                self._calls.remove(call)


_token: ContextVar[Token | None] = ContextVar("bindscope_token", default=None)


def current() -> Token | None:
    """The token of the request that this thread works for."""
    return _token.get()


def check() -> None:
    """Raises CallerLeft or TimeoutError if nobody waits for this work any more."""
    token = _token.get()
    if token is not None:
        token.check()


@contextmanager
def carrying(token: Token) -> Iterator[None]:
    """The block, and what is started in its context, works for ``token``."""
    before = _token.set(token)
    try:
        yield
    finally:
        _token.reset(before)
