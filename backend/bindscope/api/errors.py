"""One table from errors to statuses, one body for all of them (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from bindscope.core.errors import (
    BindscopeError,
    CallerLeft,
    Cancelled,
    ComputeUnavailable,
    Conflict,
    DiskFull,
    EncodeFailed,
    InvalidInput,
    ModelUnavailable,
    Overloaded,
    PayloadTooLarge,
    StoreUnavailable,
    UnknownName,
    UnsupportedModality,
)
from bindscope.core.wire import Problem
from bindscope.store.files import is_full, no_room

PROBLEM_JSON = "application/problem+json"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

#: Most special first: the first kind that fits decides. (kind, slug, status)
_TABLE: Sequence[tuple[type[BindscopeError], str, int]] = (
    (UnknownName, "unknown-name", 422),
    (UnsupportedModality, "unsupported-modality", 422),
    (InvalidInput, "invalid-input", 422),
    (Conflict, "conflict", 409),
    (ModelUnavailable, "model-unavailable", 422),
    (PayloadTooLarge, "payload-too-large", 413),
    (Overloaded, "overloaded", 429),
    (ComputeUnavailable, "compute-unavailable", 503),
    (DiskFull, "disk-full", 507),
    (CallerLeft, "caller-left", 499),
    (Cancelled, "cancelled", 409),
    (StoreUnavailable, "store-unavailable", 503),
    (EncodeFailed, "encode-failed", 500),
    (BindscopeError, "error", 500),
)
#: Names that stand for a resource: asking for one that is not there is a 404.
_RESOURCES = frozenset({"model", "space", "dataset", "job", "run", "repair"})


def problem_of(error: Exception) -> Problem:
    """The wire form of an error. What nobody raised on purpose is not the caller's mistake: its text stays here."""
    if isinstance(error, TimeoutError):
        return _problem("timeout", 504, "The model did not answer in time: send fewer items or try again.")
    if is_full(error):
        error = no_room("the data directory")
    if not isinstance(error, BindscopeError):
        return _problem("internal-error", 500, f"The service failed on this request ({type(error).__name__}).")
    slug, status = next((slug, status) for kind, slug, status in _TABLE if isinstance(error, kind))
    known = None
    if isinstance(error, UnknownName):
        known = list(error.known)
        status = 404 if error.kind in _RESOURCES else status
    return _problem(slug, status, str(error), known=known)


def _problem(
    slug: str, status: int, detail: str, *, known: list[str] | None = None, errors: list[dict[str, str]] | None = None
) -> Problem:
    title = slug.replace("-", " ").capitalize()
    # Names from the request are quoted here: half a surrogate pair among them has no UTF-8 form.
    detail = detail.encode("utf-8", "replace").decode()
    return Problem(
        type=f"urn:bindscope:problem:{slug}", title=title, status=status, detail=detail, known=known, errors=errors
    )


def _answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers=dict(headers or {}),
    )


def answer_to(error: Exception) -> Response:
    """The response to an error."""
    headers = {"Retry-After": str(max(1, round(error.retry_after)))} if isinstance(error, Overloaded) else {}
    return _answer(problem_of(error), headers)


def refusal(slug: str, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The response to a request that no route has seen yet."""
    return _answer(_problem(slug, status, detail), headers)


def timed_out(seconds: float) -> Response:
    """The response to a request whose time is up."""
    detail = (
        f"No answer within {seconds:g} seconds: ask for less at a time, or raise BINDSCOPE_REQUEST_TIMEOUT_S. "
        "Vectors that were computed are kept, so that the same request goes on from there."
    )
    return refusal("timeout", 504, detail)


def stopping() -> Response:
    """The response to a request that the end of the service cut off."""
    detail = (
        "The service is stopping and could not wait for the answer: ask again when it is back. "
        "BINDSCOPE_DRAIN_S says how long it waits."
    )
    return refusal("stopping", 503, detail, {"Retry-After": "5"})


def body_too_large() -> Response:
    """The response to a body beyond the limit, wherever it is noticed."""
    return _answer(
        problem_of(
            PayloadTooLarge(
                "The body is larger than the service accepts: send less at a time, or raise "
                "BINDSCOPE_MAX_BODY_MB (uploads: BINDSCOPE_MAX_UPLOAD_MB)."
            )
        )
    )


def _on_error(_: Request, error: Exception) -> Response:
    # The server logs the traceback of what nobody raised on purpose.
    return answer_to(error)


def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = [_place(e) for e in error.errors()]
    first = places[0] if places else {"where": "body", "what": "is not valid"}
    what = first["what"].removeprefix("Value error, ")
    more = f" ({len(places) - 1} more)" if len(places) > 1 else ""
    return _answer(_problem("invalid-request", 422, f"{first['where']}: {what}{more}", errors=places[:20]))


def _place(error: Mapping[str, Any]) -> dict[str, str]:
    """Where one value is wrong and why, in words for somebody who does not know what the service is built with."""
    where = ".".join(str(p) for p in error["loc"] if p != "body") or "body"
    what = str(error["msg"])
    if error["type"] == "json_invalid":
        reason = str(error.get("ctx", {}).get("error", "it cannot be read"))
        return {"where": "body", "what": f"This is not JSON ({reason} at character {where})."}
    if where == "body" and isinstance(error.get("input"), bytes | str):
        return {"where": where, "what": "Send a JSON object, with the header Content-Type: application/json."}
    if where == "file":
        return {"where": where, "what": "Send the upload as multipart/form-data, as a file in the field 'file'."}
    return {"where": where, "what": what}


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if is_full(error.__cause__):
        # A large body lies in a temporary file while it is read: the framework calls every failure there a bad request.
        return answer_to(no_room("the folder for temporary files"))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_allowed(request))
        detail = f"{request.method} is not allowed on {request.url.path}: use {allowed}."
        return _answer(_problem("method-not-allowed", error.status_code, detail), {"Allow": allowed})
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return body_too_large()
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"There is nothing at {request.url.path}: /docs lists every address."
        return _answer(_problem("not-found", error.status_code, detail))
    phrase = HTTPStatus(error.status_code).phrase
    slug = phrase.lower().replace(" ", "-")
    return _answer(_problem(slug, error.status_code, str(error.detail)), error.headers)


def _allowed(request: Request) -> list[str]:
    """Every method of the address; the router itself names only those of the first route that fits."""
    routes = request.app.router.routes
    return [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]


def _on_disconnect(_: Request, error: Exception) -> Response:
    return _answer(problem_of(CallerLeft("The caller left in the middle of the request.")))


def _on_os_error(_: Request, error: Exception) -> Response:
    if is_full(error):
        return answer_to(error)
    raise error


def install(app: FastAPI) -> None:
    """Makes every error of ``app`` a problem."""
    app.add_exception_handler(BindscopeError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(TimeoutError, _on_error)
    app.add_exception_handler(OSError, _on_os_error)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_error)


def _declared(status: int) -> dict[str, Any]:
    return {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


#: Declared on every router, so that the OpenAPI document is true about errors.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: _declared(status) for status in (400, 401, 404, 409, 413, 415, 421, 422, 429, 500, 503, 504, 507)
}
