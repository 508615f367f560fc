"""Every error that Bindscope raises on purpose. No HTTP in here: ``api.errors`` maps kinds to statuses.

BindscopeError
├── InvalidInput            the request cannot mean anything                       (422)
│   ├── UnknownName         a name that is not in the list of known ones           (404 or 422)
│   └── UnsupportedModality the model has no tower for what was asked              (422)
├── Conflict                a thing of that name exists and differs                (409)
├── ModelUnavailable        the model is known, but its files are not there        (422)
├── PayloadTooLarge         more items, pixels or bytes than the limits allow      (413)
├── Overloaded              the queue is full: try again in a moment               (429)
│   └── Unloaded            the model is leaving memory: try again                 (429)
├── EncodeFailed            the encoder raised on this very item                   (500)
├── ComputeUnavailable      the engine for long work cannot be reached             (503)
├── DiskFull                there is no room for a file                            (507)
├── Cancelled               somebody asked the running work to stop                (409)
│   └── CallerLeft          who asked has closed the connection                    (499, never sent)
└── StoreUnavailable        the store is gone and the work needs it                (503)
    └── StoreRefused        it answers, but takes nothing: full, or read-only      (503)
"""

from collections.abc import Iterable


class BindscopeError(Exception):
    """Root of the tree. ``str(error)`` is a sentence that says what to do."""


class InvalidInput(BindscopeError, ValueError):
    """A value is wrong. A ``ValueError`` too, so that pydantic locates it."""


class UnknownName(InvalidInput):
    """``name`` is not one of ``known`` things of a ``kind`` (model, space, color, ...)."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        listed = ", ".join(self.known) if self.known else "none"
        super().__init__(f"Unknown {kind} {name!r}. Known: {listed}.")


class UnsupportedModality(InvalidInput):
    """The model has no tower for this kind of input."""


class Conflict(BindscopeError):
    """A thing of that name exists already and is not the same."""


class ModelUnavailable(BindscopeError):
    """The model's files are missing or unreadable."""


class PayloadTooLarge(BindscopeError):
    """The request is larger than a documented limit."""


class Overloaded(BindscopeError):
    """The encoder queue is full."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Unloaded(Overloaded):
    """The model left memory while the request was on its way: asked again, it is loaded again."""


class EncodeFailed(BindscopeError):
    """The encoder failed on one item; the others of its batch were not affected."""


class ComputeUnavailable(BindscopeError):
    """The Dask scheduler or its workers cannot be reached."""


class Cancelled(BindscopeError):
    """The work was asked to stop: what it had finished is kept."""


class CallerLeft(Cancelled):
    """Who asked has closed the connection: nobody hears the answer."""


class DiskFull(BindscopeError):
    """There is no room for a file: nothing of it was kept."""


class StoreUnavailable(BindscopeError):
    """The store does not answer and the work cannot go on without it."""


class StoreRefused(StoreUnavailable):
    """The store answers, but does not take the command: it is full, read-only, or the user lacks a permission."""


def in_one_line(error: BaseException) -> str:
    """What an error of a library says, cut where it goes on and on."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 400 else text[:400] + " ..."
