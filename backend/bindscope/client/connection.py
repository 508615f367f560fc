"""The line to a service: requests, streams, and errors in the service's own words."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from pydantic import BaseModel

from bindscope.client.errors import ApiError, ServiceUnreachable
from bindscope.core.wire import ProgressLine

DEFAULT_URL = "http://127.0.0.1:8000"
Answer = TypeVar("Answer", bound=BaseModel)
Progress = TypeVar("Progress", bound=BaseModel)


class Connection:
    """Talks to the service at ``url``. Raises ``ApiError``, and ``ServiceUnreachable`` when nothing answers."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        api_key: str | None = None,
        *,
        timeout: float = 120.0,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.url = url.rstrip("/")
        self._http = httpx2.Client(
            base_url=self.url,
            headers=headers,
            timeout=httpx2.Timeout(timeout, connect=3.0),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _ask(self, kind: type[Answer], method: str, path: str, **options: Any) -> Answer:
        return kind.model_validate_json(self._send(method, path, **options).content)

    def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        try:
            answer = self._http.request(method, path, **options)
        except httpx2.ConnectError as error:
            raise ServiceUnreachable(self.url) from error
        except httpx2.TransportError as error:
            raise ApiError(504, "No answer", f"The service at {self.url} did not answer: {error}") from error
        except ValueError as error:
            # Half a surrogate pair or a number that is not finite: the request was never sent.
            raise ApiError(422, "Invalid request", f"The request cannot be written as JSON: {error}.") from error
        if answer.is_error:
            raise answer_error(answer)
        return answer

    @contextlib.contextmanager
    def _stream(self, method: str, path: str, **options: Any) -> Iterator[httpx2.Response]:
        """An answer whose body is read as it comes."""
        try:
            with self._http.stream(method, path, **options) as answer:
                if answer.is_error:
                    answer.read()
                    raise answer_error(answer)
                yield answer
        except httpx2.ConnectError as error:
            raise ServiceUnreachable(self.url) from error
        except httpx2.TransportError as error:
            raise ApiError(504, "No answer", f"The service at {self.url} went away: {error}") from error

    def _followed(
        self,
        kind: type[ProgressLine[Progress, Answer]],
        path: str,
        body: Mapping[str, Any] | None,
        on_progress: Callable[[Progress], None],
        **options: Any,
    ) -> Answer:
        """The result at the end of a stream of progress lines. ``options``: of the request, where it is no JSON."""
        if body is not None:
            options["json"] = body
        with self._stream("POST", path, headers={"Accept": "application/x-ndjson"}, **options) as answer:
            for text in answer.iter_lines():
                if not text:
                    continue
                line = kind.model_validate_json(text)
                if line.progress is not None:
                    on_progress(line.progress)
                elif line.error is not None:
                    raise api_error(line.error, 500)
                elif line.result is not None:
                    return line.result
        raise ApiError(502, "Incomplete answer", "The service closed the stream before the result: ask again.")


def answer_error(answer: httpx2.Response) -> ApiError:
    try:
        problem = json.loads(answer.content)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return ApiError(answer.status_code, "Error", f"The service answered {answer.status_code}.")
    return api_error(problem, answer.status_code)


def api_error(problem: Mapping[str, Any], status: int) -> ApiError:
    known = problem.get("known") or ()
    return ApiError(
        int(problem.get("status", status)),
        str(problem.get("title", "Error")),
        str(problem.get("detail") or problem.get("message") or "The service answered with an error."),
        tuple(str(name) for name in known if isinstance(known, Sequence)),
    )
