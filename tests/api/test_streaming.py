import errno
import json

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from bindscope.api.errors import install
from bindscope.api.streaming import answered
from bindscope.core.errors import InvalidInput
from bindscope.core.wire import ProgressLine, ResponseModel


class Step(ResponseModel):
    done: int


class Total(ResponseModel):
    sum: int


def last_line(error: Exception):
    """Of a stream that fails after its first step."""

    def steps():
        yield Step(done=1)
        raise error

    app = FastAPI()
    install(app)

    @app.get("/")
    def ask(request: Request):
        return answered(request, steps(), ProgressLine[Step, Total], Total)

    first, *_, last = TestClient(app).get("/", headers={"Accept": "application/x-ndjson"}).text.splitlines()
    assert json.loads(first)["progress"] == {"done": 1}
    return json.loads(last)["error"]


@pytest.mark.parametrize(
    ("error", "slug", "status"),
    [
        (InvalidInput("Choose two models."), "invalid-input", 422),
        (TimeoutError(), "timeout", 504),
        (OSError(errno.ENOSPC, "no space"), "disk-full", 507),
        (ZeroDivisionError("a secret"), "internal-error", 500),
    ],
)
def test_whatever_goes_wrong_in_a_stream_is_its_last_line(error, slug, status):
    problem = last_line(error)
    assert (problem["type"], problem["status"]) == (f"urn:bindscope:problem:{slug}", status)
    assert "secret" not in problem["detail"]


def test_a_mistake_of_the_service_in_a_stream_is_in_the_log(caplog):
    last_line(ZeroDivisionError("a division"))
    assert "stream failed" in caplog.text
    assert "a division" in caplog.text
    caplog.clear()
    last_line(InvalidInput("Choose two models."))
    assert not caplog.text
